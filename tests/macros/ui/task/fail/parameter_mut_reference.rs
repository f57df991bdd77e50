use prefect::prelude::*;

#[task]
fn a(x: &mut u8) {}

fn main() {}
