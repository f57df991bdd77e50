use prefect::prelude::*;

#[task]
fn a<'a>(x: &str) {}

fn main() {}
