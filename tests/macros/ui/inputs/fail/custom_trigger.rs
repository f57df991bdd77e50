use prefect::prelude::*;

#[task(trigger = mine)]
fn report(x: i64) -> i64 {
    x
}

fn mine(_: &Upstreams<'_>) -> bool {
    true
}

fn main() {}
