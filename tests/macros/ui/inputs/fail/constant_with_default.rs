use prefect::prelude::*;

#[task]
fn report(#[constant] #[default(1)] x: i64) -> i64 {
    x
}

fn main() {}
