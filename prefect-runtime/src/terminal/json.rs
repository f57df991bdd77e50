//! JSON, as the command line prints it.
use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::Redactor;
use crate::plain::is_obeyed;

/// As JSON in lines, without secrets. What a terminal would obey is written as JSON writes it: it stays the same text.
pub(super) fn text(json: &Json, redactor: &Redactor) -> String {
    harmless(&format!("{:#}", redactor.redact_json(json)))
}

/// The same in one line.
#[cfg(feature = "store")]
pub(super) fn line(json: &Json, redactor: &Redactor) -> String {
    harmless(&redactor.redact_json(json).to_string())
}

fn harmless(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        if c != '\n' && is_obeyed(c) {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out + "\n"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_stays_json_and_a_terminal_obeys_none_of_it() {
        let redactor = Redactor::new();
        redactor.add("TOKEN", "tok-\"123456");
        redactor.add("PIN", "7654321");
        let json = json!({ "a\u{9b}\n": ["b\u{202e}", { "c": "at tok-\"123456!" }, null, 1, 7_654_321] });
        let text = text(&json, &redactor);
        assert!(text.lines().all(|line| !line.contains(is_obeyed)), "{text}");
        let mut expected = json;
        expected["a\u{9b}\n"][1]["c"] = redactor.redact("at tok-\"123456!").into();
        expected["a\u{9b}\n"][4] = "[redacted PIN]".into();
        assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), expected);
        assert!(!text.contains("123456"), "{text}");
    }
}
