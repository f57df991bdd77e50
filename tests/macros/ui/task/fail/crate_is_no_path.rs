use prefect::prelude::*;

#[task(crate = "prefect")]
fn a() {}

fn main() {}
