use prefect::prelude::*;

#[task(trigger = mine)]
fn report() {}

fn mine(_: &Upstreams<'_>) -> usize {
    1
}

fn main() {}
