use prefect::prelude::*;

#[task(max_retries = 1, retry_delay = "10 seconds")]
fn a() {}

fn main() {}
