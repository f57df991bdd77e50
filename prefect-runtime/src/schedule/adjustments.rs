//! How moments are moved that have passed the filters. Any function or closure `Fn(ZonedDateTime) -> ZonedDateTime` is an
//! adjustment; these are Prefect's.
//!
//! ```
//! use prefect::schedule::{CronClock, Schedule, adjustments, filters};
//!
//! let hour = std::time::Duration::from_secs(3600);
//! let schedule = Schedule::new(CronClock::new("@daily").unwrap())
//!     .filter(filters::is_month_end)
//!     .adjustment(adjustments::next_weekday)
//!     .adjustment(adjustments::add(hour));
//! let after: prefect::jiff::Timestamp = "2021-01-01T00:00:00Z".parse().unwrap();
//! // The last day of January 2021 was a Sunday.
//! assert_eq!(schedule.next(1, after)[0].to_string(), "2021-02-01T01:00:00+00:00[UTC]");
//! ```
use jiff::civil::Weekday;
use jiff::{Span, ZonedDateTime, ZonedDateTimeArithmetic};

/// Moves a moment by a time: a `Duration` is time that passes, days of a [`Span`] keep the local time. A moment that
/// would leave the calendar (years -9999 to 9999) stays where it is.
///
/// ```
/// use prefect::jiff::{SignedDuration, ToSpan};
/// use prefect::schedule::{IntoMoment, adjustments};
///
/// // The clocks go forward on the 29th.
/// let noon = "2026-03-28T12:00[Europe/Paris]".into_moment().unwrap();
/// assert_eq!(adjustments::add(1.day())(noon.clone()).hour(), 12);
/// assert_eq!(adjustments::add(SignedDuration::from_hours(24))(noon).hour(), 13);
/// ```
pub fn add(
    interval: impl Into<ZonedDateTimeArithmetic>,
) -> impl Fn(ZonedDateTime) -> ZonedDateTime + Send + Sync + 'static {
    let interval = interval.into();
    move |moment| moment.checked_add(interval).unwrap_or(moment)
}

/// Moves Saturdays and Sundays to the Monday after them, at the same local time.
///
/// ```
/// use prefect::schedule::{IntoMoment, adjustments};
///
/// let saturday = "2026-01-03T09:00Z".into_moment().unwrap();
/// assert_eq!(adjustments::next_weekday(saturday).date().to_string(), "2026-01-05");
/// ```
#[must_use]
pub fn next_weekday(moment: ZonedDateTime) -> ZonedDateTime {
    let days = match moment.weekday() {
        Weekday::Saturday => 2,
        Weekday::Sunday => 1,
        _ => return moment,
    };
    moment.checked_add(Span::new().days(days)).unwrap_or(moment)
}
