use prefect::prelude::*;

#[task]
fn map() {}

fn main() {}
