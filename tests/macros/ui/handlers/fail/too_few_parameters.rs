use prefect::prelude::*;

#[task(state_handlers = [two])]
fn a() {}

fn two(_: &Tracked, new: State) -> State {
    new
}

fn main() {}
