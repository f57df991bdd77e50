//! Two channels by two secrets: the team hears of everything, whoever is on call of failures.
use std::process::ExitCode;

use prefect::prelude::*;

const TEAM: SlackNotifier = slack_notifier::webhook_secret("TEAM_WEBHOOK_URL");
const ONCALL: SlackNotifier = slack_notifier::webhook_secret("ONCALL_WEBHOOK_URL").only_states(&[Failed]);

#[task(state_handlers = [TEAM, ONCALL])]
fn check(free: u64) -> Result<u64, String> {
    if free < 10 { Err(format!("{free} GB left")) } else { Ok(free) }
}

fn main() -> ExitCode {
    prefect::main(flow!("Disk", state_handlers = [TEAM], { check(3) }))
}
