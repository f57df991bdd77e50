use prefect::prelude::*;

#[task]
fn str() {}

fn main() {}
