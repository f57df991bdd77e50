use prefect::prelude::*;

#[task(name = "")]
fn a() {}

fn main() {}
