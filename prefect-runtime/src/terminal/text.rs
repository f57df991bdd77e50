//! Texts for a terminal: colours where they are wanted, and nothing that a terminal would obey.
use std::fmt::Write as _;
use std::io::IsTerminal;

use crate::StateKind;
use crate::notify::Card;

/// Whether output is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Colors,
    Plain,
}

impl Paint {
    /// Colours on a terminal, unless `NO_COLOR` is set.
    pub(super) fn for_output() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        if wanted && std::io::stdout().is_terminal() { Self::Colors } else { Self::Plain }
    }

    /// The kind, padded, in its colour.
    pub(super) fn kind(self, kind: StateKind) -> String {
        self.colored(kind, &format!("{kind:<16}"))
    }

    fn colored(self, kind: StateKind, text: &str) -> String {
        if self == Self::Plain {
            return text.to_owned();
        }
        let part = |at: usize| u8::from_str_radix(&kind.color()[at..at + 2], 16).unwrap_or(0);
        format!("\x1b[38;2;{};{};{}m{text}\x1b[0m", part(1), part(3), part(5))
    }
}

/// Control characters become visible: a name must not move the cursor, nor start a line of its own.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// A Slack message as Slack would show it.
pub(super) fn card(message: &Card, paint: Paint) -> String {
    let bar = paint.colored(message.kind, "┃");
    let mut out = format!("{bar} {}\n", plain(&message.text));
    for line in message.message.iter().flat_map(|message| message.lines()) {
        let _ = writeln!(out, "{bar}   {}", plain(line));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_move_the_cursor() {
        assert_eq!(plain("a\x1b[2J\nb"), "a\\u{1b}[2J\\nb");
    }

    #[test]
    fn a_card_has_the_text_and_the_message() {
        let message = Card {
            kind: StateKind::Failed,
            text: "div is now in a Failed state".to_owned(),
            message: Some("no".to_owned()),
            secret: "SLACK_WEBHOOK_URL",
        };
        assert_eq!(card(&message, Paint::Plain), "┃ div is now in a Failed state\n┃   no\n");
        assert!(card(&message, Paint::Colors).starts_with("\x1b[38;2;235;0;0m┃"));
    }
}
