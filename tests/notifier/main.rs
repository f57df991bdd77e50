//! `slack_notifier` over real HTTP to the fake Slack, its payloads against recorded ones, and its silence about secrets.
mod currying;
mod leaks;
mod payloads;
mod tls;
mod trouble;

use prefect::fake_slack::FakeSlack;
use prefect::{__testing::Bench, SlackNotifier, State, StateKind, TaskError, Tracked};

const HOOK: &str = "SLACK_WEBHOOK_URL";

/// A run whose notifier posts to this fake.
fn bench(slack: &FakeSlack) -> Bench {
    Bench::options().secret(HOOK, slack.webhook_url()).start()
}

fn call(by: SlackNotifier, object: &Tracked, kind: StateKind) -> Result<State, TaskError> {
    by.handle(object, &State::new(StateKind::Pending), State::new(kind).with_message("a message"))
}
