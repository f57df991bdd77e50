use prefect::prelude::*;

#[task]
fn a(x: Option<&str>) {}

fn main() {}
