use prefect::prelude::*;

#[task]
const fn a() {}

fn main() {}
