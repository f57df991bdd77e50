//! The message for Slack: Prefect's payload, made safe.
use serde::Serialize;

use crate::notify::notice::{ERROR, MESSAGE, NAME, Notice, Said, cut, histogram};

const FENCE: &str = "```";

/// Between backquotes, so that three never meet; shows as nothing.
const BREAK: char = '\u{200b}';

impl Notice {
    /// The message as Prefect 1 laid it out.
    pub(crate) fn to_json(&self) -> String {
        let value = match &self.said {
            Said::Nothing => None,
            Said::Message(message) => Some(escaped(message, MESSAGE)),
            Said::Error(error) => Some(fenced(error)),
            Said::Many { causes, .. } => Some(fenced(&histogram(causes))),
        };
        let attachment = Attachment {
            fallback: "State change notification",
            color: self.kind.color(),
            author_name: "Prefect",
            author_link: "https://www.prefect.io/",
            author_icon: "https://emoji.slack-edge.com/TAN3D79AL/prefect/2497370f58500a5a.png",
            title: self.kind.name(),
            fields: value
                .map(|value| Field {
                    title: if matches!(self.said, Said::Many { .. }) { "Causes" } else { "Message" },
                    value,
                    short: false,
                })
                .into_iter()
                .collect(),
            text: self.headline(&escaped(&self.name, NAME)),
            footer: "Prefect notification",
            title_link: self.link.as_deref(),
        };
        json(&Payload { attachments: [attachment] })
    }

    /// The same words without any layout, for a server that refused the layout.
    pub(crate) fn to_plain_json(&self) -> String {
        let mut text = self.headline(&escaped(&self.name, NAME));
        match &self.said {
            Said::Nothing => {}
            Said::Message(message) => text.extend(["\n", &escaped(message, MESSAGE)]),
            Said::Error(error) => text.extend(["\n", &fenced(error)]),
            Said::Many { causes, .. } => text.extend(["\n", &fenced(&histogram(causes))]),
        }
        json(&Plain { text })
    }
}

/// The message, for somebody who takes it in Slack's place.
pub(crate) fn payload(notice: &Notice) -> serde_json::Value {
    serde_json::from_str(&notice.to_json()).expect("it was written as JSON")
}

#[derive(Serialize)]
struct Payload<'a> {
    attachments: [Attachment<'a>; 1],
}

#[derive(Serialize)]
struct Attachment<'a> {
    fallback: &'static str,
    color: &'static str,
    author_name: &'static str,
    author_link: &'static str,
    author_icon: &'static str,
    title: &'static str,
    fields: Vec<Field>,
    text: String,
    footer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title_link: Option<&'a str>,
}

#[derive(Serialize)]
struct Field {
    title: &'static str,
    value: String,
    short: bool,
}

#[derive(Serialize)]
struct Plain {
    text: String,
}

fn json(payload: &impl Serialize) -> String {
    serde_json::to_string(payload).expect("texts, lists and a bool: nothing that JSON lacks")
}

/// Three characters mean something to Slack wherever they stand: unescaped, `<!channel>` would call everybody.
fn escaped(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for c in cut(text, most, width).chars() {
        push_escaped(&mut out, c);
    }
    out
}

/// The error between fences that nothing in it can close.
fn fenced(error: &str) -> String {
    let text = cut(error, ERROR, |c| if c == '`' { 2 } else { width(c) });
    let mut out = String::with_capacity(text.len() + 2 * FENCE.len());
    out.push_str(FENCE);
    let mut chars = text.chars().peekable();
    if chars.peek() == Some(&'`') {
        out.push(BREAK);
    }
    while let Some(c) = chars.next() {
        push_escaped(&mut out, c);
        if c == '`' && matches!(chars.peek(), None | Some('`')) {
            out.push(BREAK);
        }
    }
    out.push_str(FENCE);
    out
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        c => out.push(c),
    }
}

fn width(c: char) -> usize {
    match c {
        '&' => 5,
        '<' | '>' => 4,
        _ => 1,
    }
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
