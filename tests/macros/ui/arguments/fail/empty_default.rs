use prefect::prelude::*;

#[task]
fn a(#[default] x: i64) -> i64 {
    x
}

fn main() {}
