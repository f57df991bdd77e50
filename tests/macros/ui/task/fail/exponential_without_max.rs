use prefect::prelude::*;

#[task(max_retries = 1, retry_delay = exponential("1s"))]
fn a() {}

fn main() {}
