//! What a message says: Prefect's payload, made safe for Slack.
use std::borrow::Cow;

use serde::Serialize;

use super::settings::DeliverySettings;
use crate::{Signal, State, StateKind, TaskError, Tracked};

/// Characters of a name, a message and an error in one Slack message, counted as Slack counts them: after escaping.
/// Together they stay under 9,000; at about 13,000 Slack refuses a message, by no documented rule.
const NAME: usize = 500;
const MESSAGE: usize = 6_000;
const ERROR: usize = 1_500;

const FENCE: &str = "```";

/// Between backquotes, so that three never meet; shows as nothing.
const BREAK: char = '\u{200b}';

/// One state change as people will read it: redacted and cut, but not yet escaped for Slack.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    kind: StateKind,
    name: String,
    said: Said,
    link: Option<String>,
}

/// What the state says about itself.
#[derive(Clone, Debug)]
enum Said {
    Nothing,
    Message(String),
    Error(String),
}

impl Notice {
    pub(crate) fn render(object: &Tracked, new: &State, link: Link, settings: &DeliverySettings) -> Self {
        // Redacted first: a secret that is cut in half would no longer be recognised.
        let text = |text: &str, most| cut(&settings.redact(text), most, |_| 1).into_owned();
        let said = match new.error().and_then(error_text) {
            Some(error) => Said::Error(text(&error, ERROR)),
            None => new.message().map_or(Said::Nothing, |message| Said::Message(text(message, MESSAGE))),
        };
        let link = match (link, &settings.ui_url) {
            (Link::Shown, Some(ui)) => Some(format!("{}/flow-run/{}", ui.trim_end_matches('/'), object.flow_run_id())),
            _ => None,
        };
        Self { kind: new.kind(), name: text(object.name(), NAME), said, link }
    }

    pub(crate) fn kind(&self) -> StateKind {
        self.kind
    }

    #[cfg(test)]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The message as Prefect 1 laid it out.
    pub(crate) fn to_json(&self) -> String {
        let value = match &self.said {
            Said::Nothing => None,
            Said::Message(message) => Some(escaped(message, MESSAGE)),
            Said::Error(error) => Some(fenced(error)),
        };
        let attachment = Attachment {
            fallback: "State change notification",
            color: self.kind.color(),
            author_name: "Prefect",
            author_link: "https://www.prefect.io/",
            author_icon: "https://emoji.slack-edge.com/TAN3D79AL/prefect/2497370f58500a5a.png",
            title: self.kind.name(),
            fields: value.map(|value| Field { title: "Message", value, short: false }).into_iter().collect(),
            text: self.headline(),
            footer: "Prefect notification",
            title_link: self.link.as_deref(),
        };
        json(&Payload { attachments: [attachment] })
    }

    /// The same words without any layout, for a server that refused the layout.
    pub(crate) fn to_plain_json(&self) -> String {
        let mut text = self.headline();
        match &self.said {
            Said::Nothing => {}
            Said::Message(message) => text.extend(["\n", &escaped(message, MESSAGE)]),
            Said::Error(error) => text.extend(["\n", &fenced(error)]),
        }
        json(&Plain { text })
    }

    fn headline(&self) -> String {
        format!("{} is now in a {} state", escaped(&self.name, NAME), self.kind)
    }

    /// For people at a terminal.
    pub(crate) fn to_card(&self, secret: &'static str) -> Card {
        Card {
            kind: self.kind,
            text: format!("{} is now in a {} state", self.name, self.kind),
            message: match &self.said {
                Said::Nothing => None,
                Said::Message(text) | Said::Error(text) => Some(text.clone()),
            },
            secret,
        }
    }

    #[cfg(test)]
    pub(crate) fn for_tests(kind: StateKind, name: &str) -> Self {
        Self { kind, name: name.to_owned(), said: Said::Message("a message".to_owned()), link: None }
    }
}

/// Whether a message links to the run's page, where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Shown,
    LeftOut,
}

/// A message that has no webhook to go to, for whoever shows it instead. Its texts are redacted, and not escaped.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    /// The state's kind; it has a name and a colour.
    pub(crate) kind: StateKind,
    /// `{name} is now in a {kind} state`.
    pub(crate) text: String,
    /// The state's message, or the text of its error.
    pub(crate) message: Option<String>,
    /// The name of the secret that is missing.
    pub(crate) secret: &'static str,
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

/// The error's text, unless it has none to show: a signal is shown by its message, as in Prefect.
fn error_text(error: &TaskError) -> Option<String> {
    if error.is::<Signal>() {
        return None;
    }
    let text = error.to_string();
    (!text.is_empty()).then_some(text)
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

/// At most so much of the text; what was cut ends in an ellipsis.
fn cut(text: &str, most: usize, width: impl Fn(char) -> usize) -> Cow<'_, str> {
    let mut used = 0;
    // Where to cut, should it turn out too long: the last place that leaves room for the ellipsis.
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if used < most {
            end = at;
        }
        used += width(c);
        if used > most {
            return Cow::Owned(format!("{}…", &text[..end]));
        }
    }
    Cow::Borrowed(text)
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
