use prefect::prelude::*;

#[task]
fn a(x: &'static str) {}

fn main() {}
