//! Any clock.
use jiff::{Timestamp, ZonedDateTime};

#[cfg(feature = "rrule")]
use super::RRuleClock;
use super::options::Options;
use super::{CronClock, DatesClock, IntervalClock, Schedule};

/// A clock of any kind: made of an [`IntervalClock`], a [`CronClock`] or a [`DatesClock`] by `into`.
///
/// ```
/// use prefect::schedule::{CronClock, IntervalClock, Schedule, ScheduleClock};
///
/// let clocks: [ScheduleClock; 2] =
///     [IntervalClock::new("1h").unwrap().into(), CronClock::new("30 9 * * *").unwrap().into()];
/// let [first, second] = clocks;
/// let schedule = Schedule::new(first).clock(second);
/// let after: prefect::jiff::Timestamp = "2026-01-01T09:00:00Z".parse().unwrap();
/// assert_eq!(schedule.next(2, after).iter().map(|moment| moment.minute()).collect::<Vec<_>>(), [30, 0]);
/// ```
#[derive(Clone, Debug)]
pub struct ScheduleClock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Interval(IntervalClock),
    Cron(CronClock),
    Dates(DatesClock),
    #[cfg(feature = "rrule")]
    RRule(RRuleClock),
}

impl ScheduleClock {
    /// The first moment after this one: always a later one.
    pub(super) fn next_after(&self, after: Timestamp) -> Option<ZonedDateTime> {
        match &self.0 {
            Kind::Interval(clock) => clock.next_after(after),
            Kind::Cron(clock) => clock.next_after(after),
            Kind::Dates(clock) => clock.next_after(after),
            #[cfg(feature = "rrule")]
            Kind::RRule(clock) => clock.next_after(after),
        }
    }

    /// In words, with its time zone.
    #[cfg(feature = "store")]
    pub(super) fn description(&self) -> String {
        match &self.0 {
            Kind::Interval(clock) => clock.description(),
            Kind::Cron(clock) => clock.description(),
            Kind::Dates(clock) => clock.description(),
            #[cfg(feature = "rrule")]
            Kind::RRule(clock) => clock.description(),
        }
    }

    pub(super) fn options(&self) -> &Options {
        match &self.0 {
            Kind::Interval(clock) => &clock.options,
            Kind::Cron(clock) => &clock.options,
            Kind::Dates(clock) => &clock.options,
            #[cfg(feature = "rrule")]
            Kind::RRule(clock) => &clock.options,
        }
    }
}

macro_rules! kinds {
    ($($kind:ident($clock:ty)),*) => {
        $(
            impl From<$clock> for ScheduleClock {
                fn from(clock: $clock) -> Self {
                    Self(Kind::$kind(clock))
                }
            }

            impl From<$clock> for Schedule {
                fn from(clock: $clock) -> Self {
                    Self::new(clock)
                }
            }
        )*
    };
}
kinds!(Interval(IntervalClock), Cron(CronClock), Dates(DatesClock));
#[cfg(feature = "rrule")]
kinds!(RRule(RRuleClock));
