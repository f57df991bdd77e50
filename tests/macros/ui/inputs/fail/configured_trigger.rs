use prefect::prelude::*;

#[task(trigger = some_failed(at_least = 2))]
fn report(x: i64) -> i64 {
    x
}

fn main() {}
