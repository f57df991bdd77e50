use prefect::prelude::*;

#[task(max_retries = 1, retry_on = || true)]
fn a() {}

fn main() {}
