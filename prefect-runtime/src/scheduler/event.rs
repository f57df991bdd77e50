//! What happens while schedules are served.
use std::fmt;

use jiff::{Timestamp, ZonedDateTime};
use prefect_store::{Reaped, StateCode};

use crate::StateKind;
use crate::plain::{counted, plain};

/// What happens while schedules are served; shown, it is a line for people.
#[derive(Clone, Debug)]
pub struct SchedulerEvent {
    flow: String,
    pub(super) what: Happened,
}

/// What it is, of a [`SchedulerEvent`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Happened {
    /// The schedule is served from now on.
    Served {
        /// When it ticks, in words.
        description: String,
        /// What becomes of late ticks, and of those that overlap.
        policies: String,
        /// The next ticks.
        next: Vec<ZonedDateTime>,
    },
    /// A run has begun.
    Begun {
        /// The run.
        run: ServedRun,
        /// Its moment.
        tick: ZonedDateTime,
        /// Whether it makes up for one that was missed.
        late: bool,
    },
    /// A run of this process has ended, or waits for somebody.
    Ended {
        /// The run.
        run: ServedRun,
        /// How: not finished if it waits for somebody, `None` if it ended without a state.
        state: Option<StateKind>,
    },
    /// Ticks have no runs.
    Skipped {
        /// How many.
        ticks: usize,
        /// Whether there were more, before them.
        more: bool,
        /// The last of them.
        last: ZonedDateTime,
        /// Why.
        why: Skipped,
    },
    /// A tick waits for the end of a run.
    Waits {
        /// Its moment.
        tick: ZonedDateTime,
        /// The ends of the ids of the runs.
        runs: Vec<String>,
        /// Whether they are told to stop.
        cancelled: bool,
    },
    /// Somebody has paused the schedule.
    Paused(String),
    /// The schedule is not paused any more.
    Resumed,
    /// There are no more ticks.
    Over,
    /// The schedule cannot be followed: why. It is not served any more.
    Broken(String),
    /// The store does not do what it should: why. It is tried again.
    Trouble(String),
    /// A run has lost its process.
    Crashed {
        /// The end of its id.
        run: String,
        /// Its name.
        name: String,
        /// Who had it.
        owner: String,
        /// What becomes of it.
        then: LeftBehind,
    },
}

/// Why a tick has no run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Skipped {
    /// Its time had passed, and the catch-up policy leaves it out.
    Missed,
    /// A run had not ended, and the overlap policy leaves it out.
    Overlap,
}

/// What becomes of a run that has lost its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeftBehind {
    /// It is `Crashed`, and can be resumed.
    CanGoOn,
    /// The same, but it has ended its process so often that it is put aside: a retry starts it again.
    PutAside,
    /// Somebody wanted it to end anyway: it is `Cancelled`.
    Cancelled,
}

/// A run of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedRun {
    pub(crate) id: String,
    pub(crate) short: String,
    pub(crate) name: String,
}

impl ServedRun {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl SchedulerEvent {
    pub(super) fn new(flow: &str, what: Happened) -> Self {
        Self { flow: flow.to_owned(), what }
    }

    pub(super) fn crashed(run: &Reaped) -> Self {
        let what = Happened::Crashed {
            run: run.id.short().to_string(),
            name: run.name.clone(),
            owner: run.owner.to_string(),
            then: match run.state {
                StateCode::CANCELLED => LeftBehind::Cancelled,
                _ if run.is_parked() => LeftBehind::PutAside,
                _ => LeftBehind::CanGoOn,
            },
        };
        Self::new(&run.flow, what)
    }

    /// The flow that it is about.
    #[must_use]
    pub fn flow(&self) -> &str {
        &self.flow
    }

    /// What it is.
    #[must_use]
    pub fn what(&self) -> &Happened {
        &self.what
    }
}

/// A moment, in the time zone of its clock.
fn at(moment: &ZonedDateTime) -> String {
    moment.strftime("%FT%T%.f%:z").to_string()
}

/// The moment of the schedule that is meant by a place in the store.
pub(super) fn moment(at: prefect_store::Micros) -> Timestamp {
    let far = if at.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(at.0).unwrap_or(far)
}

impl fmt::Display for ServedRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run {} ({})", self.short, plain(&self.name))
    }
}

impl fmt::Display for SchedulerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: ", plain(&self.flow))?;
        match &self.what {
            Happened::Served { description, policies, next } => {
                let next: Vec<_> = next.iter().map(at).collect();
                let next =
                    if next.is_empty() { "no moment to come".to_owned() } else { format!("next {}", next.join(", ")) };
                write!(f, "served on {}; {policies}; {next}", plain(description))
            }
            Happened::Begun { run, tick, late } => {
                write!(f, "{run} has begun, for {}{}", at(tick), if *late { ", which was missed" } else { "" })
            }
            Happened::Ended { run, state } => match state {
                Some(state) if !state.is_finished() => write!(f, "{run} waits for somebody"),
                Some(state) => write!(f, "{run} has ended: {state}"),
                None => write!(f, "{run} has ended without a state"),
            },
            Happened::Skipped { ticks, more, last, why } => {
                let why = match why {
                    Skipped::Missed => "the time had passed",
                    Skipped::Overlap => "a run had not ended",
                };
                let more = if *more { " and more" } else { "" };
                write!(f, "{}{more} skipped up to {}: {why}", counted(*ticks, "tick"), at(last))
            }
            Happened::Waits { tick, runs, cancelled } => {
                let does = if *cancelled { "cancels, and waits for," } else { "waits for" };
                write!(f, "the tick {} {does} run {}", at(tick), runs.join(", "))
            }
            Happened::Paused(by) if by.is_empty() => f.write_str("paused"),
            Happened::Paused(by) => write!(f, "paused by {}", plain(by)),
            Happened::Resumed => f.write_str("resumed"),
            Happened::Over => f.write_str("no more ticks"),
            Happened::Broken(why) => write!(f, "not served any more: {}", plain(why)),
            Happened::Trouble(why) => write!(f, "held up, and tried again: {}", plain(why)),
            Happened::Crashed { run, name, owner, then } => {
                let how = match then {
                    LeftBehind::CanGoOn => "has crashed",
                    LeftBehind::PutAside => "has crashed too often and is put aside",
                    LeftBehind::Cancelled => "is cancelled",
                };
                write!(f, "run {run} ({}) {how}, {owner} is gone", plain(name))
            }
        }
    }
}
