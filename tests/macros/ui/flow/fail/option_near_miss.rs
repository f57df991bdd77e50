use prefect::prelude::*;

fn tell(_: &Tracked, _: &State, _: State) {}

fn main() {
    flow!("f", state_handler = [tell], {});
}
