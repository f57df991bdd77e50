use prefect::prelude::*;

#[task]
fn a<const N: usize>(x: u8) {}

fn main() {}
