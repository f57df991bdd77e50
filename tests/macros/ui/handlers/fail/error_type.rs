use prefect::prelude::*;

#[task(state_handlers = [handler])]
fn a() {}

struct MyError;

fn handler(_: &Tracked, _: &State, new: State) -> Result<State, MyError> {
    Ok(new)
}

fn main() {}
