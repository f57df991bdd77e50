//! Messages as they arrive, against what Prefect 1 was recorded to post.
use std::fs;
use std::path::Path;

use prefect::fake_slack::FakeSlack;
use prefect::{State, StateKind, slack_notifier};
use serde_json::Value as Json;

use crate::bench;

fn cases(wanted: impl Fn(&str) -> bool) -> Vec<(String, Json)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/prefect1");
    let mut cases: Vec<(String, Json)> = fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .filter(|(name, _)| wanted(name))
        .map(|(name, path)| (name, serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()))
        .collect();
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    cases
}

/// Posts these states of these objects, and gives back what arrived.
fn post(states: Vec<(String, State)>) -> Vec<Json> {
    let slack = FakeSlack::start();
    let bench = bench(&slack);
    for (name, new) in states {
        slack_notifier(&bench.task(&name), &State::new(StateKind::Pending), new).unwrap();
    }
    let _ = bench.finish();
    let received = slack.requests();
    assert!(received.iter().all(|r| r.method() == "POST" && r.header("content-type") == Some("application/json")));
    received.iter().map(prefect::fake_slack::Received::json).collect()
}

#[test]
fn every_recorded_post_is_posted_again() {
    let mut count = 0;
    for (name, case) in cases(|name| name.starts_with("slack_") || name.starts_with("seed_")) {
        let recorded: Vec<Json> = case["observed"]["http_posts"]
            .as_array()
            .map(|posts| posts.iter().map(|p| p["json"].clone()).collect())
            .unwrap_or_default();
        let states = recorded.iter().map(|post| {
            let card = &post["attachments"][0];
            let kind: StateKind = card["title"].as_str().unwrap().parse().unwrap();
            let text = card["text"].as_str().unwrap();
            let object = text.strip_suffix(&format!(" is now in a {kind} state")).unwrap();
            let value = card["fields"][0]["value"].as_str().unwrap();
            let state = match value.strip_prefix("```").and_then(|v| v.strip_suffix("```")) {
                Some(error) => State::new(kind).with_message("not shown").with_error(error),
                None => State::new(kind).with_message(value.to_owned()),
            };
            (object.to_owned(), state)
        });
        assert_eq!(post(states.collect()), recorded, "{name}");
        count += recorded.len();
    }
    assert_eq!(count, 29, "posts on record");
}
