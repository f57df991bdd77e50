//! One moment of a schedule.
use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ZonedDateTime};

use super::options::Options;

/// A moment at which a flow is to run, with what its clock gives to the run.
///
/// ```
/// use prefect::schedule::{DatesClock, Schedule};
///
/// let clock = DatesClock::new(["2026-01-02"]).unwrap().parameter_default("rows", 10).label("small");
/// let schedule = Schedule::new(clock);
/// let after: prefect::jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
/// let event = schedule.events(after).next().unwrap();
/// assert_eq!(event.start_time().to_string(), "2026-01-02T00:00:00+00:00[UTC]");
/// assert_eq!(event.parameter_defaults()["rows"], 10);
/// assert!(event.labels().contains("small"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ClockEvent {
    pub(super) start_time: ZonedDateTime,
    pub(super) options: Options,
}

impl ClockEvent {
    /// The moment, in the time zone of its clock.
    #[must_use]
    pub fn start_time(&self) -> &ZonedDateTime {
        &self.start_time
    }

    /// Values for parameters, by name.
    #[must_use]
    pub fn parameter_defaults(&self) -> &BTreeMap<String, serde_json::Value> {
        &self.options.parameter_defaults
    }

    /// The labels.
    #[must_use]
    pub fn labels(&self) -> &BTreeSet<String> {
        &self.options.labels
    }

    /// The moment.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.start_time.timestamp()
    }
}
