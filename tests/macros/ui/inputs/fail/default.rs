use prefect::prelude::*;

#[task(trigger = any_failed)]
fn report(#[default(1)] x: i64) -> i64 {
    x
}

fn main() {}
