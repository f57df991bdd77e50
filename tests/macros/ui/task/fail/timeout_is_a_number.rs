use prefect::prelude::*;

#[task(timeout = 10)]
fn a() {}

fn main() {}
