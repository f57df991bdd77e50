use prefect::prelude::*;

#[task]
unsafe fn a() {}

fn main() {}
