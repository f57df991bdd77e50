//! One state change as people will read it, whichever way it reaches them.
use std::borrow::Cow;

use super::cause::fingerprint;
#[cfg(feature = "email")]
use super::email::Stamp;
use super::fold::OTHER;
use super::service::MissingSecret;
use super::settings::DeliverySettings;
use crate::run::Services;
use crate::{Signal, State, StateKind, TaskError, Tracked};

/// Characters of a name, a message and an error in one message, counted as its service counts them: in Slack after
/// escaping. Together they stay under 9,000; at about 13,000 Slack refuses a message, by no documented rule.
pub(super) const NAME: usize = 500;
pub(super) const MESSAGE: usize = 6_000;
pub(super) const ERROR: usize = 1_500;

/// One state change as people will read it: redacted and cut, but not yet escaped for its service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(super) kind: StateKind,
    pub(super) name: String,
    pub(super) said: Said,
    pub(super) link: Option<String>,
    #[cfg(feature = "email")]
    pub(super) stamp: Stamp,
}

/// What the state says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    Message(String),
    Error(String),
    /// That so many changes are told together, and what has caused them, the most frequent first.
    Many {
        changes: u64,
        causes: Vec<(String, u64)>,
    },
}

impl Notice {
    pub(crate) fn render(object: &Tracked, new: &State, link: Link, settings: &DeliverySettings) -> Self {
        // Redacted first: a secret that is cut in half would no longer be recognised.
        let text = |text: &str, most| cut(&settings.redact(text), most, |_| 1).into_owned();
        let said = match new.error().and_then(error_text) {
            Some(error) => Said::Error(text(&error, ERROR)),
            None => new.message().map_or(Said::Nothing, |message| Said::Message(text(message, MESSAGE))),
        };
        Self { said, ..Self::named(new.kind(), object.name(), &object.services, link, settings) }
    }

    /// One that says nothing about the state.
    pub(crate) fn named(kind: StateKind, name: &str, run: &Services, link: Link, settings: &DeliverySettings) -> Self {
        let link = match (link, &settings.ui_url) {
            (Link::Shown, Some(ui)) => Some(format!("{}/flow-run/{}", ui.trim_end_matches('/'), run.flow_run_id)),
            _ => None,
        };
        Self {
            kind,
            name: cut(&settings.redact(name), NAME, |_| 1).into_owned(),
            said: Said::Nothing,
            link,
            #[cfg(feature = "email")]
            stamp: Stamp::new(run.clock.timestamp()),
        }
    }

    /// What has caused a state, as far as several have it in common. Secrets are hidden.
    pub(crate) fn cause(new: &State, settings: &DeliverySettings) -> String {
        let text = new.error().and_then(error_text);
        let text = text.as_deref().or_else(|| new.message()).unwrap_or_default();
        fingerprint(&settings.redact(text))
    }

    /// The same for a run that was left by its process.
    #[cfg(feature = "store")]
    pub(crate) fn of_crash(self) -> Self {
        Self { said: Said::Message("The process that ran it has ended before it did.".to_owned()), ..self }
    }

    /// The same for many changes.
    pub(crate) fn of_many(self, changes: u64, causes: Vec<(String, u64)>) -> Self {
        Self { said: Said::Many { changes, causes }, ..self }
    }

    /// What a message says first, with the name as its service shows it.
    pub(super) fn headline(&self, name: &str) -> String {
        match self.said {
            Said::Many { changes, .. } => format!("{name}: {changes} more in a {} state", self.kind),
            _ => format!("{name} is now in a {} state", self.kind),
        }
    }

    pub(crate) fn kind(&self) -> StateKind {
        self.kind
    }

    #[cfg(test)]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// For people at a terminal.
    pub(crate) fn to_card(&self, missing: MissingSecret) -> Card {
        Card {
            kind: self.kind,
            text: self.headline(&self.name),
            message: match &self.said {
                Said::Nothing => None,
                Said::Message(text) | Said::Error(text) => Some(text.clone()),
                Said::Many { causes, .. } => Some(histogram(causes)),
            },
            missing,
        }
    }

    #[cfg(test)]
    pub(crate) fn for_tests(kind: StateKind, name: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            said: Said::Message("a message".to_owned()),
            link: None,
            #[cfg(feature = "email")]
            stamp: Stamp::new(jiff::Timestamp::UNIX_EPOCH),
        }
    }
}

/// So many causes have a line each.
const CAUSES: usize = 5;

/// A line for each of the most frequent causes, and one for the others.
pub(super) fn histogram(causes: &[(String, u64)]) -> String {
    let named = causes.iter().filter(|(cause, _)| cause != OTHER);
    let mut lines: Vec<_> = named.clone().take(CAUSES).map(|(cause, count)| format!("{count}x {cause}")).collect();
    let rare = named.skip(CAUSES).chain(causes.iter().filter(|(cause, _)| cause == OTHER));
    let rare: u64 = rare.map(|(_, count)| count).sum();
    if rare > 0 {
        lines.push(format!("{rare}x {OTHER}"));
    }
    lines.join("\n")
}

/// Whether a message links to the run's page, where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Shown,
    LeftOut,
}

/// A message that has nowhere to go to, for whoever shows it instead. Its texts are redacted, and not escaped.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "the command line shows it"))]
pub(crate) struct Card {
    /// The state's kind; it has a name and a colour.
    pub(crate) kind: StateKind,
    /// `{name} is now in a {kind} state`.
    pub(crate) text: String,
    /// The state's message, or the text of its error.
    pub(crate) message: Option<String>,
    /// The secret for want of which it is not sent.
    pub(crate) missing: MissingSecret,
}

/// The error's text, unless it has none to show: a signal is shown by its message, as in Prefect.
fn error_text(error: &TaskError) -> Option<String> {
    if error.is::<Signal>() {
        return None;
    }
    let text = error.to_string();
    (!text.is_empty()).then_some(text)
}

/// At most so much of the text; what was cut ends in an ellipsis.
pub(super) fn cut(text: &str, most: usize, width: impl Fn(char) -> usize) -> Cow<'_, str> {
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
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_causes_have_a_line_each() {
        let causes =
            |list: &[(&str, u64)]| list.iter().map(|(cause, count)| ((*cause).to_owned(), *count)).collect::<Vec<_>>();
        assert_eq!(histogram(&causes(&[("a", 3), ("b", 1)])), "3x a\n1x b");
        let many = causes(&[(OTHER, 9), ("a", 6), ("b", 5), ("c", 4), ("d", 3), ("e", 2), ("f", 1)]);
        assert_eq!(histogram(&many), "6x a\n5x b\n4x c\n3x d\n2x e\n10x other causes");
        let notice = Notice::for_tests(StateKind::Failed, "load").of_many(7, Vec::new());
        assert_eq!(notice.headline("load"), "load: 7 more in a Failed state");
    }
}
