use prefect::prelude::*;

#[task(on_failure = tell)]
fn a() {}

fn tell(_: &Tracked, _: &State, _: State) {}

fn main() {}
