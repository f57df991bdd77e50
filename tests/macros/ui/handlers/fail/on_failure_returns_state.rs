use prefect::prelude::*;

#[task(on_failure = tell)]
fn a() {}

fn tell(_: &Tracked, state: &State) -> State {
    state.clone()
}

fn main() {}
