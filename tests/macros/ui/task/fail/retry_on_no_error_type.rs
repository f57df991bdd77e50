use prefect::prelude::*;

#[task(max_retries = 1, retry_on = [u8])]
fn a() {}

fn main() {}
