use prefect::prelude::*;

#[task]
fn a(x: i64) -> i64 {
    x + "1"
}

fn main() {}
