//! What is wrong with a schedule.
use std::fmt;

/// Why a clock cannot be made: what is wrong, and where.
///
/// ```
/// use prefect::schedule::{CronClock, ScheduleErrorKind};
///
/// let error = CronClock::new("0 25 * * *").unwrap_err();
/// assert_eq!(error.kind(), ScheduleErrorKind::Cron);
/// assert_eq!(error.to_string(), "Invalid cron string: 0 25 * * *: hour: `25` is not from 0 to 23");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleError {
    kind: ScheduleErrorKind,
    message: String,
}

/// What a [`ScheduleError`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScheduleErrorKind {
    /// An interval that is not longer than nothing.
    Interval,
    /// A cron text.
    Cron,
    /// A recurrence rule.
    RRule,
    /// A time zone that does not exist, or cannot be read.
    TimeZone,
    /// A moment.
    Moment,
}

impl ScheduleError {
    pub(super) fn new(kind: ScheduleErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> ScheduleErrorKind {
        self.kind
    }
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ScheduleError {}
