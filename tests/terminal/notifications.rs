//! `notifications list` and `notifications retry`: what could not be sent, seen and sent by hand.
use std::process::Command;

use prefect::fake_slack::{Answer, FakeSlack, SlackError};
use serde_json::Value as Json;

use crate::program::{Home, Ran, alone_at, command, ran};

const HOOK: &str = "PREFECT__CONTEXT__SECRETS__SLACK_WEBHOOK_URL";

/// A run of a flow whose failure is told.
fn guarded(home: &Home) -> Command {
    let mut command = command(home, &["run"]);
    command.env("FLOWS", "guarded");
    command
}

fn call(home: &Home, url: &str, words: &[&str]) -> Ran {
    ran(command(home, words).env(HOOK, url))
}

/// The program without flows.
fn alone(home: &Home, url: &str, words: &[&str]) -> Ran {
    let mut command: Command = alone_at(home, words);
    ran(command.env(HOOK, url))
}

fn listed(home: &Home, words: &[&str]) -> Vec<Json> {
    let words = [&["notifications", "list", "--json"], words].concat();
    let ran = ran(&mut command(home, &words));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    serde_json::from_str::<Vec<Json>>(&ran.out).unwrap()
}

#[test]
fn what_was_not_sent_is_listed_and_sent_when_somebody_says_so() {
    let home = Home::new();
    let nothing = ran(&mut command(&home, &["notifications", "list"]));
    assert!(nothing.out.starts_with("no runs are recorded yet in "), "{nothing:?}");
    let refused = FakeSlack::refused_url();
    let run = ran(guarded(&home).env(HOOK, &refused));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(listed(&home, &[]), [] as [Json; 0], "nothing has failed");
    let run = ran(guarded(&home).env(HOOK, &refused).env("CHECK", "fails"));
    assert!(
        run.out.ends_with("notifications: 0 sent, 1 left for the next process (slack: connection refused)\n"),
        "{run:?}"
    );

    let rows = listed(&home, &[]);
    assert_eq!(rows.len(), 1);
    let (row, id) = (&rows[0], rows[0]["id"].to_string());
    for (name, value) in [
        ("kind", "slack"),
        ("to", "SLACK_WEBHOOK_URL"),
        ("state", "Failed"),
        ("what", "guarded is now in a Failed state"),
        ("status", "waits"),
        ("error", "slack: connection refused"),
    ] {
        assert_eq!(row[name], value, "{row}");
    }
    assert_eq!((row["changes"].as_u64(), row["tries"].as_u64()), (Some(1), Some(1)));
    let run_id = row["run"].as_str().unwrap();
    let table = ran(&mut command(&home, &["notifications", "list"]));
    let lines: Vec<_> = table.out.lines().collect();
    assert!(lines[0].starts_with("ID  RUN "), "{table:?}");
    for part in [&run_id[28..], "slack", "Failed", "guarded is now in a Failed state", "waits", "connection refused"] {
        assert!(lines[1].contains(part), "{part}: {table:?}");
    }

    // The program that knows nothing of the flow, while Slack is down and then not.
    let down = alone(&home, &refused, &["notifications", "retry", &id]);
    let told = "0 sent\n1 notification not sent, and waiting for another try (slack: connection refused)\n";
    assert_eq!((down.code, down.out.as_str()), (Some(1), told), "{down:?}");
    let slack = FakeSlack::start();
    let sent = alone(&home, &slack.webhook_url(), &["notifications", "retry"]);
    assert_eq!((sent.code, sent.out.as_str(), sent.err.as_str()), (Some(0), "1 sent\n", ""), "{sent:?}");
    assert_eq!(slack.requests()[0].json()["attachments"][0]["text"], "guarded is now in a Failed state");
    let nothing = ran(&mut command(&home, &["notifications", "list"]));
    assert_eq!(nothing.out, "nothing waits to be sent, and nothing was given up\n");
    let all = listed(&home, &["--all"]);
    assert_eq!((all.len(), &all[0]["status"], &all[0]["due"]), (1, &"sent".into(), &Json::Null));
    let again = call(&home, &slack.webhook_url(), &["notifications", "retry"]);
    assert_eq!((again.code, again.out.as_str()), (Some(0), "nothing waits to be sent\n"));
    let again = call(&home, &slack.webhook_url(), &["notifications", "retry", &id]);
    assert_eq!((again.code, again.err), (Some(2), format!("error: notification {id} was sent already\n")));
    assert_eq!(slack.requests().len(), 1);
}

#[test]
fn what_was_given_up_is_sent_only_when_it_is_named_or_all_is() {
    let home = Home::new();
    let slack = FakeSlack::start();
    slack.always(Answer::Error(SlackError::NoService));
    for _ in 0..2 {
        ran(guarded(&home).env(HOOK, slack.webhook_url()).env("CHECK", "fails"));
    }
    let rows = listed(&home, &[]);
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row["status"] == "given up" && row["error"] == "slack: no_service"), "{rows:?}");
    slack.always(Answer::AsSlack);
    let before = slack.requests().len();
    let waiting = call(&home, &slack.webhook_url(), &["notifications", "retry"]);
    assert_eq!(waiting.out, "nothing waits to be sent\n");
    let named = call(&home, &slack.webhook_url(), &["notifications", "retry", &rows[1]["id"].to_string()]);
    assert_eq!((named.code, named.out.as_str()), (Some(0), "1 sent\n"), "{named:?}");
    let all = call(&home, &slack.webhook_url(), &["notifications", "retry", "--all"]);
    assert_eq!((all.code, all.out.as_str()), (Some(0), "1 sent\n"), "{all:?}");
    assert_eq!(slack.requests().len(), before + 2);
}

/// What nobody can send would hold up the removal of its run for ever.
#[test]
fn what_waits_can_be_given_up() {
    let home = Home::new();
    for _ in 0..3 {
        ran(guarded(&home).env(HOOK, FakeSlack::refused_url()).env("CHECK", "fails"));
    }
    let id = listed(&home, &[])[1]["id"].to_string();
    let one = ran(&mut command(&home, &["notifications", "give-up", &id, &id]));
    assert_eq!((one.code, one.out.as_str(), one.err.as_str()), (Some(0), "1 notification given up\n", ""), "{one:?}");
    let rows = listed(&home, &[]);
    let statuses: Vec<_> = rows.iter().map(|row| row["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["waits", "given up", "waits"]);
    assert!(rows[1]["error"].as_str().unwrap().starts_with("given up by "), "{rows:?}");
    let pruned = ran(&mut command(&home, &["store", "prune", "--json"]));
    let pruned: Json = serde_json::from_str(&pruned.out).unwrap();
    assert_eq!((&pruned["runs"], &pruned["held_up"]), (&1.into(), &2.into()));
    let all = alone(&home, "", &["notifications", "give-up", "--all"]);
    assert_eq!((all.code, all.out.as_str()), (Some(0), "2 notifications given up\n"), "{all:?}");
    let none = alone(&home, "", &["notifications", "give-up", "--all"]);
    assert_eq!((none.code, none.out.as_str()), (Some(0), "0 notifications given up\n"), "{none:?}");
    // Each can be tried again.
    let slack = FakeSlack::start();
    let sent = call(&home, &slack.webhook_url(), &["notifications", "retry", "--all"]);
    assert_eq!((sent.code, sent.out.as_str()), (Some(0), "2 sent\n"), "{sent:?}");
    let unknown = ran(&mut command(&home, &["notifications", "give-up", "999"]));
    assert!(unknown.code == Some(2) && unknown.err.contains("there is no notification 999 in /"), "{unknown:?}");
    let which = ran(&mut command(&home, &["notifications", "give-up"]));
    assert_eq!(which.code, Some(2), "{which:?}");
}

#[test]
fn mistakes_are_told_and_nothing_changes() {
    let home = Home::new();
    ran(guarded(&home).env(HOOK, FakeSlack::refused_url()).env("CHECK", "fails"));
    let before = listed(&home, &["--all"]);
    for (words, error) in [
        (&["notifications", "retry", "999"][..], "error: there is no notification 999 in "),
        (&["notifications", "retry", "one"], "error: invalid value 'one' for '[ID]...'"),
        (&["notifications", "retry", "1", "--all"], "error: the argument '[ID]...' cannot be used with '--all'"),
        (&["notifications", "rety"], "error: unrecognized subcommand 'rety'"),
    ] {
        let wrong = ran(&mut command(&home, words));
        assert_eq!((wrong.code, wrong.out.as_str()), (Some(2), ""), "{wrong:?}");
        assert!(wrong.err.starts_with(error), "{wrong:?}");
    }
    // Without the secret nobody can send it.
    let nowhere = ran(&mut command(&home, &["notifications", "retry"]));
    assert_eq!(nowhere.code, Some(1));
    let told = "0 sent\n1 notification as before: no webhook: the secret `SLACK_WEBHOOK_URL` is not set; ";
    assert!(nowhere.out.starts_with(told), "{nowhere:?}");
    assert_eq!(listed(&home, &["--all"]), before);
}

/// The program `prefect` has no flow, and tells of the crash of one.
#[test]
fn a_crash_is_told_by_a_program_that_does_not_know_the_flow() {
    let home = Home::new();
    let slack = FakeSlack::start();
    let died = ran(guarded(&home).env(HOOK, slack.webhook_url()).env("CHECK", "dies"));
    assert_eq!((died.code, slack.requests().len()), (None, 0), "{died:?}");
    let sent = alone(&home, &slack.webhook_url(), &["notifications", "retry"]);
    assert_eq!((sent.code, sent.out.as_str()), (Some(0), "1 sent\n"), "{sent:?}");
    assert!(sent.err.contains(" of `guarded` has crashed, "), "{sent:?}");
    let card = slack.requests()[0].json()["attachments"][0].clone();
    assert_eq!((&card["text"], &card["title"]), (&"guarded is now in a Crashed state".into(), &"Crashed".into()));
    let again = alone(&home, &slack.webhook_url(), &["notifications", "retry"]);
    assert_eq!(again.out, "nothing waits to be sent\n");
}
