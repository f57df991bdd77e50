use prefect::prelude::*;

#[task(state_handlers = [slack_notifier(only_states = [Faild])])]
fn a() {}

fn main() {}
