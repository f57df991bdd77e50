use prefect::prelude::*;

#[task(state_handlers = [handler])]
fn a() {}

fn handler(_: &Tracked, _: &State, _: State) -> String {
    String::new()
}

fn main() {}
