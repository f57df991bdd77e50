use prefect::prelude::*;

fn g(_: &Tracked, state: &State) -> State {
    state.clone()
}

fn main() {
    flow!("f", terminal_state_handler = g, {});
}
