//! The differences that a language forces, taken out of a record and of what was seen alike. This is the one place for
//! them:
//!
//! * **The text of an error.** Python shows an error as `ValueError('boom')`, inside messages, log lines, Slack's
//!   payloads and described results; here an error is shown as its text, `boom`. Both become `boom`. An error that holds
//!   another one (`ConnectionError(MaxRetryError(..))`) has a text of Python's libraries: any text stands for it.
//! * **The class of an error** is not known here; its text is compared.
//! * **The text of a signal** in a log line: `FAIL('no')` and `FAIL("no")` are the same, and so are `FAIL(None)` and
//!   `FAIL()`.
//! * **Why a retry is skipped** names Python's type of the error in the log.
//! * **`True`, `False` and `None`** in quotes, as the values that were compared are shown, are `true`, `false` and `null`.
//! * **Times** in messages: `<time>` stands for what changes from run to run.
//! * **Paths of the webhook** were chosen when the record was made: only which posts share one is compared.
//! * **A run that raised `TypeError` to its caller** is an accident of Python: it ends here in the state of the flow's last
//!   event. (`compare` sees to it.)
//! * **`Task not run.`** is the message of a task that was not looked at; Prefect's single pass leaves it without one.
//! * **The result of a flow's state** is the map of its tasks' states in Python. A state without one has `null`; here a
//!   flow's state has a result only if that is an error.
use serde_json::Value as Json;

use crate::python::literal;

/// Stands for any text.
const ANY: char = '\u{1a}';

/// Brings an `observed` to its common form.
pub(crate) fn normalise(observed: &mut Json) {
    let mut paths: Vec<String> = Vec::new();
    for post in observed["http_posts"].as_array_mut().into_iter().flatten() {
        let path = post["path"].as_str().unwrap_or_default().to_owned();
        let place = paths.iter().position(|known| *known == path).unwrap_or_else(|| {
            paths.push(path);
            paths.len() - 1
        });
        post["path"] = format!("webhook {place}").into();
    }
    if observed["http_posts"].is_null() {
        observed.as_object_mut().expect("an observed run").remove("http_posts");
    }
    if let Some(state) = observed["flow_state"].as_object_mut().filter(|state| state.get("result") == Some(&Json::Null))
    {
        state.remove("result");
    }
    for state in observed["task_states"].as_object_mut().into_iter().flat_map(|states| states.values_mut()) {
        if state["message"] == "Task not run." {
            state["message"] = Json::Null;
        }
    }
    texts(observed);
}

/// Takes what Python's `repr` adds out of every text.
pub(crate) fn texts(json: &mut Json) {
    match json {
        Json::String(text) => *text = without_time(&skipped_retry(&without_python(&compared(text)))),
        Json::Array(items) => items.iter_mut().for_each(texts),
        Json::Object(map) => {
            if map.contains_key("error") && map.contains_key("repr") {
                let shown = map.remove("repr").unwrap_or_default();
                map.remove("error");
                let shown = shown.as_str().unwrap_or_default();
                if without_python(shown).contains(ANY) {
                    map.insert("message".to_owned(), ANY.to_string().into());
                }
            }
            map.values_mut().for_each(texts);
        }
        _ => {}
    }
}

/// Texts with every `Class('text')` of an error, and every `SIGNAL('text')`, replaced.
fn without_python(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('(') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |i| i + 1);
        let name = &before[start..];
        let is_error = name.ends_with("Error") || name.ends_with("Exception");
        let is_signal = name.len() > 3 && name.chars().all(|c| c.is_ascii_uppercase());
        let read = literal(after).and_then(|(inner, more)| Some((inner, more.strip_prefix(')')?)));
        match read {
            Some((inner, more)) if is_error || is_signal => {
                out.push_str(&before[..start]);
                if is_signal {
                    out.push_str(name);
                    out.push(' ');
                }
                out.push_str(&inner);
                rest = more;
            }
            None if is_signal && after.starts_with("None)") => {
                out.push_str(before);
                out.push_str("()");
                rest = &after["None)".len()..];
            }
            None if is_error => {
                out.push_str(&before[..start]);
                out.push(ANY);
                return out;
            }
            _ => {
                out.push_str(&rest[..=at]);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    // Of a described error: `{'error': 'ValueError', 'message': ..}`.
    while let Some(at) = out.find("'error': '") {
        let end = out[at..].find(", ").map_or(out.len(), |i| at + i + 2);
        out.replace_range(at..end, "");
    }
    out
}

fn compared(text: &str) -> String {
    if !text.contains("Provided value \"") {
        return text.to_owned();
    }
    let words = [("\"True\"", "\"true\""), ("\"False\"", "\"false\""), ("\"None\"", "\"null\"")];
    words.iter().fold(text.to_owned(), |text, (python, here)| text.replace(python, here))
}

fn skipped_retry(text: &str) -> String {
    match text.split_once("Skipping retry.") {
        Some((before, _)) => format!("{before}Skipping retry."),
        None => text.to_owned(),
    }
}

fn without_time(text: &str) -> String {
    for beginning in ["Waiting for next available Task run at ", "Waiting for next scheduled run at "] {
        if text.starts_with(beginning) {
            return format!("{beginning}<time>");
        }
    }
    text.to_owned()
}

/// Whether a text is what a record expects.
pub(crate) fn same_text(expected: &str, seen: &str) -> bool {
    match expected.split_once(ANY) {
        Some((before, _)) => seen.starts_with(before),
        None => expected == seen,
    }
}
