//! A clock that ticks at equal distances.
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, ZonedDateTime};

use super::moment::time_zone;
use super::options::{Options, clock_methods, end_date_method};
use super::{IntoMoment, ScheduleError, ScheduleErrorKind};
use crate::IntoDuration;

const DAY: u128 = 24 * 60 * 60 * 1_000_000_000;

/// Ticks at equal distances, beginning with its start date: by default midnight on 1 January 2019, in UTC.
///
/// Intervals of whole days keep the local time of the start date when clocks are changed; any other interval is time that
/// passes.
///
/// ```
/// use prefect::schedule::IntervalClock;
///
/// # fn main() -> Result<(), prefect::schedule::ScheduleError> {
/// let clock = IntervalClock::new("1d")?.start_date("2021-03-12T09:00[America/New_York]")?;
/// let after: prefect::jiff::Timestamp = "2021-03-12T15:00:00Z".parse().unwrap();
/// let next: Vec<_> = clock.next(2, after).iter().map(|moment| moment.strftime("%F %R %:z").to_string()).collect();
/// assert_eq!(next, ["2021-03-13 09:00 -05:00", "2021-03-14 09:00 -04:00"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct IntervalClock {
    interval: Interval,
    start_date: ZonedDateTime,
    end_date: Option<Timestamp>,
    pub(super) options: Options,
}

/// Where a clock begins that is given no start date.
fn first_start() -> ZonedDateTime {
    jiff::civil::date(2019, 1, 1).to_zoned_datetime(TimeZone::UTC).expect("UTC has no gaps")
}

#[derive(Clone, Copy, Debug)]
enum Interval {
    Days(i64),
    /// Nanoseconds.
    Exact(i128),
}

clock_methods!(IntervalClock);
end_date_method!(IntervalClock);

impl IntervalClock {
    /// This distance: a duration, or a text such as `"1h"` or `"1d"`.
    ///
    /// # Errors
    /// If it is not longer than nothing.
    ///
    /// # Panics
    /// If a text is no duration: see [`duration`](crate::duration).
    #[track_caller]
    pub fn new(interval: impl IntoDuration) -> Result<Self, ScheduleError> {
        let interval: Duration = interval.into_duration();
        if interval.is_zero() {
            return Err(ScheduleError::new(ScheduleErrorKind::Interval, "Interval must be greater than 0."));
        }
        let nanos = interval.as_nanos();
        let interval = match i64::try_from(nanos / DAY) {
            Ok(days) if nanos.is_multiple_of(DAY) => Interval::Days(days),
            _ => Interval::Exact(i128::try_from(nanos).expect("the nanoseconds of 2^64 seconds")),
        };
        Ok(Self { interval, start_date: first_start(), end_date: None, options: Options::default() })
    }

    /// The first moment. Its time zone is that of the clock.
    ///
    /// # Errors
    /// If a text is no moment, or its time zone does not exist.
    pub fn start_date(mut self, moment: impl IntoMoment) -> Result<Self, ScheduleError> {
        self.start_date = moment.into_moment()?;
        Ok(self)
    }

    /// Puts the clock into this time zone: it begins when the wall there shows what the start date shows.
    ///
    /// # Errors
    /// If there is no such time zone.
    pub fn time_zone(mut self, name: &str) -> Result<Self, ScheduleError> {
        let zone = time_zone(name)?;
        self.start_date = (self.start_date.datetime().to_zoned_datetime(zone))
            .map_err(|error| ScheduleError::new(ScheduleErrorKind::Moment, format!("the start date: {error}")))?;
        Ok(self)
    }

    #[cfg(feature = "store")]
    pub(super) fn description(&self) -> String {
        use super::describe::{every, from, in_zone, until};
        let every = match self.interval {
            Interval::Days(1) => "every day".to_owned(),
            Interval::Days(days) => format!("every {days} days"),
            Interval::Exact(nanos) => every(nanos),
        };
        let from = match first_start() {
            start if start == self.start_date && start.time_zone() == self.start_date.time_zone() => String::new(),
            _ => from(&self.start_date) + &in_zone(self.start_date.time_zone()),
        };
        every + &from + &until(self.end_date)
    }

    pub(super) fn next_after(&self, after: Timestamp) -> Option<ZonedDateTime> {
        let next = match self.start_date.timestamp() {
            start if after < start => self.start_date.clone(),
            start => match self.interval {
                Interval::Exact(nanos) => {
                    let passed = after.duration_since(start).as_nanos();
                    let ticks = (passed / nanos).checked_add(1)?;
                    let next = start.checked_add(SignedDuration::try_from_nanos_i128(ticks.checked_mul(nanos)?)?);
                    next.ok()?.to_zoned_datetime(self.start_date.time_zone().clone())
                }
                Interval::Days(days) => self.next_day(days, after)?,
            },
        };
        (self.end_date.is_none_or(|end| next.timestamp() <= end)).then_some(next)
    }

    /// The first day of the series whose moment is after this one.
    fn next_day(&self, days: i64, after: Timestamp) -> Option<ZonedDateTime> {
        let zone = self.start_date.time_zone();
        let start = self.start_date.datetime();
        let passed = zone.to_datetime(after).date().duration_since(start.date()).as_hours() / 24;
        // A day that was left out may have been moved to a later one: begins before that.
        let mut ticks = (passed / days - 2).max(0);
        loop {
            ticks += 1;
            let span = Span::new().try_days(days.checked_mul(ticks)?).ok()?;
            let next = start.checked_add(span).ok()?.to_zoned_datetime(zone.clone()).ok()?;
            if next.timestamp() > after {
                return Some(next);
            }
        }
    }
}
