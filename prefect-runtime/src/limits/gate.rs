//! Who gives places: the process, or the store that a run is recorded in.
use std::sync::Arc;

use super::demand::Demand;
use super::of_run::Answer;
use super::places::Holder;
use super::process::ProcessGate;
use super::waiting::{Key, Waiting};

#[derive(Clone)]
pub(crate) enum Gate {
    Process(Arc<ProcessGate>),
}

/// One that asks.
pub(super) struct Asks<'a> {
    pub(super) demand: &'a Arc<Demand>,
    pub(super) waiting: &'a Arc<Waiting>,
    pub(super) key: Key,
    /// Whether somebody has let it go on, before it came here.
    pub(super) resumed: bool,
    pub(super) holder: Arc<Holder>,
}

impl Gate {
    /// Gives what is asked for, or puts who asks into the line.
    pub(super) fn ask(&self, asks: Asks<'_>) -> Answer {
        match self {
            Self::Process(gate) => gate.ask(asks),
        }
    }

    /// A run waits for nothing any more.
    pub(super) fn forget(&self, run: &Arc<Waiting>) {
        match self {
            Self::Process(gate) => gate.forget(run),
        }
    }
}

/// `2 of 3 places are taken (by `load` in run brave-otter and 1 more)`
pub(super) fn taken(taken: usize, limit: u32, by: Option<String>) -> String {
    let (places, are) = if limit == 1 { ("place", "is") } else { ("places", "are") };
    let by = by.map_or(String::new(), |by| match taken {
        0 | 1 => format!(" (by {by})"),
        n => format!(" (by {by} and {} more)", n - 1),
    });
    format!("{taken} of {limit} {places} {are} taken{by}")
}
