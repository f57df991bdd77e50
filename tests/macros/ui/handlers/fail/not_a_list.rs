use prefect::prelude::*;

#[task(state_handlers = tell)]
fn a() {}

fn tell(_: &Tracked, _: &State, _: State) {}

fn main() {}
