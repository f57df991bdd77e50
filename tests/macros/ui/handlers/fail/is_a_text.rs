use prefect::prelude::*;

#[task(state_handlers = ["slack"])]
fn a() {}

fn main() {}
