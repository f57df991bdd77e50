//! A comparison that cannot fail is none: eleven records, each with another expectation, are all seen to fail.
use prefect_tests::records;
use serde_json::{Value as Json, json};

use crate::{Verdict, judge};

/// Changes something in an `observed`; `None` if it has no such thing.
type Change = fn(&mut Json) -> Option<()>;

const CHANGES: [(&str, Change); 11] = [
    ("the class of a task's state", |observed| {
        let state = task_state(observed)?;
        state["class"] = if state["class"] == "Skipped" { "Success" } else { "Skipped" }.into();
        Some(())
    }),
    ("the message of a task's state", |observed| {
        task_state(observed)?["message"] = "another message".into();
        Some(())
    }),
    ("the result of a task", |observed| {
        let state = task_state(observed)?;
        state["result"] = json!(state["result"].as_i64()? + 1);
        Some(())
    }),
    ("the message of the flow's state", |observed| {
        *observed["flow_state"].get_mut("message")? = "another message".into();
        Some(())
    }),
    ("the colour of a state", |observed| {
        task_state(observed)?["color"] = "#000000".into();
        Some(())
    }),
    ("one event less", |observed| observed["events"].as_array_mut()?.pop().map(drop)),
    ("two events in another order", |observed| {
        let events = observed["events"].as_array_mut()?;
        let at = events.iter().position(|event| event["kind"] == "task")?;
        if events.len() < at + 2 {
            return None;
        }
        events.swap(at, at + 1);
        Some(())
    }),
    ("a log line", |observed| {
        let line = observed["log"].as_array_mut()?.last_mut()?;
        line["level"] = "DEBUG".into();
        Some(())
    }),
    ("the text of a post", |observed| {
        let post = observed["http_posts"].as_array_mut()?.first_mut()?;
        post["json"]["attachments"][0]["text"] = "another text".into();
        Some(())
    }),
    ("after which attempt a retry comes", |observed| {
        let events = observed["events"].as_array_mut()?;
        let event = events.iter_mut().find(|event| event["run_count"].is_u64())?;
        event["run_count"] = json!(event["run_count"].as_u64()? + 1);
        Some(())
    }),
    ("what is said of a mistake in building", |observed| {
        let attempts = observed["attempts"].as_array_mut()?;
        attempts.iter_mut().find(|attempt| attempt["what"] == "two parameters of one name")?["message"] = "no".into();
        Some(())
    }),
];

fn task_state(observed: &mut Json) -> Option<&mut Json> {
    observed["task_states"].as_object_mut()?.values_mut().next()
}

/// Each change is made to another record: the first that passes and has such a thing.
#[test]
fn changed_expectations_are_seen() {
    let mut records: Vec<_> = records::all(&records::own_folder())
        .into_iter()
        .filter(|(_, record)| matches!(judge(record), Verdict::Pass))
        .collect();
    for (what, change) in CHANGES {
        let able = |(_, record): &(String, Json)| change(&mut record["observed"].clone()).is_some();
        let at = records.iter().position(able).unwrap_or_else(|| panic!("no record left to change {what}"));
        let (name, mut record) = records.remove(at);
        change(&mut record["observed"]).unwrap();
        assert!(matches!(judge(&record), Verdict::Fail(_)), "{name}: {what} was changed, and nobody saw it");
    }
}
