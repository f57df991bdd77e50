use prefect::prelude::*;

#[task(trigger = any_failed)]
fn report(x: &str) -> usize {
    x.len()
}

fn main() {}
