use prefect::prelude::*;

fn tell(_: &Tracked, _: &State) {}

fn main() {
    flow!("f", on_failure = tell);
}
