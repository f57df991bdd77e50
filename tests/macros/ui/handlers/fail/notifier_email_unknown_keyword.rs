use prefect::prelude::*;

#[task(state_handlers = [email_notifier(only_state = [Failed])])]
fn a() {}

fn main() {}
