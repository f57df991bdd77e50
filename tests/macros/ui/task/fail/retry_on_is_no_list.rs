use prefect::prelude::*;

#[task(max_retries = 1, retry_on = std::io::Error)]
fn a() {}

fn main() {}
