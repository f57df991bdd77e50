//! The seed example, from the macros to what Slack receives: equal to what Prefect 1 posted.
use std::time::Duration;

use prefect::fake_slack::{Answer, FakeSlack, SlackError};
use prefect::prelude::*;
use prefect::testing::TestRun;
use prefect::{Clock, Config, Executor, RunSettings};
use serde_json::Value;

#[task(name = "1/x task", state_handlers = [slack_notifier])]
fn div(x: i64) -> i64 {
    1 / x
}

#[task(name = "Add 1 task", state_handlers = [slack_notifier])]
fn add(x: i64) -> i64 {
    x + 1
}

fn recorded() -> Vec<Value> {
    let case: Value = serde_json::from_str(include_str!("reference/prefect1/seed_add_divide_fails.json")).unwrap();
    case["observed"]["http_posts"].as_array().unwrap().iter().map(|post| post["json"].clone()).collect()
}

/// The error's text is the one thing that differs: Python's own and Rust's.
fn without_error(mut payload: Value) -> Value {
    let value = &mut payload["attachments"][0]["fields"][0]["value"];
    let text = value.as_str().unwrap();
    if text.starts_with("```") && text.ends_with("```") {
        *value = "```error```".into();
    }
    payload
}

fn settings(config: Config) -> RunSettings {
    RunSettings::new().config(config)
}

#[test]
fn the_seed_example_posts_the_recorded_messages() {
    for executor in [Executor::Local, Executor::threads(1), Executor::threads(2)] {
        let slack = FakeSlack::start();
        let config = Config::builder().secret("SLACK_WEBHOOK_URL", slack.webhook_url()).build().unwrap();
        let flow = flow!("Add Divide Flow", { div(x = add(-1)) }).with(settings(config).executor(executor));
        let run = flow.run();
        assert_eq!(run.state().kind(), Failed);
        assert_eq!(run.output().unwrap_err().task, "1/x task");
        assert_eq!(run.notifications().to_string(), "notifications: 4 sent", "{executor:?}");
        let sent: Vec<_> = slack.requests().iter().map(|request| request.json().clone()).map(without_error).collect();
        assert_eq!(sent, recorded().into_iter().map(without_error).collect::<Vec<_>>());
    }
}

#[test]
fn without_a_webhook_the_run_is_the_same_and_says_what_was_not_sent() {
    let flow = flow!("Add Divide Flow", { div(x = add(1)) }).with(settings(Config::default()));
    let run = flow.run();
    assert_eq!(run.output().unwrap(), 0);
    assert_eq!(run.notifications().not_sent(), 4);
    assert!(run.notifications().to_string().contains("SLACK_WEBHOOK_URL"));
}

#[test]
fn a_webhook_that_is_none_is_an_error_before_the_first_task() {
    let config = Config::builder().secret("SLACK_WEBHOOK_URL", "ftp://example.org/hidden-token").build().unwrap();
    let run = flow!("f", { div(x = add(1)) }).with(settings(config)).run();
    assert_eq!(run.state().kind(), Failed);
    let message = run.state().message().unwrap();
    assert!(message.contains("SLACK_WEBHOOK_URL") && !message.contains("hidden-token"), "{message}");
    assert!(run.task_runs().all(|task| task.state.kind() == Pending));
}

#[test]
fn a_webhook_in_a_panic_is_hidden_everywhere() {
    #[task(state_handlers = [slack_notifier])]
    fn leaks() -> i64 {
        panic!("cannot reach {}", context().task_name().map_or("", |_| "https://hooks.slack.com/services/T0/B0/canary"))
    }
    let slack = FakeSlack::start();
    let config = Config::builder().secret("SLACK_WEBHOOK_URL", slack.webhook_url()).build().unwrap();
    let run = flow!("leak", { leaks() }).with(settings(config)).run();
    let state = run.task_runs().next().unwrap().state;
    assert!(!state.message().unwrap().contains("canary"), "{state}");
    assert!(slack.requests().iter().all(|request| !request.json().to_string().contains("canary")));
}

const ALERT: prefect::SlackNotifier = slack_notifier::only_states(&[Failed]);

#[test]
fn a_notifier_bound_early_hears_of_failures_only() {
    #[task(state_handlers = [ALERT.webhook_secret("ONCALL"), slack_notifier(only_states = [Success])])]
    fn works(x: i64) -> i64 {
        10 / x
    }
    let flow = flow!("two", state_handlers = [ALERT.webhook_secret("ONCALL")], {
        works(1);
        works(0)
    });
    let run = TestRun::of(&flow).run();
    let told: Vec<_> = run.notifications().iter().map(|sent| (sent.secret, &*sent.name, sent.state)).collect();
    assert_eq!(told, [("SLACK_WEBHOOK_URL", "works", Success), ("ONCALL", "works", Failed), ("ONCALL", "two", Failed)]);
}

#[task(state_handlers = [slack_notifier])]
async fn slow(x: i64) -> i64 {
    prefect::sleep(Duration::from_secs(3)).await;
    x * 2
}

/// Whatever Slack does: the same states, results and times, to the nanosecond.
#[test]
fn trouble_with_slack_changes_nothing_of_a_run() {
    let seen = |answer: Option<Answer>| {
        let slack = FakeSlack::start();
        let mut config = Config::builder();
        if let Some(answer) = answer {
            slack.always(answer);
            config = config.secret("SLACK_WEBHOOK_URL", slack.webhook_url());
        }
        let flow = flow!("Trouble", state_handlers = [slack_notifier], { (slow(add(4)), div(add(-1))) });
        let settings = settings(config.build().unwrap())
            .clock(Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap()))
            .flush_deadline(Duration::ZERO);
        let run = flow.with(settings).run();
        let tasks = run.task_runs().map(|task| (task.name, task.state.to_string(), task.started, task.duration));
        (tasks.collect::<Vec<_>>(), run.state().to_string(), run.duration())
    };
    let alone = seen(None);
    assert_eq!(alone.2, Duration::from_secs(3));
    for answer in [
        Answer::AsSlack,
        Answer::Unavailable,
        Answer::RateLimited(60),
        Answer::Garbage,
        Answer::ResetAfterReading,
        Answer::Error(SlackError::NoService),
    ] {
        assert_eq!(seen(Some(answer.clone())), alone, "{answer:?}");
    }
}
