use prefect::prelude::*;

#[task(name = "a", name = "b")]
fn a() {}

fn main() {}
