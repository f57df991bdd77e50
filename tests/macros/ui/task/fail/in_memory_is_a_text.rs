use prefect::prelude::*;

#[task(in_memory = "yes")]
fn a() {}

fn main() {}
