use prefect::prelude::*;

#[task(state_handlers = [handler()])]
fn a() {}

fn handler() -> impl Fn(&Tracked, &State, State) {
    let count = std::cell::Cell::new(0);
    move |_, _, _| count.set(count.get() + 1)
}

fn main() {}
