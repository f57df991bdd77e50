use prefect::prelude::*;

#[task(max_retries = "3")]
fn a() {}

fn main() {}
