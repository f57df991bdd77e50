use prefect::prelude::*;

#[task(on_failure = |object, old, new| println!("{object} {old} {new}"))]
fn a() {}

fn main() {}
