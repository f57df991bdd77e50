//! Notifications of recorded runs: recorded with their changes, sent at least once, by whichever process can.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use prefect::fake_slack::{Answer, FakeSlack, Gate, Received, SlackError};
use prefect::prelude::*;
use prefect::store::{Listed, NotificationStatus, RunFilter, StateCode, Store};
use prefect::{Clock, Config, Executor, Flow, RunSettings};

use crate::{Folder, open, settings};

#[task(state_handlers = [slack_notifier(only_states = [Failed])])]
fn fails(n: u32) -> Result<u32, String> {
    Err(format!("row {n} of 'orders' is broken"))
}

#[task]
fn numbers(n: u32) -> Vec<u32> {
    (0..n).collect()
}

#[task(name = "stop", state_handlers = [slack_notifier(only_states = [Failed])])]
fn stops() {
    if std::env::var_os("ABORTS").is_some() {
        std::process::abort();
    }
}

fn one() -> Flow<()> {
    flow!("one", {
        fails(7);
    })
}

fn quiet() -> Flow<()> {
    flow!("quiet", {
        numbers(1);
    })
}

fn with_webhook(url: &str) -> Config {
    Config::builder().secret("SLACK_WEBHOOK_URL", url).build().unwrap()
}

fn sends_to(store: &Store, url: &str) -> RunSettings {
    settings(store, Executor::Local).config(with_webhook(url))
}

/// What the messages say first.
fn texts(received: &[Received]) -> Vec<String> {
    let text = |message: &Received| message.json()["attachments"][0]["text"].as_str().unwrap().to_owned();
    received.iter().map(text).collect()
}

fn statuses(store: &Store) -> Vec<NotificationStatus> {
    store.notifications(Listed::All).unwrap().into_iter().map(|row| row.status).collect()
}

#[test]
fn what_slack_does_not_take_in_time_is_sent_once_by_the_next_process() {
    let folder = Folder::new();
    let run = one().with(sends_to(&folder.store(), &FakeSlack::refused_url())).run();
    let told = "notifications: 0 sent, 1 left for the next process (slack: connection refused)";
    assert_eq!(run.notifications().to_string(), told);
    drop(run);
    assert_eq!(statuses(&folder.store()), [NotificationStatus::Waits]);

    let slack = FakeSlack::start();
    let run = quiet().with(sends_to(&folder.store(), &slack.webhook_url())).run();
    assert_eq!(run.notifications().to_string(), "notifications: 0 sent, 1 that were left before");
    drop(run);
    let run = quiet().with(sends_to(&folder.store(), &slack.webhook_url())).run();
    assert!(run.notifications().is_empty());
    let received = slack.requests();
    assert_eq!(texts(&received), ["fails is now in a Failed state"]);
    assert!(received[0].body().contains("row 7 of 'orders' is broken"), "{}", received[0].body());
    let row = folder.store().notifications(Listed::All).unwrap().pop().unwrap();
    assert_eq!((row.status, row.tries, row.state), (NotificationStatus::Sent, 2, StateCode::FAILED));
}

#[test]
fn what_is_sent_is_marked_and_what_slack_refuses_for_good_is_given_up() {
    let folder = Folder::new();
    let slack = FakeSlack::start();
    let run = one().with(sends_to(&folder.store(), &slack.webhook_url())).run();
    assert_eq!(run.notifications().to_string(), "notifications: 1 sent");
    // The end of the run has waited for that.
    assert_eq!(statuses(&open(&folder.path())), [NotificationStatus::Sent]);
    slack.always(Answer::Error(SlackError::NoService));
    let run = one().with(sends_to(&folder.store(), &slack.webhook_url())).run();
    assert_eq!(run.notifications().to_string(), "notifications: 0 sent, 1 not sent (slack: no_service)");
    let row = folder.store().notifications(Listed::Unsent).unwrap().pop().unwrap();
    assert_eq!((row.status, row.last_error.as_deref()), (NotificationStatus::GivenUp, Some("slack: no_service")));
    let run = quiet().with(sends_to(&folder.store(), &slack.webhook_url())).run();
    assert!(run.notifications().is_empty(), "it is not tried again by itself");
}

/// An answer that was lost: it may have arrived.
#[test]
fn where_an_answer_is_lost_the_message_is_sent_again_and_not_for_ever() {
    let folder = Folder::new();
    let slack = FakeSlack::start();
    slack.always(Answer::Unavailable);
    for _ in 0..5 {
        drop(one().with(sends_to(&folder.store(), &slack.webhook_url())).run());
    }
    let rows = folder.store().notifications(Listed::All).unwrap();
    let of_first = &rows[0];
    assert_eq!((of_first.status, of_first.last_error.as_deref()), (NotificationStatus::Waits, Some("slack: 503")));
    assert_eq!(of_first.tries, 2, "a third one has to wait");
}

#[test]
fn without_a_webhook_nothing_is_recorded_that_nobody_could_send() {
    let folder = Folder::new();
    let run = one().with(settings(&folder.store(), Executor::Local)).run();
    assert_eq!(run.notifications().to_string(), "notifications: 0 sent, 1 not sent (no webhook: SLACK_WEBHOOK_URL)");
    assert_eq!(folder.store().notifications(Listed::All).unwrap(), []);
}

/// Two at once, on what a third has left.
#[test]
fn two_processes_never_send_the_same_message() {
    let folder = Folder::new();
    let refused = FakeSlack::refused_url();
    let many = flow!("many", {
        for n in 0..9 {
            fails(n);
        }
    });
    let run = many.with(sends_to(&folder.store(), &refused)).run();
    assert_eq!(run.notifications().left(), 9);
    drop(run);
    let slack = FakeSlack::start();
    thread::scope(|scope| {
        for _ in 0..4 {
            let (path, url) = (folder.path(), slack.webhook_url());
            scope.spawn(move || drop(quiet().with(sends_to(&open(&path), &url)).run()));
        }
    });
    let mut bodies: Vec<_> = slack.requests().into_iter().map(|message| message.body().to_owned()).collect();
    bodies.sort();
    bodies.dedup();
    assert_eq!((bodies.len(), slack.requests().len()), (9, 9));
}

/// Half a minute of messages, at one a second.
#[test]
fn the_end_of_a_run_does_not_wait_for_what_others_have_left() {
    let folder = Folder::new();
    for _ in 0..4 {
        let many = flow!("many", {
            for n in 0..10 {
                fails(n);
            }
        });
        drop(many.with(sends_to(&folder.store(), &FakeSlack::refused_url())).run());
    }
    let slack = FakeSlack::start();
    let store = folder.store();
    let mut of_each = Vec::new();
    for flow in [quiet(), one(), quiet()] {
        let clock = Clock::virtual_from("2026-01-01T00:01:00Z".parse().unwrap());
        let run = flow.with(sends_to(&store, &slack.webhook_url()).clock(clock.clone())).run();
        assert_eq!(clock.timestamp().to_string(), "2026-01-01T00:01:00Z");
        of_each.push((run.notifications().sent(), run.notifications().forwarded() > 0));
    }
    assert_eq!(of_each, [(0, true), (1, true), (0, true)]);
    let waits = statuses(&store).iter().filter(|status| **status == NotificationStatus::Waits).count();
    assert!((11..40).contains(&waits), "{waits} wait for the next");
}

#[test]
fn a_hundred_thousand_failures_are_fifteen_messages_at_most_and_all_are_counted() {
    let folder = Folder::new();
    let slack = FakeSlack::start();
    let flow = flow!("large", {
        fails::map(numbers(100_000));
    });
    let settings = sends_to(&folder.store(), &slack.webhook_url()).executor(Executor::threads(2));
    let run = flow.with(settings).run();
    let received = slack.requests();
    assert!(received.len() <= 15, "{} messages", received.len());
    assert_eq!((run.notifications().sent(), run.notifications().changes()), (received.len() as u64, 100_000));
    let mut counted = 0;
    for text in texts(&received) {
        counted += match text.strip_prefix("fails: ").and_then(|rest| rest.strip_suffix(" more in a Failed state")) {
            Some(count) => count.parse().unwrap(),
            None => 1,
        };
    }
    assert_eq!(counted, 100_000);
    let last = received.last().unwrap();
    assert!(last.body().contains("x row # of '…' is broken"), "{}", last.body());
    let rows = folder.store().notifications(Listed::All).unwrap();
    assert_eq!(rows.len(), received.len());
    assert_eq!(rows.iter().map(|row| row.changes).sum::<u64>(), 100_000);
}

/// The histogram tells causes apart, and what the store has of it is what another process tells.
#[test]
fn what_is_told_together_is_told_by_the_next_process_with_its_causes() {
    #[task(state_handlers = [slack_notifier(only_states = [Failed])])]
    fn fetch(n: u32) -> Result<u32, String> {
        if n.is_multiple_of(3) { Err(format!("Http(50{})", n % 4)) } else { Err("timed out after 30 s".to_owned()) }
    }
    let folder = Folder::new();
    let flow = flow!("fetching", {
        fetch::map(numbers(310));
    });
    let run = flow.with(sends_to(&folder.store(), &FakeSlack::refused_url())).run();
    assert_eq!(run.notifications().left(), 11, "{}", run.notifications());
    drop(run);
    let slack = FakeSlack::start();
    let settings = sends_to(&folder.store(), &slack.webhook_url());
    let run = quiet().with(settings.clone()).run();
    assert_eq!(run.notifications().forwarded(), 10, "as many as go at once");
    drop(run);
    assert_eq!(quiet().with(settings).run().notifications().forwarded(), 1);
    let last = slack.requests().pop().unwrap().json();
    let last = &last["attachments"][0];
    assert_eq!(last["text"], "fetch: 300 more in a Failed state");
    assert_eq!(last["fields"][0]["title"], "Causes");
    let causes = last["fields"][0]["value"].as_str().unwrap();
    assert!(causes.contains("200x timed out after # s\n100x Http(#)"), "{causes}");
}

/// The URL, the token in it, and either as base64 or hex.
#[test]
fn no_secret_is_in_the_files_of_the_store() {
    const TOKEN: &str = "wqXm3nQ8vLz0RtYb2KpJ7sHd";
    let url = |host: &str| format!("http://{host}/services/T00000000/B00000000/{TOKEN}");
    let slack = FakeSlack::start();
    let mut needles = Vec::new();
    let folder = Folder::new();
    for host in [slack.address().to_string(), "127.0.0.1:9".to_owned()] {
        let url = url(&host);
        let leaks = flow!("leaks", {
            fails(1);
        });
        let run = leaks.with(sends_to(&folder.store(), &url)).run();
        drop(run);
        for text in [url.as_str(), TOKEN] {
            needles.extend(forms(text.as_bytes()));
        }
    }
    let mut looked = 0;
    for file in std::fs::read_dir(folder.path().parent().unwrap()).unwrap() {
        let path = file.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        looked += bytes.len();
        for needle in &needles {
            let found = bytes.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle));
            assert!(!found, "{} has {}", path.display(), String::from_utf8_lossy(needle));
        }
    }
    assert!(looked > 50_000, "{looked} bytes");
}

/// A text in clear, as hex, and as base64 at each of the three places where it can begin.
fn forms(text: &[u8]) -> Vec<Vec<u8>> {
    let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
    let hex = text.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    let mut forms = vec![text.to_vec(), hex];
    for skipped in 0..3 {
        forms.push(base64(&text[skipped..text.len() - (text.len() - skipped) % 3]));
    }
    forms
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let triple = |three: &[u8]| {
        let number = three.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| DIGITS[number >> shift & 63])
    };
    bytes.chunks_exact(3).flat_map(triple).collect()
}

/// What the processes of the tests below do.
#[test]
#[ignore = "what the other tests start"]
fn process() {
    let Some(path) = std::env::var_os("STORE") else { return };
    // Who is gone is found by the run itself.
    let store = open(&PathBuf::from(path));
    let url = std::env::var("WEBHOOK").unwrap();
    let config = Config::builder().secret("SLACK_WEBHOOK_URL", &url).secret("ONCALL", &url).secret("NEWS", &url);
    let config = config.build().unwrap();
    let settings = settings(&store, Executor::threads(2)).config(config);
    let flow = match std::env::var("FLOW").unwrap().as_str() {
        "two" => flow!("two", {
            fails(1);
            fails(2);
        }),
        "large" => flow!("large", {
            fails::map(numbers(20_000));
        }),
        // The task's notifier posts where one of the flow's does; the last one wants no bad news.
        "stops" => flow!(
            "stops",
            state_handlers = [
                slack_notifier,
                slack_notifier(webhook_secret = "ONCALL"),
                slack_notifier(webhook_secret = "NEWS", only_states = [Success]),
            ],
            {
                stops();
            }
        ),
        _ => quiet(),
    };
    drop(flow.with(settings).run());
}

fn start(store: &Path, webhook: &str, flow: &str, more: &[(&str, &str)]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "outbox::process", "--ignored", "--nocapture"]);
    command.env("STORE", store).env("WEBHOOK", webhook).env("FLOW", flow).envs(more.iter().copied());
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
}

#[test]
fn killed_while_a_message_is_on_its_way_it_is_sent_once_more_and_only_that_one() {
    let folder = Folder::new();
    let slack = FakeSlack::start();
    let gate = Gate::default();
    // The first is answered, the second is not.
    slack.script([Answer::AsSlack, Answer::After(gate.clone(), Box::new(Answer::AsSlack))]);
    let mut child = start(&folder.path(), &slack.webhook_url(), "two", &[]);
    assert_eq!(slack.wait_for(2).len(), 2);
    wait_until(|| statuses(&open(&folder.path())).contains(&NotificationStatus::Sent));
    child.kill().unwrap();
    child.wait().unwrap();
    gate.open();
    assert!(start(&folder.path(), &slack.webhook_url(), "quiet", &[]).wait().unwrap().success());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for message in slack.requests() {
        *counts.entry(message.body().to_owned()).or_default() += 1;
    }
    let failures: Vec<_> =
        counts.iter().filter(|(body, _)| body.contains("is broken")).map(|(_, count)| *count).collect();
    assert!(failures == [1, 2] || failures == [2, 1], "{counts:?}");
    assert!(statuses(&folder.store()).iter().all(|status| *status == NotificationStatus::Sent));
}

#[test]
fn killed_before_a_message_is_sent_it_is_sent_by_the_next_process() {
    let folder = Folder::new();
    let slack = FakeSlack::start();
    slack.script([Answer::Hang]);
    let mut child = start(&folder.path(), &slack.webhook_url(), "two", &[]);
    let _ = slack.wait_for(1);
    // The other one waits behind it.
    wait_until(|| statuses(&open(&folder.path())).len() == 2);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(start(&folder.path(), &slack.webhook_url(), "quiet", &[]).wait().unwrap().success());
    let bodies: Vec<_> = slack.requests().into_iter().map(|message| message.body().to_owned()).collect();
    for row in ["row 1 of", "row 2 of"] {
        let count = bodies.iter().filter(|body| body.contains(row)).count();
        assert!((1..=2).contains(&count), "{row}: {count}");
    }
    assert!(statuses(&folder.store()).iter().all(|status| *status == NotificationStatus::Sent));
}

#[test]
fn who_reaps_a_run_tells_of_its_crash_once_for_each_destination() {
    let folder = Folder::new();
    let slack = FakeSlack::start();
    let died = start(&folder.path(), &slack.webhook_url(), "stops", &[("ABORTS", "1")]).wait().unwrap();
    assert!(!died.success());
    let before = slack.requests().len();
    for _ in 0..2 {
        assert!(start(&folder.path(), &slack.webhook_url(), "quiet", &[]).wait().unwrap().success());
    }
    let after = slack.requests().split_off(before);
    let of_crash: Vec<_> = after.iter().filter(|message| message.body().contains("Crashed")).collect();
    assert_eq!(of_crash.len(), 2, "{after:?}");
    let message = of_crash[0].json();
    let card = &message["attachments"][0];
    assert_eq!((&card["title"], &card["color"]), (&"Crashed".into(), &"#a8071a".into()));
    assert_eq!(card["text"], "stops is now in a Crashed state");
    assert_eq!(card["fields"][0]["value"], "The process that ran it has ended before it did.");
    let rows = folder.store().notifications(Listed::All).unwrap();
    let mut to: Vec<_> =
        rows.iter().filter(|row| row.state == StateCode::CRASHED).map(|row| row.message.to.as_str()).collect();
    to.sort_unstable();
    assert_eq!(to, ["ONCALL", "SLACK_WEBHOOK_URL"]);
}

/// Killed at any moment: what is counted is what is recorded.
#[test]
fn no_failure_is_lost_in_the_count_when_the_process_is_killed() {
    let folder = Folder::new();
    let refused = FakeSlack::refused_url();
    // On a server a batch is one call, in a file it is one for each row: so it goes from few calls to all that there are.
    let kill = |at: u32| {
        let at = at.to_string();
        !start(&folder.path(), &refused, "large", &[("PREFECT_STORE_DIE_AT", &at)]).wait().unwrap().success()
    };
    let kills = (3..10).take_while(|power| kill(3_u32.pow(*power))).count();
    assert!(kills > 1, "{kills} kills");
    let store = folder.store();
    store.reap().unwrap();
    let mut failures = 0;
    for run in store.runs(&RunFilter::default()).unwrap() {
        for task in [0, 1] {
            let counts = store.count_children(run.id, task).unwrap();
            failures += counts.iter().filter(|(state, _)| *state == StateCode::FAILED).map(|(_, n)| n).sum::<u64>();
        }
    }
    let told = store.notifications(Listed::All).unwrap();
    let told: u64 = told.iter().filter(|row| row.state == StateCode::FAILED).map(|row| row.changes).sum();
    assert!(failures > 1_000, "{failures}");
    assert_eq!(told, failures);
}

/// Gives up when a test is broken.
fn wait_until(mut done: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if done() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it has not come within half a minute");
}
