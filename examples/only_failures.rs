//! One notifier, bound early and used on tasks and on the flow: it tells of failures only.
use std::process::ExitCode;

use prefect::prelude::*;

const ALERT: SlackNotifier = slack_notifier::only_states(&[Failed]);

#[task(state_handlers = [ALERT])]
fn download(path: String) -> Result<String, std::io::Error> {
    std::fs::read_to_string(path)
}

#[task(state_handlers = [ALERT])]
fn count(text: String) -> usize {
    text.len()
}

fn main() -> ExitCode {
    prefect::main(flow!("Count", state_handlers = [ALERT], { count(download("/no/such/file")) }))
}
