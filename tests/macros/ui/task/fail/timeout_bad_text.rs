use prefect::prelude::*;

#[task(timeout = "90 seconds")]
fn a() {}

fn main() {}
