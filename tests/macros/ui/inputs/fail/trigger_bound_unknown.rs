use prefect::prelude::*;

#[task(trigger = some_failed(atleast = 1))]
fn report() {}

fn main() {}
