use prefect::prelude::*;

#[task(state_handlers = [async |new| new])]
fn a() {}

fn main() {}
