use prefect::prelude::*;

#[task]
fn a(x: Node<i64>) {}

fn main() {}
