use prefect::prelude::*;

#[task(state_handlers = [callback_factory(tell, |_| "yes")])]
fn a() {}

fn tell(_: &Tracked, _: &State) {}

fn main() {}
