//! The systems that are compared.
use std::any::Any;
use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::thread;

use crate::workload::Workload;

mod async_dag;
mod by_hand;
pub(crate) mod direct;
mod edges;
mod floor;
mod operese_dagx;
pub(crate) mod prefect;
mod tree;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum System {
    Prefect,
    Floor,
    ByHand,
    AsyncDag,
    OpereseDagx,
    Direct,
}

/// What is left when a workload has been run.
pub(crate) struct Finished {
    pub(crate) output: i64,
    /// How many tasks that took: a system without tasks of many inputs needs some more.
    pub(crate) tasks: usize,
    /// Whatever the system still holds. Freeing it is not measured.
    pub(crate) kept: Box<dyn Any>,
}

impl System {
    pub(crate) const ALL: [Self; 6] =
        [Self::Prefect, Self::Floor, Self::ByHand, Self::AsyncDag, Self::OpereseDagx, Self::Direct];

    /// The libraries that do what this one does, in part.
    pub(crate) const PEERS: [Self; 2] = [Self::AsyncDag, Self::OpereseDagx];

    /// Builds the graph and runs it.
    pub(crate) fn run(self, workload: Workload, n: usize) -> Finished {
        match self {
            Self::Prefect => prefect::run(workload, n),
            Self::Floor => floor::run(workload, n),
            Self::ByHand => by_hand::run(workload, n),
            Self::AsyncDag => async_dag::run(workload, n),
            Self::OpereseDagx => operese_dagx::run(workload, n),
            Self::Direct => direct::run(workload, n),
        }
    }

    /// The floor knows no waiting, and calls one after the other would take minutes.
    pub(crate) fn runs(self, workload: Workload) -> bool {
        !(matches!(self, Self::Floor | Self::Direct) && workload == Workload::Waits)
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefect => "prefect",
            Self::Floor => "floor",
            Self::ByHand => "by-hand",
            Self::AsyncDag => "async_dag",
            Self::OpereseDagx => "operese-dagx",
            Self::Direct => "direct",
        })
    }
}

impl FromStr for System {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|system| system.to_string() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(|system| system.to_string()).join(", ");
            format!("there is no system `{text}`: {names}")
        })
    }
}

/// How many threads every system but [`System::AsyncDag`] uses, which knows one only.
pub(crate) fn workers() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}
