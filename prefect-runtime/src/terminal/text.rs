//! Texts for a terminal: colours where they are wanted, and nothing that a terminal would obey.
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::IsTerminal;

use console::measure_text_width;

use crate::StateKind;
use crate::notify::Card;
pub(super) use crate::plain::{counted, human, plain};

/// Which colours a stream gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    /// The sixteen that every terminal has.
    Basic,
    /// Prefect's own.
    Full,
}

impl Paint {
    /// What the environment asks for. `NO_COLOR` wins over all else, then `CLICOLOR_FORCE` and `FORCE_COLOR`; without
    /// them a terminal gets colours unless it is a dumb one or `CLICOLOR` is 0.
    pub(super) fn of(stream: &impl IsTerminal) -> Self {
        Self::wanted(stream.is_terminal(), |name| std::env::var_os(name))
    }

    fn wanted(terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let is = |name, value: &str| set(name).is_some_and(|found| found == value);
        let forced = ["CLICOLOR_FORCE", "FORCE_COLOR"].into_iter().any(|name| set(name).is_some() && !is(name, "0"));
        let natural = terminal && !is("TERM", "dumb") && !is("CLICOLOR", "0");
        if set("NO_COLOR").is_some() || !(forced || natural) {
            Self::Plain
        } else if is("COLORTERM", "truecolor") || is("COLORTERM", "24bit") {
            Self::Full
        } else {
            Self::Basic
        }
    }

    /// The kind, padded, in its colour.
    pub(super) fn kind(self, kind: StateKind) -> String {
        self.of_kind(kind, &format!("{kind:<16}"))
    }

    /// The text in the colour of the kind.
    pub(super) fn of_kind(self, kind: StateKind, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Basic => format!("\x1b[{}m{text}\x1b[0m", basic(kind)),
            Self::Full => {
                let part = |at: usize| u8::from_str_radix(&kind.color()[at..at + 2], 16).unwrap_or(0);
                format!("\x1b[38;2;{};{};{}m{text}\x1b[0m", part(1), part(3), part(5))
            }
        }
    }

    /// The level of a log line, padded.
    pub(super) fn level(self, level: tracing::Level) -> String {
        let color = match level {
            tracing::Level::ERROR => 31,
            tracing::Level::WARN => 33,
            tracing::Level::INFO => 32,
            tracing::Level::DEBUG => 34,
            tracing::Level::TRACE => 35,
        };
        match self {
            Self::Plain => format!("{level:<5}"),
            Self::Basic | Self::Full => format!("\x1b[{color}m{level:<5}\x1b[0m"),
        }
    }

    /// The text in bold letters.
    pub(super) fn bold(self, text: &str) -> String {
        if self == Self::Plain { text.to_owned() } else { format!("\x1b[1m{text}\x1b[0m") }
    }
}

/// Red, yellow, cyan, grey, green.
fn basic(kind: StateKind) -> u8 {
    match kind {
        kind if kind.is_failed() => 31,
        kind if kind.is_pending() => 33,
        kind if kind.is_running() => 36,
        StateKind::Skipped => 90,
        kind if kind.is_successful() => 32,
        _ => 39,
    }
}

/// A message as its service would show it.
pub(super) fn card(message: &Card, paint: Paint) -> String {
    let bar = paint.of_kind(message.kind, "┃");
    let mut out = format!("{bar} {}\n", plain(&message.text));
    for line in message.message.iter().flat_map(|message| message.lines()) {
        let _ = writeln!(out, "{bar}   {}", plain(line));
    }
    out
}

/// The text with blanks behind it, up to this many columns.
pub(super) fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(measure_text_width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::{MissingSecret, Service};

    #[test]
    fn a_card_has_the_text_and_the_message() {
        let message = Card {
            kind: StateKind::Failed,
            text: "div is now in a Failed state".to_owned(),
            message: Some("no".to_owned()),
            missing: MissingSecret { service: Service::Slack, name: "SLACK_WEBHOOK_URL" },
        };
        assert_eq!(card(&message, Paint::Plain), "┃ div is now in a Failed state\n┃   no\n");
        assert!(card(&message, Paint::Full).starts_with("\x1b[38;2;235;0;0m┃"));
        assert!(card(&message, Paint::Basic).starts_with("\x1b[31m┃"));
    }

    #[test]
    fn colors_are_for_terminals_unless_the_environment_says_otherwise() {
        let paint = |terminal, set: &[(&str, &str)]| {
            Paint::wanted(terminal, |name| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).into()))
        };
        assert_eq!(paint(true, &[]), Paint::Basic);
        assert_eq!(paint(true, &[("TERM", "xterm"), ("COLORTERM", "truecolor")]), Paint::Full);
        assert_eq!(paint(true, &[("TERM", "dumb")]), Paint::Plain);
        assert_eq!(paint(true, &[("CLICOLOR", "0")]), Paint::Plain);
        assert_eq!(paint(true, &[("NO_COLOR", "1")]), Paint::Plain);
        assert_eq!(paint(true, &[("NO_COLOR", "")]), Paint::Basic);
        assert_eq!(paint(false, &[]), Paint::Plain);
        assert_eq!(paint(false, &[("CLICOLOR_FORCE", "1")]), Paint::Basic);
        assert_eq!(paint(false, &[("CLICOLOR_FORCE", "0")]), Paint::Plain);
        assert_eq!(paint(false, &[("FORCE_COLOR", "1"), ("COLORTERM", "24bit")]), Paint::Full);
        assert_eq!(paint(false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), Paint::Plain);
    }

    #[test]
    fn columns_are_those_of_the_terminal() {
        assert_eq!(padded("ab", 4), "ab  ");
        assert_eq!(padded("国", 4), "国  ");
        assert_eq!(padded("longer", 4), "longer");
    }
}
