use prefect::prelude::*;

#[task(state_handlers = [|_, new| new])]
fn a() {}

fn main() {}
