use prefect::prelude::*;

#[task(state_handlers = [|_, _, _| 5])]
fn a() {}

fn main() {}
