//! Clocks, filters and adjustments, put together.
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{Timestamp, ZonedDateTime};

use super::{CatchUp, ClockEvent, Overlap, ScheduleClock};
use crate::IntoDuration;
use crate::quiet::Quiet;

type Filter = Arc<dyn Fn(&ZonedDateTime) -> bool + Send + Sync>;
type Adjustment = Arc<dyn Fn(ZonedDateTime) -> ZonedDateTime + Send + Sync>;

/// As many moments of the clocks are looked at for one that passes: filters may let none pass, and clocks do not end.
const LOOKED_AT: usize = 10_000;

/// When a flow runs.
///
/// Moments come from one or more clocks, in order. What passes all filters, one of the or-filters (if there are any) and
/// none of the not-filters is moved by the adjustments, in their order. A moment that two clocks tell counts once, unless
/// they give different parameter defaults or labels.
///
/// ```
/// use prefect::schedule::{IntervalClock, Schedule, filters};
///
/// let schedule = Schedule::new(IntervalClock::new("1d").unwrap())
///     .or_filter(filters::is_month_start)
///     .or_filter(filters::on_date(1, 5))
///     .not_filter(filters::is_weekend);
/// let after: prefect::jiff::Timestamp = "2021-01-01T12:00:00Z".parse().unwrap();
/// let next: Vec<_> = schedule.next(3, after).iter().map(|moment| moment.date().to_string()).collect();
/// assert_eq!(next, ["2021-01-05", "2021-02-01", "2021-03-01"]);
/// ```
#[derive(Clone)]
pub struct Schedule {
    pub(super) clocks: Vec<ScheduleClock>,
    pub(super) filters: Vec<Filter>,
    pub(super) or_filters: Vec<Filter>,
    pub(super) not_filters: Vec<Filter>,
    pub(super) adjustments: Vec<Adjustment>,
    pub(crate) policies: Policies,
}

/// What becomes of moments that are late, or that overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policies {
    pub(crate) catch_up: CatchUp,
    /// What has passed before that is not caught up.
    pub(crate) window: Duration,
    pub(crate) overlap: Overlap,
}

impl Schedule {
    /// The moments of this clock.
    #[must_use]
    pub fn new(clock: impl Into<ScheduleClock>) -> Self {
        Self {
            clocks: vec![clock.into()],
            filters: Vec::new(),
            or_filters: Vec::new(),
            not_filters: Vec::new(),
            adjustments: Vec::new(),
            policies: Policies {
                catch_up: CatchUp::default(),
                window: Duration::from_hours(24),
                overlap: Overlap::default(),
            },
        }
    }

    /// The moments of this clock too.
    #[must_use]
    pub fn clock(mut self, clock: impl Into<ScheduleClock>) -> Self {
        self.clocks.push(clock.into());
        self
    }

    /// Only what fits this, and all other filters.
    #[must_use]
    pub fn filter(mut self, filter: impl Fn(&ZonedDateTime) -> bool + Send + Sync + 'static) -> Self {
        self.filters.push(filter_of(filter));
        self
    }

    /// Only what fits this, or another or-filter.
    #[must_use]
    pub fn or_filter(mut self, filter: impl Fn(&ZonedDateTime) -> bool + Send + Sync + 'static) -> Self {
        self.or_filters.push(filter_of(filter));
        self
    }

    /// Only what does not fit this.
    #[must_use]
    pub fn not_filter(mut self, filter: impl Fn(&ZonedDateTime) -> bool + Send + Sync + 'static) -> Self {
        self.not_filters.push(filter_of(filter));
        self
    }

    /// Moves what has passed the filters. Two moments that become the same one both stay; a moment of a clock that comes
    /// right after one that was moved to it is left out.
    #[must_use]
    pub fn adjustment(mut self, adjustment: impl Fn(ZonedDateTime) -> ZonedDateTime + Send + Sync + 'static) -> Self {
        let adjustment = Quiet::new(adjustment);
        self.adjustments.push(Arc::new(move |moment| {
            let adjustment = &*adjustment;
            adjustment(moment)
        }));
        self
    }

    /// What becomes of moments that passed while nobody served the schedule (the command `serve`, or a `Scheduler`): by
    /// default the last of them has its run. [`Flow::run`](crate::Flow::run) leaves them out.
    ///
    /// Nothing is caught up from before the schedule was served first, nor what passed while it was paused, but by
    /// [`CatchUp::All`] the latter is. A schedule that has changed (other clocks, another number of filters) is a new one.
    ///
    /// ```
    /// use prefect::schedule::{CatchUp, CronClock, Schedule};
    ///
    /// let hourly = Schedule::new(CronClock::new("@hourly").unwrap()).catch_up(CatchUp::All).catch_up_window("7d");
    /// # let _ = hourly;
    /// ```
    #[must_use]
    pub fn catch_up(mut self, policy: CatchUp) -> Self {
        self.policies.catch_up = policy;
        self
    }

    /// What has passed before that long is not caught up, and never more than the last 1,000 moments: by default a day.
    ///
    /// # Panics
    /// If a text is no duration: see [`duration`](crate::duration).
    #[must_use]
    #[track_caller]
    pub fn catch_up_window(mut self, window: impl IntoDuration) -> Self {
        self.policies.window = window.into_duration();
        self
    }

    /// What becomes of a moment that comes while a run of the flow has not ended, by the command `serve` or a `Scheduler`:
    /// by default it has no run. Runs that wait for somebody hold up nothing.
    ///
    /// ```
    /// use prefect::schedule::{IntervalClock, Overlap, Schedule};
    ///
    /// let polling = Schedule::new(IntervalClock::new("1m").unwrap()).overlap(Overlap::BufferOne);
    /// # let _ = polling;
    /// ```
    #[must_use]
    pub fn overlap(mut self, policy: Overlap) -> Self {
        self.policies.overlap = policy;
        self
    }

    /// Whether moments come at other times than the clocks tell.
    #[cfg(feature = "store")]
    pub(crate) fn is_adjusted(&self) -> bool {
        !self.adjustments.is_empty()
    }

    /// The next `n` moments after this one, or as many as are found: see [`events`](Self::events).
    ///
    /// ```
    /// use prefect::schedule::{DatesClock, Schedule};
    ///
    /// let schedule = Schedule::from(DatesClock::new(["2026-01-01", "2026-01-02"]).unwrap());
    /// let after: prefect::jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    /// assert_eq!(schedule.next(5, after).len(), 1); // only what comes later
    /// ```
    #[must_use]
    pub fn next(&self, n: usize, after: impl Into<Timestamp>) -> Vec<ZonedDateTime> {
        self.events(after).take(n).map(|event| event.start_time).collect()
    }

    /// All events whose clocks tell a moment after this one. It ends when the clocks have no more, or when 10,000 moments
    /// in a row did not pass the filters.
    ///
    /// ```
    /// use prefect::schedule::{IntervalClock, Schedule};
    ///
    /// let small = IntervalClock::new("6h").unwrap().parameter_default("rows", 10);
    /// let large = IntervalClock::new("1d").unwrap().parameter_default("rows", 1000);
    /// let schedule = Schedule::new(small).clock(large);
    /// let after: prefect::jiff::Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    /// let events = schedule.events(after).map(|event| (event.start_time().hour(), event.parameter_defaults()["rows"].clone()));
    /// assert_eq!(events.take(3).collect::<Vec<_>>(), [(18, 10.into()), (0, 10.into()), (0, 1000.into())]);
    /// ```
    ///
    /// # Panics
    /// If a filter or an adjustment does.
    pub fn events(&self, after: impl Into<Timestamp>) -> Events<'_> {
        let after = after.into();
        let next = self.clocks.iter().map(|clock| clock.next_after(after)).collect();
        Events { schedule: self, next, same_moment: VecDeque::new(), before: None }
    }

    /// What each clock gives for parameters.
    pub(crate) fn parameter_defaults(&self) -> impl Iterator<Item = &BTreeMap<String, serde_json::Value>> + '_ {
        self.clocks.iter().map(|clock| &clock.options().parameter_defaults)
    }

    fn passes(&self, moment: &ZonedDateTime) -> bool {
        self.filters.iter().all(|filter| filter(moment))
            && (self.or_filters.is_empty() || self.or_filters.iter().any(|filter| filter(moment)))
            && !self.not_filters.iter().any(|filter| filter(moment))
    }
}

fn filter_of(filter: impl Fn(&ZonedDateTime) -> bool + Send + Sync + 'static) -> Filter {
    let filter = Quiet::new(filter);
    Arc::new(move |moment| filter(moment))
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule")
            .field("clocks", &self.clocks)
            .field("filters", &self.filters.len())
            .field("or_filters", &self.or_filters.len())
            .field("not_filters", &self.not_filters.len())
            .field("adjustments", &self.adjustments.len())
            .field("policies", &self.policies)
            .finish()
    }
}

/// The events of a schedule, in order; made by [`Schedule::events`].
#[derive(Debug)]
#[must_use = "an iterator does nothing until it is asked"]
pub struct Events<'a> {
    schedule: &'a Schedule,
    /// The next moment of each clock.
    next: Vec<Option<ZonedDateTime>>,
    /// What the clocks tell for one moment.
    same_moment: VecDeque<ClockEvent>,
    /// The event before, moved if it was.
    before: Option<ClockEvent>,
}

impl Events<'_> {
    /// Whether the clocks have no more moments. If not, there may be events behind many that no filter lets pass: who asks
    /// again goes on from there.
    #[cfg(feature = "store")]
    pub(crate) fn is_exhausted(&self) -> bool {
        self.same_moment.is_empty() && self.next.iter().all(Option::is_none)
    }

    /// Up to where the clocks have been looked at.
    #[cfg(feature = "store")]
    pub(crate) fn looked_up_to(&self) -> Option<Timestamp> {
        self.next.iter().flatten().map(ZonedDateTime::timestamp).min()
    }

    /// The next event of the clocks.
    fn of_clocks(&mut self) -> Option<ClockEvent> {
        if let Some(event) = self.same_moment.pop_front() {
            return Some(event);
        }
        let moment = self.next.iter().flatten().map(ZonedDateTime::timestamp).min()?;
        for (clock, next) in self.schedule.clocks.iter().zip(&mut self.next) {
            let Some(start_time) = next.take_if(|next| next.timestamp() == moment) else { continue };
            *next = clock.next_after(moment);
            if self.same_moment.iter().all(|event| event.options != *clock.options()) {
                self.same_moment.push_back(ClockEvent { start_time, options: Arc::clone(clock.options()) });
            }
        }
        self.same_moment.pop_front()
    }
}

impl Iterator for Events<'_> {
    type Item = ClockEvent;

    fn next(&mut self) -> Option<ClockEvent> {
        for _ in 0..LOOKED_AT {
            let mut event = self.of_clocks()?;
            if self.before.as_ref() == Some(&event) {
                continue;
            }
            let passes = self.schedule.passes(&event.start_time);
            if passes {
                let adjust = |moment, adjustment: &Adjustment| adjustment(moment);
                event.start_time = self.schedule.adjustments.iter().fold(event.start_time, adjust);
            }
            self.before = Some(event.clone());
            if passes {
                return Some(event);
            }
        }
        None
    }
}
