use prefect::prelude::*;

#[task(state_handlers = [slack_notifier(only_state = [Failed])])]
fn a() {}

fn main() {}
