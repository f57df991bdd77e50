//! The flow "Add Divide Flow": adds one to -1, then divides one by the result, and tells Slack of every change.
use std::process::ExitCode;

use prefect::prelude::*;

#[task(name = "1/x task", state_handlers = [slack_notifier])]
fn div(x: i64) -> i64 {
    1 / x
}

#[task(name = "Add 1 task", state_handlers = [slack_notifier])]
fn add(x: i64) -> i64 {
    x + 1
}

fn main() -> ExitCode {
    prefect::main(flow!("Add Divide Flow", { div(x = add(-1)) }))
}
