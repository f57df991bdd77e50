use prefect::prelude::*;

#[task(trigger = mine)]
fn report() {}

fn mine() -> bool {
    true
}

fn main() {}
