//! Slack down, slow or strange: the run never notices, and the summary tells.
use std::env;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use prefect::__testing::{Bench, BenchOptions};
use prefect::StateKind::{Failed, Pending, Running};
use prefect::fake_slack::{Answer, FakeSlack, Gate, SlackError};
use prefect::{
    Config, FlowBuilder, FlowOptions, OnDeliveryFailure, RunSettings, SlackNotifier, State, TaskBody, TaskDefinition,
    Tracked, Value, slack_notifier,
};
use tracing::Level;

use crate::{HOOK, bench, call};
use prefect_tests::logs::Logs;

/// Posts one failure for each answer of the script; what the summary says, and how many requests came.
fn one_failure(answers: impl IntoIterator<Item = Answer>) -> (String, usize) {
    let slack = FakeSlack::start();
    slack.script(answers);
    let bench = options(&slack).start();
    call(SlackNotifier::DEFAULT, &bench.task("t"), Failed).unwrap();
    (bench.finish().to_string(), slack.requests().len())
}

/// Long enough to see every retry under virtual time, and a client that gives up soon in real time.
fn options(slack: &FakeSlack) -> BenchOptions {
    Bench::options()
        .secret(HOOK, slack.webhook_url())
        .flush_deadline(Duration::from_mins(10))
        .total_timeout(Duration::from_millis(300))
}

fn not_sent(reason: &str) -> String {
    format!("notifications: 0 sent, 1 not sent ({reason})")
}

const ONE_SENT: &str = "notifications: 1 sent";

#[test]
fn a_slack_that_comes_back_gets_the_failure() {
    assert_eq!(one_failure([Answer::Unavailable]), (ONE_SENT.into(), 2));
    assert_eq!(one_failure([Answer::Garbage]), (ONE_SENT.into(), 2));
    assert_eq!(one_failure([Answer::HalfResponse]), (ONE_SENT.into(), 2));
    assert_eq!(one_failure([Answer::ResetAfterReading]), (ONE_SENT.into(), 2));
    assert_eq!(one_failure([Answer::Hang]), (ONE_SENT.into(), 2));
    // The first was reset before the fake read it, so one is all that it shows.
    assert_eq!(one_failure([Answer::ResetBeforeReading]), (ONE_SENT.into(), 1));
    assert_eq!(one_failure([Answer::GarbageBody]), (ONE_SENT.into(), 1));
}

#[test]
fn a_slack_that_stays_down_gets_two_tries_and_is_named() {
    assert_eq!(one_failure([Answer::Unavailable, Answer::Unavailable]), (not_sent("slack: 503"), 2));
    assert_eq!(one_failure([Answer::Hang, Answer::Hang]), (not_sent("slack: timed out"), 2));
    let reset = [Answer::ResetAfterReading, Answer::ResetAfterReading];
    assert_eq!(one_failure(reset), (not_sent("slack: connection lost"), 2));
    assert_eq!(one_failure([Answer::Garbage, Answer::Garbage]), (not_sent("slack: no valid answer"), 2));
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = FakeSlack::start();
    let redirect = Answer::Redirect(elsewhere.webhook_url());
    assert_eq!(one_failure([redirect]), (not_sent("slack: 302, redirects are not followed"), 1));
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn nobody_there_is_tried_until_the_deadline() {
    let bench = Bench::options().secret(HOOK, FakeSlack::refused_url()).start();
    call(SlackNotifier::DEFAULT, &bench.task("t"), Failed).unwrap();
    assert_eq!(bench.finish().to_string(), not_sent("slack: connection refused"));
    // Tries at 0, 0.5, 1.5 and 3.5 s; the next would come after the deadline of 5 s.
    assert_eq!(bench.elapsed(), Duration::from_millis(3_500));
}

#[test]
fn retry_after_is_never_undercut() {
    let slack = FakeSlack::start();
    slack.script([Answer::RateLimited(42), Answer::AsSlack, Answer::RateLimited(0)]);
    let bench = options(&slack).start();
    for name in ["a", "b"] {
        call(SlackNotifier::DEFAULT, &bench.task(name), Running).unwrap();
    }
    assert_eq!(bench.finish().to_string(), "notifications: 2 sent");
    let texts: Vec<_> = slack.requests().iter().map(|r| r.json()["attachments"][0]["text"].to_string()).collect();
    assert!(texts[0] == texts[1] && texts[2] == texts[3] && texts[1] != texts[2], "{texts:?}");
    // 42 s, then 1 s of the rate, then at least 1 s more; each wait that Slack asked for up to 0.5 s longer.
    let elapsed = bench.elapsed().as_secs_f64();
    assert!((44.0..=45.0).contains(&elapsed), "{elapsed}");
}

#[test]
fn errors_of_the_webhook_stop_it_with_one_line_that_names_the_secret() {
    for error in SlackError::ALL {
        let slack = FakeSlack::start();
        slack.always(Answer::Error(error));
        let bench = options(&slack).start();
        let (report, logs) = Logs::of(|| {
            for _ in 0..3 {
                call(SlackNotifier::DEFAULT, &bench.task("t"), Failed).unwrap();
            }
            bench.finish()
        });
        let (requests, errors) = (slack.requests().len(), logs.at(Level::ERROR));
        // A message that is given up by itself has a line of its own.
        let lost = logs.at(Level::WARN);
        let given_up = if matches!(error.status(), 400 | 500) { 3 } else { 0 };
        assert_eq!(lost.len(), given_up, "{error:?}: {lost:?}");
        assert!(lost.iter().all(|line| line.contains("a notification was not sent to the webhook in the secret")));
        match error {
            SlackError::RollupError => assert_eq!(report.reasons().collect::<Vec<_>>(), [("slack: 500", 3)]),
            _ => assert_eq!(report.reasons().collect::<Vec<_>>(), [(&*format!("slack: {}", error.code()), 3)]),
        }
        match error.status() {
            // The message is at fault: each once more, as plain text.
            400 => {
                assert_eq!((requests, errors.len()), (6, 0), "{error:?}");
                assert!(slack.requests()[1].json().get("attachments").is_none());
                assert!(slack.requests()[1].json()["text"].as_str().unwrap().starts_with("t is now in a Failed state"));
            }
            500 => assert_eq!((requests, errors.len()), (6, 0)),
            _ => {
                assert_eq!((requests, errors.len()), (1, 1), "{error:?}");
                assert!(
                    errors[0].contains(&format!(" in this run secret={HOOK} ")) && errors[0].contains(error.code()),
                    "{errors:?}"
                );
            }
        }
    }
}

#[test]
fn a_slow_slack_holds_up_no_handler() {
    let slack = FakeSlack::start();
    let gate = Gate::new();
    slack.script([Answer::After(gate.clone(), Box::new(Answer::AsSlack))]);
    let bench = bench(&slack);
    // All return, though not one message has been answered yet.
    for i in 0..50 {
        call(SlackNotifier::DEFAULT, &bench.task(&format!("t{i}")), Running).unwrap();
    }
    assert_eq!(slack.wait_for(1).len(), 1);
    gate.open();
    assert_eq!(bench.finish().to_string(), "notifications: 50 sent");
}

#[test]
fn the_end_of_a_run_does_not_wait_longer_than_the_deadline() {
    let slack = FakeSlack::start();
    slack.always(Answer::Hang);
    let bench = Bench::options()
        .secret(HOOK, slack.webhook_url())
        .flush_deadline(Duration::from_millis(50))
        .total_timeout(Duration::from_hours(1))
        .system_clock()
        .start();
    call(SlackNotifier::DEFAULT, &bench.task("t"), Failed).unwrap();
    call(SlackNotifier::DEFAULT, &bench.task("t"), Running).unwrap();
    let _ = slack.wait_for(1);
    assert_eq!(bench.finish().to_string(), "notifications: 0 sent, 2 not sent (slack: timed out)");
}

#[test]
fn a_server_that_speaks_no_tls_is_a_message_not_sent() {
    let slack = FakeSlack::start();
    let url = slack.webhook_url().replace("http://", "https://");
    let bench = Bench::options().secret(HOOK, url).start();
    call(SlackNotifier::DEFAULT, &bench.task("t"), Failed).unwrap();
    let report = bench.finish();
    assert_eq!((report.sent(), report.not_sent()), (0, 1), "{report}");
}

#[test]
fn two_secrets_are_two_channels_and_their_troubles_are_their_own() {
    let slack = FakeSlack::start();
    let broken = FakeSlack::start();
    broken.always(Answer::Error(SlackError::NoService));
    let bench = options(&slack).secret("ONCALL", broken.webhook_url_for("oncall")).start();
    let oncall = slack_notifier::webhook_secret("ONCALL");
    let task = bench.task("t");
    for _ in 0..4 {
        call(oncall, &task, Failed).unwrap();
        call(SlackNotifier::DEFAULT, &task, Failed).unwrap();
    }
    assert_eq!(bench.finish().to_string(), "notifications: 4 sent, 4 not sent (slack: no_service)");
    assert!(broken.requests()[0].path().ends_with("/oncall"));
    assert_eq!((slack.requests().len(), broken.requests().len()), (4, 1));
}

#[test]
fn proxies_are_used_by_scheme() {
    let proxy = FakeSlack::start();
    let url = FakeSlack::refused_url();
    // A binding is made in a `const`, where the port of this test is not known: leaked, as the program is short.
    let proxies = Box::leak(vec![("http", &*proxy.url().leak())].into_boxed_slice());
    let bench = Bench::options().secret(HOOK, url.clone()).start();
    call(slack_notifier::proxies(proxies), &bench.task("t"), Failed).unwrap();
    assert_eq!(bench.finish().to_string(), ONE_SENT);
    assert_eq!(proxy.requests()[0].path(), url);

    for (proxies, reason) in [
        (&[("ftp", "http://x.example")], "proxies: unknown scheme `ftp`, expected `https`, `http` or `all`"),
        (&[("http", "http://")], "proxies: the one for `http` is not a URL"),
    ] {
        let bench = Bench::options().secret(HOOK, url.clone()).start();
        call(slack_notifier::proxies(proxies), &bench.task("t"), Failed).unwrap();
        assert_eq!(bench.finish().to_string(), not_sent(reason));
    }
}

#[test]
fn in_place_a_failure_is_the_error_of_the_handler() {
    let slack = FakeSlack::start();
    slack.script([Answer::AsSlack, Answer::Unavailable, Answer::Error(SlackError::NoService), Answer::AsSlack]);
    let bench = bench(&slack);
    let fail = slack_notifier::on_delivery_failure(OnDeliveryFailure::Fail);
    let failed = |object: &Tracked| call(fail, object, Running).map_err(|e| e.to_string()).map(|s| s.kind());
    assert_eq!(failed(&bench.task("t")), Ok(Running));
    assert_eq!(slack.requests().len(), 1, "sent before the handler returned");
    assert_eq!(failed(&bench.task("t")), Err("Slack notification for <Task: t> failed".into()));
    assert_eq!(failed(&bench.flow("f")), Err("Slack notification for <Flow: name=\"f\"> failed".into()));
    // Nothing is remembered: Prefect 1 posts again.
    assert_eq!(failed(&bench.task("t")), Ok(Running));
    let report = bench.finish();
    assert_eq!(report.to_string(), "notifications: 2 sent, 2 not sent (1 slack: 404; 1 slack: 503)");
}

#[test]
fn a_missing_secret_is_one_warning_that_says_what_to_do() {
    let bench = Bench::options().start();
    let task = bench.task("t");
    let (report, logs) = Logs::of(|| {
        for _ in 0..3 {
            call(SlackNotifier::DEFAULT, &task, Running).unwrap();
        }
        call(slack_notifier::webhook_secret("ONCALL"), &task, Running).unwrap();
        bench.finish()
    });
    let line = "notifications: 0 sent, 4 not sent (1 no webhook: ONCALL; 3 no webhook: SLACK_WEBHOOK_URL)";
    assert_eq!(report.to_string(), line);
    let warnings = logs.at(Level::WARN);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    for part in ["`SLACK_WEBHOOK_URL`", "[context.secrets]", "PREFECT__CONTEXT__SECRETS__SLACK_WEBHOOK_URL"] {
        assert!(warnings[0].contains(part), "{warnings:?}");
    }
}

/// What its thread held is free again: the one who listens to the log among it.
#[test]
fn the_thread_that_delivers_ends_with_the_run() {
    let slack = FakeSlack::start();
    let listens = tracing::Dispatch::new(Logs::default());
    tracing::dispatcher::with_default(&listens, || {
        let bench = bench(&slack);
        call(SlackNotifier::DEFAULT, &bench.task("t"), Failed).unwrap();
        assert_eq!(bench.finish().to_string(), ONE_SENT);
    });
    let still_listens = listens.downgrade();
    drop(listens);
    assert!(still_listens.upgrade().is_none());
}

/// Proxies from the environment are for the world outside. In a process of its own: the environment belongs to all tests.
#[test]
fn a_slack_on_this_machine_is_reached_without_the_proxies_of_the_environment() {
    const NAME: &str = "trouble::a_slack_on_this_machine_is_reached_without_the_proxies_of_the_environment";
    const CHILD: &str = "PROXIES_ARE_SET";
    if env::var_os(CHILD).is_some() {
        assert_eq!(one_failure([]), (ONE_SENT.into(), 1));
        return;
    }
    // Nobody listens there.
    let nowhere = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let mut child = Command::new(env::current_exe().unwrap());
    child.args([NAME, "--exact"]).env(CHILD, "").env_remove("NO_PROXY").env_remove("no_proxy");
    let proxies = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let done = child.envs(proxies.map(|name| (name, &nowhere))).output().unwrap();
    let shown = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && shown.contains("1 passed"), "{shown}");
}

/// Of all webhooks that the handlers of a flow and its tasks name, before anything runs.
#[test]
fn a_secret_that_is_no_webhook_ends_the_run_at_its_start() {
    for (of_the_task, of_the_flow, bad) in [("ONCALL", HOOK, "ONCALL"), (HOOK, "ONCALL", "ONCALL"), ("X", "Y", HOOK)] {
        let mut flow =
            FlowBuilder::new(FlowOptions::new("nightly").state_handler(slack_notifier::webhook_secret(of_the_flow)));
        let definition = TaskDefinition::new("load").state_handler(slack_notifier::webhook_secret(of_the_task));
        let load = flow.task(definition, TaskBody::new([], |_| Ok(Value::new(()))));
        let config = Config::builder().secret(bad, "c4n4ry").build().unwrap();
        let run = flow.build().with(RunSettings::new().config(config)).run();
        assert_eq!((run.state().kind(), run.state_of(load).kind()), (Failed, Pending));
        let message = run.state().message().unwrap();
        assert!(message.contains(&format!("the secret `{bad}` is not a webhook URL")), "{message}");
        assert!(!message.contains("c4n4ry"), "{message}");
    }
}

#[test]
fn a_flood_of_one_task_and_state_is_few_messages_that_count_all_of_it() {
    let slack = FakeSlack::start();
    let bench = options(&slack).start();
    let (task, other) = (bench.task("load"), bench.task("other"));
    for i in 0..20_000 {
        let state = State::failed(format!("Http({})", 500 + i % 4));
        SlackNotifier::DEFAULT.handle(&task, &State::new(Running), state).unwrap();
    }
    call(SlackNotifier::DEFAULT, &other, Failed).unwrap();
    let report = bench.finish();
    assert_eq!(report.to_string(), "notifications: 12 sent (of 20001 state changes)");
    let received = slack.requests();
    let card = received.last().unwrap().json()["attachments"][0].clone();
    assert_eq!(card["text"], "load: 19990 more in a Failed state");
    assert_eq!(card["fields"][0]["value"], "```19990x Http(#)```");
}
