//! A clock that follows a recurrence rule.
mod days;
mod text;
mod times;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use super::moment::time_zone;
use super::options::{Options, clock_methods, end_date_method};
use super::{IntoMoment, ScheduleError, ScheduleErrorKind, wall};
use text::{End, RuleText};
use times::Times;

/// Tells the moments of a recurrence rule (RFC 5545, as in calendars), by the local time of its start date: by default
/// midnight on 1 January 2019, in UTC. Needs the feature `rrule`.
///
/// What the rule does not say, it takes from the start date: the time of the day, the day of the week, the month or the
/// year. The start date itself counts only if it fits the rule. A date in `UNTIL` is its midnight. `COUNT` counts from the
/// start date on.
///
/// ```
/// use prefect::schedule::RRuleClock;
///
/// # fn main() -> Result<(), prefect::schedule::ScheduleError> {
/// // The last Friday of each month.
/// let clock = RRuleClock::new("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17")?.start_date("2026-01-01T00:00[Europe/Paris]")?;
/// let after: prefect::jiff::Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
/// let next: Vec<_> = clock.next(2, after).iter().map(|moment| moment.strftime("%F %R %:z").to_string()).collect();
/// assert_eq!(next, ["2026-03-27 17:00 +01:00", "2026-04-24 17:00 +02:00"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RRuleClock {
    /// As it was written.
    #[cfg_attr(not(feature = "store"), allow(dead_code, reason = "for people who serve it"))]
    written: Box<str>,
    times: Times,
    zone: TimeZone,
    end_date: Option<Timestamp>,
    pub(super) options: Options,
}

clock_methods!(RRuleClock);
end_date_method!(RRuleClock);

impl RRuleClock {
    /// A clock of this rule, such as `FREQ=WEEKLY;BYDAY=MO,WE;BYHOUR=9`.
    ///
    /// # Errors
    /// If the text is no rule: the error names the part.
    pub fn new(rule: &str) -> Result<Self, ScheduleError> {
        let read = RuleText::parse(rule).map_err(|what| {
            ScheduleError::new(ScheduleErrorKind::RRule, format!("invalid recurrence rule: {rule}: {what}"))
        })?;
        let times = Times::new(read, jiff::civil::date(2019, 1, 1).at(0, 0, 0, 0));
        let written = rule.trim().into();
        Ok(Self { written, times, zone: TimeZone::UTC, end_date: None, options: Options::default() })
    }

    /// Where the rule begins. Its time zone is that of the clock.
    ///
    /// # Errors
    /// If a text is no moment, or its time zone does not exist.
    pub fn start_date(mut self, moment: impl IntoMoment) -> Result<Self, ScheduleError> {
        let moment = moment.into_moment()?;
        self.times = Times::new(self.times.rule, moment.datetime());
        self.zone = moment.time_zone().clone();
        Ok(self)
    }

    /// Puts the clock into this time zone: it begins when the wall there shows what the start date shows.
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
        format!("rule {} from {}{}{}", self.written, self.times.start(), in_zone(&self.zone), until(self.end_date))
    }

    pub(super) fn next_after(&self, after: Timestamp) -> Option<ZonedDateTime> {
        let next = wall::next_after(&self.times, &self.zone, after)?;
        let until = match self.times.rule.end {
            End::UntilUtc(until) => TimeZone::UTC.to_timestamp(until).ok(),
            _ => None,
        };
        let late = until.into_iter().chain(self.end_date).any(|end| next > end);
        (!late).then(|| next.to_zoned_datetime(self.zone.clone()))
    }
}
