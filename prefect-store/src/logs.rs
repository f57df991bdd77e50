//! The log lines of runs: what is recorded of them, which of them to read, how long they are kept.
use std::borrow::Cow;
use std::time::Duration;

use crate::{Micros, TaskKey};

/// How important a log line is, the least important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// For who looks for a fault.
    Debug,
    /// What happens.
    Info,
    /// What is odd.
    Warn,
    /// What went wrong.
    Error,
}

impl LogLevel {
    /// All, the least important first.
    pub const ALL: [Self; 5] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// As it is recorded.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Trace => 1,
            Self::Debug => 2,
            Self::Info => 3,
            Self::Warn => 4,
            Self::Error => 5,
        }
    }

    /// The level of a number; one that a newer release has made is what comes nearest.
    #[must_use]
    pub const fn from_number(number: u8) -> Self {
        match number {
            0 | 1 => Self::Trace,
            2 => Self::Debug,
            3 => Self::Info,
            4 => Self::Warn,
            _ => Self::Error,
        }
    }

    /// `INFO`
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// A line that was logged in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The task run that logged it; `None` for the flow run.
    pub task: Option<TaskKey>,
    /// The attempt, from 1; 0 for the flow run.
    pub attempt: u32,
    /// When.
    pub at: Micros,
    /// How important it is.
    pub level: LogLevel,
    /// Who logged it: the module, for example.
    pub target: Cow<'static, str>,
    /// What it says. Secrets have to be hidden, and the end of a long one cut off, before it is recorded.
    pub message: String,
}

impl LogLine {
    /// What it counts for where the size of all lines is limited: the texts, and what the database needs besides.
    pub(crate) fn size(&self) -> usize {
        size(&self.target, &self.message)
    }
}

/// The same for these texts.
pub(crate) const fn size(target: &str, message: &str) -> usize {
    target.len() + message.len() + ROW
}

/// What the database needs for a line besides its texts, about.
pub(crate) const ROW: usize = 40;

/// A line as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedLine {
    /// Its number in its run: lines are in the order in which they came. Numbers of lines that were removed are missing.
    pub number: u64,
    /// The line.
    pub line: LogLine,
}

/// Which lines of a run to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter {
    /// Whose.
    pub of: LogsOf,
    /// Those of this attempt.
    pub attempt: Option<u32>,
    /// Those that are at least so important.
    pub level: LogLevel,
    /// Which of these.
    pub page: LogPage,
}

/// Whose lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogsOf {
    /// All of the run.
    #[default]
    All,
    /// Those of a task, and of all its children if it is mapped.
    Task(u32),
    /// Those of a task run.
    TaskRun(TaskKey),
}

/// Which lines of those that fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogPage {
    /// Those behind the line with this number (0: from the first), at most so many.
    After(u64, u32),
    /// The last ones, at most so many.
    Last(u32),
}

impl Default for LogFilter {
    fn default() -> Self {
        Self { of: LogsOf::All, attempt: None, level: LogLevel::Trace, page: LogPage::After(0, 1000) }
    }
}

/// How long log lines are kept: see [`Options::keep_logs`](crate::Options::keep_logs).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeptLogs {
    /// The lines of a run go so long after its last one.
    pub(crate) time: Duration,
    /// If all lines of the store are larger than so many bytes, the oldest go.
    pub(crate) bytes: u64,
}

impl Default for KeptLogs {
    fn default() -> Self {
        Self { time: Duration::from_hours(30 * 24), bytes: 256 << 20 }
    }
}
