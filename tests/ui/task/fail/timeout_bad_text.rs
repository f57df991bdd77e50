use prefect::prelude::*;

#[task(timeout = "1.5s")]
fn a() {}

fn main() {}
