use prefect::prelude::*;

#[task]
fn a(#[default("1")] x: i64) -> i64 {
    x
}

fn main() {}
