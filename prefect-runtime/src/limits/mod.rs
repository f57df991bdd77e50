//! How much may run at once, and how often something may start: limits by tag and by flow.
//!
//! A task run that is limited asks a gate for its places before its body starts. Without a store the gate is the process's;
//! with one the places are rows of the store, and each process has a gate that asks for them. Whoever gets none waits in a
//! [`line`]: of the run it is [`waiting`], and it is called when it has its places. Places are given back where the last hold
//! on them is dropped: see [`places`].
mod demand;
mod gate;
mod line;
mod of_run;
mod places;
mod process;
mod rate;
#[cfg(feature = "store")]
mod shared;
mod waiting;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

pub(crate) use demand::Demand;
use gate::Gate;
pub(crate) use of_run::{Answer, RunLimits};
pub(crate) use places::Places;
pub(crate) use process::ProcessGate;
pub use rate::{BadRate, Rate};

/// How many task runs with a tag may run at once, how many runs of a flow, and how often task runs with a tag may start.
///
/// They come from the configuration, `[concurrency]`, `[concurrency.flows]` and `[rate_limits]`, or are given to a run by
/// [`RunSettings::limits`](crate::RunSettings::limits). They hold within the process; for runs that are recorded, over all
/// processes that record in the same store.
///
/// A task run that may not start is `Queued`, with a message that says what it waits for, and holds no thread. Who came first
/// is let in first. A task with several tags gets all its places at once, or none. A retry gives back its places while it
/// waits, and the time in the line does not count for a timeout.
///
/// ```
/// use prefect::prelude::*;
/// use prefect::{Limits, RunSettings};
///
/// #[task(tags = ["db"])]
/// fn query(x: u32) -> u32 {
///     x * 2
/// }
///
/// let limits = Limits::new().tag("db", 3).rate("db", "100/s".parse().unwrap());
/// let flow = flow!("report", { query::map(vec![1, 2, 3]) });
/// let run = flow.with(RunSettings::new().limits(limits)).run();
/// assert_eq!(run.output().unwrap(), [2, 4, 6]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "limits do nothing until they are given to a run"]
pub struct Limits {
    pub(crate) tags: BTreeMap<String, NonZeroU32>,
    pub(crate) flows: BTreeMap<String, NonZeroU32>,
    pub(crate) rates: BTreeMap<String, Rate>,
}

impl Limits {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// So many task runs with this tag run at once; 0 counts as 1.
    pub fn tag(mut self, tag: impl Into<String>, at_once: u32) -> Self {
        self.tags.insert(tag.into(), NonZeroU32::new(at_once).unwrap_or(NonZeroU32::MIN));
        self
    }

    /// So many runs of the flow of this name run at once; 0 counts as 1. One more is `Queued` before its first task starts.
    ///
    /// ```
    /// use prefect::Limits;
    ///
    /// let limits = Limits::new().flow("Nightly ETL", 1);
    /// assert_eq!(limits, Limits::new().flow("Nightly ETL", 0));
    /// ```
    pub fn flow(mut self, flow: impl Into<String>, at_once: u32) -> Self {
        self.flows.insert(flow.into(), NonZeroU32::new(at_once).unwrap_or(NonZeroU32::MIN));
        self
    }

    /// Task runs with this tag start so often, each attempt counted.
    pub fn rate(mut self, tag: impl Into<String>, rate: Rate) -> Self {
        self.rates.insert(tag.into(), rate);
        self
    }
}
