use prefect::prelude::*;

#[task]
fn a(x: i64) -> String {
    x
}

fn main() {}
