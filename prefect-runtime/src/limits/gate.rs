//! Who gives places: the process, or the store that a run is recorded in.
use std::sync::Arc;

use super::demand::Demand;
use super::of_run::Answer;
use super::places::Holder;
use super::process::ProcessGate;
#[cfg(feature = "store")]
use super::shared::StoreGate;
use super::waiting::{Key, Waiting};
use crate::record::Recorder;
use crate::{Clock, Redactor};

#[derive(Clone)]
pub(crate) enum Gate {
    Process(Arc<ProcessGate>),
    #[cfg(feature = "store")]
    Store(Arc<StoreGate>),
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
    /// The gate for a run: that of its store, or of the process.
    pub(super) fn of(clock: &Clock, recorder: Option<&Recorder>, redactor: &Redactor) -> Self {
        #[cfg(feature = "store")]
        if let Some(recorder) = recorder {
            return Self::Store(StoreGate::of(recorder.store(), redactor));
        }
        let _ = (recorder, redactor);
        Self::of_process(clock)
    }

    /// Gives what is asked for, or puts who asks into the line.
    pub(super) fn ask(&self, asks: Asks<'_>) -> Answer {
        match self {
            Self::Process(gate) => gate.ask(asks),
            #[cfg(feature = "store")]
            Self::Store(gate) => gate.ask(asks),
        }
    }

    /// A run waits for nothing any more; or only what is called so of it.
    pub(super) fn forget(&self, run: &Arc<Waiting>, only: Option<Key>) {
        match self {
            Self::Process(gate) => gate.forget(run, only),
            #[cfg(feature = "store")]
            Self::Store(gate) => gate.forget(run, only),
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
