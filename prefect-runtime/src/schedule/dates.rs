//! A clock that tells given moments.
use jiff::{Timestamp, ZonedDateTime};

use super::options::{Options, clock_methods};
use super::{IntoMoment, ScheduleError, ScheduleErrorKind};

/// Tells the moments that it is given, in order.
///
/// ```
/// use prefect::schedule::DatesClock;
///
/// let clock = DatesClock::new(["2026-01-03", "2026-01-02T12:00[Europe/Paris]"]).unwrap();
/// let after: prefect::jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
/// let next: Vec<_> = clock.next(5, after).iter().map(ToString::to_string).collect();
/// assert_eq!(next, ["2026-01-02T12:00:00+01:00[Europe/Paris]", "2026-01-03T00:00:00+00:00[UTC]"]);
/// ```
#[derive(Clone, Debug)]
pub struct DatesClock {
    /// In order, each moment once.
    dates: Vec<ZonedDateTime>,
    pub(super) options: Options,
}

clock_methods!(DatesClock);

impl DatesClock {
    /// These moments.
    ///
    /// # Errors
    /// If there is none, or a text is no moment, or its time zone does not exist.
    pub fn new<M: IntoMoment>(dates: impl IntoIterator<Item = M>) -> Result<Self, ScheduleError> {
        let mut dates = dates.into_iter().map(IntoMoment::into_moment).collect::<Result<Vec<_>, _>>()?;
        if dates.is_empty() {
            let message = "a clock of dates needs one at least";
            return Err(ScheduleError::new(ScheduleErrorKind::Moment, message));
        }
        dates.sort_by_key(ZonedDateTime::timestamp);
        dates.dedup_by_key(|date| date.timestamp());
        Ok(Self { dates, options: Options::default() })
    }

    #[cfg(feature = "store")]
    pub(super) fn description(&self) -> String {
        // The last one too: who adds a date has another schedule.
        match &*self.dates {
            [] => String::new(),
            [date] => date.to_string(),
            [first, .., last] => format!("{} dates from {first} to {last}", self.dates.len()),
        }
    }

    pub(super) fn next_after(&self, after: Timestamp) -> Option<ZonedDateTime> {
        let at = self.dates.partition_point(|date| date.timestamp() <= after);
        self.dates.get(at).cloned()
    }
}
