use prefect::prelude::*;

fn g(_: &Tracked, state: &State) -> Option<State> {
    Some(state.clone())
}

fn main() {
    flow!("f", terminal_state_handler = g, {});
}
