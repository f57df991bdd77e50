//! A recording as text: what an assertion that fails shows.
use std::fmt;

use super::Recording;
use crate::plain::{counted, human, plain};
use crate::{State, StateKind, TaskRunInfo};

/// More task runs than these are not all shown, but those that did not end well first of all.
const MOST: usize = 60;
/// Longer names push the rest of their line to the right.
const NAME: usize = 40;
/// A message is cut here.
const MESSAGE: usize = 160;

/// A line for the flow run, one for each task run, and one for each message that would have been sent.
impl<O> fmt::Display for Recording<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.flow_run();
        let (state, time) = (run.state(), human(run.duration()));
        write!(f, "flow `{}`: {} after {time}", self.shown(run.flow_name()), state.kind())?;
        match self.said(state) {
            said if said.is_empty() => writeln!(f)?,
            said => writeln!(f, ": {said}")?,
        }
        let mut listed: Vec<&TaskRunInfo> = self.tasks().iter().collect();
        if listed.len() > MOST {
            listed.retain(|task| !matches!(task.state.kind(), StateKind::Success | StateKind::Mapped));
            listed.truncate(MOST);
        }
        let rows: Vec<[String; 4]> = listed.iter().map(|task| self.row(task)).collect();
        let width =
            |column: usize| rows.iter().map(|row| columns(&row[column])).filter(|w| *w <= NAME).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2), 0];
        for row in &rows {
            let mut line = String::from("  ");
            for (cell, width) in row.iter().zip(widths).filter(|(cell, width)| *width > 0 || !cell.is_empty()) {
                line += cell;
                line += &" ".repeat(width.saturating_sub(columns(cell)) + 2);
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        match self.tasks().len() - listed.len() {
            0 => {}
            more => writeln!(f, "  and {} more", counted(more, "task"))?,
        }
        for notification in self.notifications().iter().take(MOST) {
            writeln!(f, "  message to {}: {}", notification.secret, self.shown(notification.text()))?;
        }
        match self.notifications().len().saturating_sub(MOST) {
            0 => Ok(()),
            more => writeln!(f, "  and {} more", counted(more, "message")),
        }
    }
}

impl<O> fmt::Debug for Recording<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<O> Recording<O> {
    /// Name, kind, attempts, message.
    fn row(&self, task: &TaskRunInfo) -> [String; 4] {
        let attempts = match task.attempts {
            _ if self.is_given(task) => "given".to_owned(),
            0 | 1 => String::new(),
            n => format!("{n} attempts"),
        };
        let said = if task.state.kind() == StateKind::Success { String::new() } else { self.said(&task.state) };
        [self.shown(&task.name), task.state.kind().to_string(), attempts, said]
    }

    /// The beginning of what a state says.
    fn said(&self, state: &State) -> String {
        let message = self.shown(state.message().unwrap_or_default());
        match message.char_indices().nth(MESSAGE) {
            Some((end, _)) => format!("{}…", &message[..end]),
            None => message,
        }
    }

    fn shown(&self, text: &str) -> String {
        plain(&self.flow_run().core.services.redacted(&text))
    }
}

fn columns(text: &str) -> usize {
    text.chars().count()
}
