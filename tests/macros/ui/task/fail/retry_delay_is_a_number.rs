use prefect::prelude::*;

#[task(max_retries = 1, retry_delay = 10)]
fn a() {}

fn main() {}
