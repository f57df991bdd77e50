//! One state change as people will read it, whichever way it reaches them.
use std::borrow::Cow;

#[cfg(feature = "email")]
use super::email::Stamp;
use super::service::MissingSecret;
use super::settings::DeliverySettings;
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
        Self {
            kind: new.kind(),
            name: text(object.name(), NAME),
            said,
            link,
            #[cfg(feature = "email")]
            stamp: Stamp::new(object.services.clock.timestamp()),
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
            text: format!("{} is now in a {} state", self.name, self.kind),
            message: match &self.said {
                Said::Nothing => None,
                Said::Message(text) | Said::Error(text) => Some(text.clone()),
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
