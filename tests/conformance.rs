//! Recorded runs of Prefect 1, rebuilt with the library's API for flows that are built at run time, and compared.
//!
//! `PREFECT_REFERENCE_DIR` names another folder of records. Compared are the calls of every state handler in their
//! order for each object, the final states with message and result, and how often each body was called. What a record
//! holds besides (log lines, HTTP posts, the order across objects) is compared by other tests or not yet.
#[allow(dead_code, unreachable_pub, reason = "a module of another test, of which this one uses a part")]
mod model;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use model::{Event, Expected, Message, Observed, Run, TaskRun, Workers, difference, library, recorded};
use serde_json::Value;

/// The one difference that a language forces: the text of an error. A record has Python's representation,
/// `ValueError('boom')`, behind a fixed text; compared are the fixed text and `boom`.
fn normalised(message: Option<String>) -> Message {
    const FIXED: [&str; 4] = [
        "Error during execution of task: ",
        "Unexpected error while calling state handlers: ",
        "Unexpected error while checking task trigger: ",
        "Unexpected error: ",
    ];
    let Some(text) = message else { return Message::None };
    for fixed in FIXED {
        if let Some(error) = text.strip_prefix(fixed) {
            let inner = error.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(error);
            let about = inner.trim_matches(['\'', '"']).to_owned();
            return Message::Tells { fixed, about };
        }
    }
    Message::Is(text)
}

fn expected(seen: Observed) -> Expected {
    let events = |events: Vec<Event<Option<String>>>| {
        events.into_iter().map(|e| Event { by: e.by, old: e.old, new: e.new, message: normalised(e.message) }).collect()
    };
    Run {
        tasks: seen
            .tasks
            .into_iter()
            .map(|t| TaskRun {
                events: events(t.events),
                kind: t.kind,
                message: normalised(t.message),
                result: t.result,
                attempts: t.attempts,
            })
            .collect(),
        flow_events: events(seen.flow_events),
        flow_kind: seen.flow_kind,
        flow_message: normalised(seen.flow_message),
    }
}

enum Verdict {
    Pass,
    Fail(String),
    Unsupported(String),
}

fn judge(record: &Value) -> Verdict {
    match recorded::read(record) {
        Err(missing) => Verdict::Unsupported(missing),
        Ok((case, seen)) => match difference(&expected(seen), &library::run(&case, Workers::Local)) {
            None => Verdict::Pass,
            Some(what) => Verdict::Fail(what),
        },
    }
}

/// The records of a folder, by name.
fn records(folder: &Path) -> Vec<(String, Value)> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    let read = |file: &PathBuf| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let record = serde_json::from_str(&fs::read_to_string(file).unwrap());
        (name.clone(), record.unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    files.iter().map(read).collect()
}

fn own_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("reference/prefect1")
}

#[test]
fn conformance() {
    let folder = env::var_os("PREFECT_REFERENCE_DIR").map_or_else(own_folder, PathBuf::from);
    let (mut passed, mut failed, mut unsupported) = (0, 0, 0);
    for (name, record) in records(&folder) {
        match judge(&record) {
            Verdict::Pass => {
                passed += 1;
                println!("pass {name}");
            }
            Verdict::Fail(what) => {
                failed += 1;
                println!("FAIL {name}: {what}");
            }
            Verdict::Unsupported(what) => {
                unsupported += 1;
                println!("unsupported {name}: {what}");
            }
        }
    }
    println!("{passed} passed, {failed} failed, {unsupported} unsupported");
    assert_eq!(failed, 0, "see the lines that begin with FAIL");
}

/// A comparison that cannot fail is none: another final state in ten records is seen in each.
#[test]
fn changed_expectations_are_seen() {
    let mut changed = 0;
    for (name, mut record) in records(&own_folder()) {
        if changed == 10 || !matches!(judge(&record), Verdict::Pass) || record["observed"]["flow_state"].is_null() {
            continue;
        }
        let states = record["observed"]["task_states"].as_object_mut();
        let Some((_, state)) = states.and_then(|states| states.iter_mut().next()) else { continue };
        let was = state["class"].as_str().unwrap().to_owned();
        state["class"] = if was == "Cancelled" { "Success" } else { "Cancelled" }.into();
        changed += 1;
        assert!(matches!(judge(&record), Verdict::Fail(_)), "{name}: {was} was changed, and nobody saw it");
    }
    assert_eq!(changed, 10);
}
