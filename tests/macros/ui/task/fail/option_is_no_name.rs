use prefect::prelude::*;

#[task("a")]
fn a() {}

fn main() {}
