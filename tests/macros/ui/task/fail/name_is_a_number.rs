use prefect::prelude::*;

#[task(name = 5)]
fn a() {}

fn main() {}
