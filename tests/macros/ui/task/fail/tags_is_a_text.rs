use prefect::prelude::*;

#[task(tags = "a")]
fn a() {}

fn main() {}
