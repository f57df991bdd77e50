use prefect::prelude::*;

#[task(state_handlers = [handler])]
fn a() {}

fn handler(_: &Tracked, _: State, new: State) -> State {
    new
}

fn main() {}
