use prefect::prelude::*;

#[task(state_handlers = [tel])]
fn a() {}

fn main() {}
