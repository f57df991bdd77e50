//! A clock that follows a cron text.
mod field;
mod text;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::moment::time_zone;
use super::options::{Options, clock_methods, end_date_method};
use super::{IntoMoment, ScheduleError, ScheduleErrorKind, wall};
use text::{CronText, Days};

/// Tells the moments of a cron text, by the local time of its time zone: UTC, unless it is given another one or a start
/// date that has another one.
///
/// # The text
///
/// Five fields: minute (0 to 59), hour (0 to 23), day of month (1 to 31), month (1 to 12, or `jan` to `dec`), day of week
/// (0 to 7, or `sun` to `sat`; 0 and 7 are Sunday). Each is `*`, a value, a range `1-5`, any of these with a step
/// (`*/15`, `9-17/2`, `5/10` from 5 on), or a list of these. `?` is `*` in the two fields of days. In place of the fields
/// there may be `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight` or `@hourly`.
///
/// If both fields of days say something, **either** of them has to fit, as in every cron; a field that begins with `*`
/// says nothing. [`day_and`](Self::day_and) asks for both.
///
/// ```
/// use prefect::schedule::CronClock;
///
/// # fn main() -> Result<(), prefect::schedule::ScheduleError> {
/// let clock = CronClock::new("30 2 * * *")?.time_zone("America/New_York")?;
/// let after: prefect::jiff::Timestamp = "2026-03-07T12:00:00Z".parse().unwrap();
/// let next: Vec<_> = clock.next(2, after).iter().map(|moment| moment.strftime("%F %R %:z").to_string()).collect();
/// // On the 8th there is no half past two in New York: the clocks go from two to three.
/// assert_eq!(next, ["2026-03-08 03:30 -04:00", "2026-03-09 02:30 -04:00"]);
///
/// let error = CronClock::new("0 0 * * * *").unwrap_err().to_string();
/// assert!(error.contains("it has 6 fields"), "{error}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct CronClock {
    /// As it was written.
    #[cfg_attr(not(feature = "store"), allow(dead_code, reason = "for people who serve it"))]
    written: Box<str>,
    text: CronText,
    zone: TimeZone,
    start_date: Option<Timestamp>,
    end_date: Option<Timestamp>,
    pub(super) options: Options,
}

clock_methods!(CronClock);
end_date_method!(CronClock);

impl CronClock {
    /// A clock of this text.
    ///
    /// # Errors
    /// If the text is none: the error names the field.
    pub fn new(cron: &str) -> Result<Self, ScheduleError> {
        let text = CronText::parse(cron).map_err(|what| {
            ScheduleError::new(ScheduleErrorKind::Cron, format!("Invalid cron string: {cron}: {what}"))
        })?;
        let written = cron.trim().into();
        Ok(Self { written, text, zone: TimeZone::UTC, start_date: None, end_date: None, options: Options::default() })
    }

    /// Day of month and day of week have both to fit: Prefect's `day_or=False`.
    ///
    /// ```
    /// use prefect::schedule::CronClock;
    ///
    /// let fridays_the_13th = CronClock::new("0 0 13 * 5").unwrap().day_and();
    /// let after: prefect::jiff::Timestamp = "2021-01-01T00:00:00Z".parse().unwrap();
    /// assert_eq!(fridays_the_13th.next(1, after)[0].date().to_string(), "2021-08-13");
    /// ```
    #[must_use]
    pub fn day_and(mut self) -> Self {
        self.text.rule = Days::Both;
        self
    }

    /// The first possible moment. Its time zone is that of the clock.
    ///
    /// # Errors
    /// If a text is no moment, or its time zone does not exist.
    pub fn start_date(mut self, moment: impl IntoMoment) -> Result<Self, ScheduleError> {
        let moment = moment.into_moment()?;
        self.start_date = Some(moment.timestamp());
        self.zone = moment.time_zone().clone();
        Ok(self)
    }

    /// The time zone whose local time the text means, by its name in the time zone database: `Europe/London`.
    ///
    /// # Errors
    /// If there is no such time zone.
    pub fn time_zone(mut self, name: &str) -> Result<Self, ScheduleError> {
        self.zone = time_zone(name)?;
        Ok(self)
    }

    #[cfg(feature = "store")]
    pub(super) fn description(&self) -> String {
        use super::describe::{in_zone, until};
        let both = if self.text.rule == Days::Both { ", both days" } else { "" };
        let from = self.start_date.map_or_else(String::new, |start| format!(" from {start}"));
        format!("cron \"{}\"{both}{}{from}{}", self.written, in_zone(&self.zone), until(self.end_date))
    }

    pub(super) fn next_after(&self, after: Timestamp) -> Option<ZonedDateTime> {
        let after = match self.start_date {
            // The start date itself is a possible moment.
            Some(start) if after < start => start.saturating_sub(SignedDuration::from_nanos(1)).ok()?,
            _ => after,
        };
        let next = wall::next_after(&self.text, &self.zone, after)?;
        self.end_date.is_none_or(|end| next <= end).then(|| next.to_zoned_datetime(self.zone.clone()))
    }
}
