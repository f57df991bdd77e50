//! When a flow runs: clocks that tell moments, filters that let some of them pass, adjustments that move them.
//!
//! ```
//! use prefect::schedule::{CronClock, Schedule, filters};
//!
//! # fn main() -> Result<(), prefect::schedule::ScheduleError> {
//! let clock = CronClock::new("0 9 * * *")?.time_zone("Europe/London")?;
//! let schedule = Schedule::new(clock).filter(filters::is_weekday);
//! let after: prefect::jiff::Timestamp = "2026-03-27T12:00:00Z".parse().unwrap(); // a Friday
//! let next: Vec<_> = schedule.next(2, after).iter().map(ToString::to_string).collect();
//! // Nine o'clock in London, before and after the clocks changed.
//! assert_eq!(next, ["2026-03-30T09:00:00+01:00[Europe/London]", "2026-03-31T09:00:00+01:00[Europe/London]"]);
//! # Ok(())
//! # }
//! ```
//!
//! A flow is given one by [`Flow::schedule`](crate::Flow::schedule).
//!
//! # When clocks are changed
//!
//! * An [`IntervalClock`] of whole days keeps the local time of its start: nine o'clock stays nine o'clock. Any other
//!   interval is time that passes: an hourly clock ticks every hour, whatever the wall shows.
//! * A [`CronClock`] (and a clock of a recurrence rule) follows the wall. A local time that is left out runs once, as much later as the clocks went
//!   forward (02:30 at 03:30); one that is there twice runs the first time only.
//! * No clock ever gives the same moment twice, or goes back.
pub mod adjustments;
mod clock;
mod cron;
mod dates;
#[cfg(feature = "store")]
mod describe;
mod error;
mod event;
pub mod filters;
mod interval;
mod moment;
mod options;
mod plan;
mod policy;
#[cfg(feature = "rrule")]
mod rrule;
mod wall;

pub use clock::ScheduleClock;
pub use cron::CronClock;
pub use dates::DatesClock;
pub use error::{ScheduleError, ScheduleErrorKind};
pub use event::ClockEvent;
pub use interval::IntervalClock;
pub use moment::IntoMoment;
#[cfg(feature = "store")]
pub(crate) use plan::Policies;
pub use plan::{Events, Schedule};
pub use policy::{CatchUp, Overlap};
#[cfg(feature = "rrule")]
pub use rrule::RRuleClock;

/// A schedule of one [`IntervalClock`], by Prefect's name for it: a clock alone is a schedule.
pub type IntervalSchedule = IntervalClock;

/// A schedule of one [`CronClock`], by Prefect's name for it: a clock alone is a schedule.
pub type CronSchedule = CronClock;

/// A schedule of one [`RRuleClock`], by Prefect's name for it: a clock alone is a schedule.
#[cfg(feature = "rrule")]
pub type RRuleSchedule = RRuleClock;
