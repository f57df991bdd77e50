//! Places of what is limited, and starts of what may start only so often: shared by all processes of a store.
use std::time::Duration;

use crate::{Epoch, RunId};

/// Who takes places: a task run, or a flow run, of a run that belongs to this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotOwner {
    pub(crate) run: RunId,
    pub(crate) run_no: i64,
    pub(crate) proc_no: i64,
    pub(crate) epoch: Epoch,
    pub(crate) task: Option<(u32, Option<u32>)>,
    pub(crate) name: Option<String>,
}

impl SlotOwner {
    /// Whether it is of this run.
    #[must_use]
    pub fn is_of(&self, run: &RunId) -> bool {
        self.run == *run
    }
}

/// What is wanted: all of it, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotsWanted {
    /// A place of each of these, of which there are so many.
    pub places: Vec<(String, u32)>,
    /// A start of each of these, and how long after it the next one may be.
    pub starts: Vec<(String, Duration)>,
    /// Of which of these places this process has more that waits for one: there it stands in the line again, behind other
    /// processes.
    pub more: Vec<String>,
}

/// Places that were taken.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "they are taken until they are given back"]
pub struct Slots {
    pub(crate) proc_no: i64,
    /// No other taking of this process has this number.
    pub(crate) taking: i64,
}

/// What came of asking for places.
#[derive(Debug, PartialEq, Eq)]
pub enum Taking {
    /// They are taken.
    Taken(Slots),
    /// There is no place left of one of them. This process stands in the line for it: it is to ask again soon.
    Full(Full),
    /// The next start of one of them is so far away.
    NotBefore {
        /// Of which.
        name: String,
        /// How far.
        wait: Duration,
    },
    /// The run is this process's no longer.
    Lost,
}

/// Of what there is no place left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    /// Its name.
    pub name: String,
    /// How many places there are.
    pub limit: u32,
    /// How many are taken. If not all of them, other processes have waited for longer.
    pub taken: u32,
    /// Who has the first of them.
    pub holder: Option<SlotRow>,
}

/// A place that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRow {
    /// Of what.
    pub name: String,
    /// Its number, from 0.
    pub slot: u32,
    /// By which run: its id.
    pub run: RunId,
    /// The name of that run.
    pub run_name: String,
    /// The task run, for people; `None` if the flow run itself has it.
    pub task: Option<String>,
}
