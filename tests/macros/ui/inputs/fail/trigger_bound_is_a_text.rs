use prefect::prelude::*;

#[task(trigger = some_failed(at_least = "half"))]
fn report() {}

fn main() {}
