//! The test kit: what is given to a test run, what is kept of it, and what stays outside.
mod given;
mod hermetic;
mod kept;
mod mistakes;
mod time;

use prefect::prelude::*;

/// What a nightly pipeline does, every part of it in need of something that a test has not.
#[task(max_retries = 2, retry_delay = "1h", state_handlers = [slack_notifier(only_states = [Failed])])]
pub(crate) fn download(page: u32) -> Result<Vec<u32>, TaskError> {
    Err(format!("page {page}: no network here").into())
}

#[task]
pub(crate) fn double(x: u32) -> u32 {
    2 * x
}

#[task(state_handlers = [slack_notifier(webhook_secret = "ONCALL")])]
pub(crate) fn total(xs: &[u32]) -> u32 {
    xs.iter().sum()
}

#[prefect::flow(name = "nightly")]
pub(crate) fn nightly(#[default(1)] page: u32) -> u32 {
    total(double::map(download(page)))
}
