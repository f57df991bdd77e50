//! Recorded runs of Prefect 1, rebuilt with the library's API for flows that are built at run time, and compared.
//!
//! `PREFECT_REFERENCE_DIR` names another folder of records. Compared are the calls of every state handler in their
//! order for each object, the final states with message and result, and how often each body was called. What a record
//! holds besides (log lines, HTTP posts, the order across objects) is compared by other tests or not yet.
#[allow(dead_code, unreachable_pub, reason = "a module of another test, of which this one uses a part")]
mod model;

use std::env;
use std::path::PathBuf;

use model::{Message, Workers, difference, library, recorded};
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

enum Verdict {
    Pass,
    Fail(String),
    Unsupported(String),
}

fn judge(record: &Value) -> Verdict {
    match recorded::read(record) {
        Err(missing) => Verdict::Unsupported(missing),
        Ok((case, seen)) => match difference(&seen.map_messages(normalised), &library::run(&case, Workers::Local)) {
            None => Verdict::Pass,
            Some(what) => Verdict::Fail(what),
        },
    }
}

#[test]
fn conformance() {
    let folder = env::var_os("PREFECT_REFERENCE_DIR").map_or_else(recorded::own_folder, PathBuf::from);
    let (mut passed, mut failed, mut unsupported) = (0, 0, 0);
    for (name, record) in recorded::all(&folder) {
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
    for (name, mut record) in recorded::all(&recorded::own_folder()) {
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
