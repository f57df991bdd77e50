use prefect::prelude::*;

#[task(retry_delay = "10s")]
fn a() {}

fn main() {}
