use prefect::prelude::*;

#[task(state_handlers = [slack_notifier(only_states = ["Failed"])])]
fn a() {}

fn main() {}
