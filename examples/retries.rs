//! A task that is tried again, with growing random delays, and only for one kind of error.
use std::process::ExitCode;

use prefect::prelude::*;

#[task(max_retries = 3, retry_delay = exponential("10ms", max = "1s"), retry_on = [std::io::Error])]
fn flaky() -> Result<u32, TaskError> {
    let attempt = context().task_run_count();
    if attempt < 3 {
        return Err(std::io::Error::other("connection lost").into());
    }
    Ok(attempt)
}

fn main() -> ExitCode {
    prefect::main(flow!("Retries", { flaky() }))
}
