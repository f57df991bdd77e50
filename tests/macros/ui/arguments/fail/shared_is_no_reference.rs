use prefect::prelude::*;

#[task]
fn a(#[shared] db: String) {}

fn main() {}
