//! What is read: runs, task runs, their changes.
use std::time::Duration;

use crate::{Micros, Owner, RunId, StateCode};

/// A flow run as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// Its flow.
    pub flow: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: StateCode,
    /// How many changes of its state there were.
    pub version: u32,
    /// What is said about the state.
    pub message: Option<String>,
    /// When it was recorded first.
    pub created_at: Micros,
    /// When it was `Running` first.
    pub started_at: Option<Micros>,
    /// When it ended.
    pub ended_at: Option<Micros>,
    /// Who has it.
    pub owner: Option<Owner>,
    /// How often it changed hands: each owner has another number.
    pub epoch: Epoch,
    /// How often it lost its process.
    pub crashes: u32,
    /// How many task runs are a success now. Mapped tasks count, and so do their children.
    pub n_ok: u64,
    /// How many task runs are a failure now.
    pub n_failed: u64,
}

impl RunRow {
    /// How long it took, if it has begun and ended.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        let micros = self.ended_at?.0.checked_sub(self.started_at?.0)?;
        u64::try_from(micros).ok().map(Duration::from_micros)
    }

    /// Whether it has ended its process so often that it is put aside.
    #[must_use]
    pub const fn is_parked(&self) -> bool {
        self.state.number() == StateCode::CRASHED.number()
            && self.crashes >= crate::CRASHES_UNTIL_PARKED
            && !self.state.is_success()
            && self.state.number() != StateCode::CANCELLED.number()
    }
}

/// Which owner of a run, counted from 1. What an earlier owner writes is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub(crate) i64);

impl Epoch {
    /// Who begins a run.
    pub(crate) const FIRST: Self = Self(1);

    /// Who takes it from this owner.
    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What a run was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunInput {
    /// The values of its parameters, as JSON.
    pub parameters: String,
    /// The graph that it runs.
    pub graph: crate::RecordedGraph,
}

/// Which runs to list.
#[derive(Clone, Debug)]
pub struct RunFilter {
    /// Those of this flow.
    pub flow: Option<String>,
    /// Those in one of these states; empty: in any.
    pub states: Vec<StateCode>,
    /// Those that were made before this one: the last of the page before.
    pub before: Option<RunId>,
    /// At most so many.
    pub limit: u32,
}

impl Default for RunFilter {
    fn default() -> Self {
        Self { flow: None, states: Vec::new(), before: None, limit: 50 }
    }
}

/// A task run as it is now. One that is not there is Pending and was never anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRow {
    /// The number of the task.
    pub task: u32,
    /// Which child of a mapped task.
    pub index: Option<u32>,
    /// Its state.
    pub state: StateCode,
    /// The number of its last change: the next one is one more.
    pub version: u32,
    /// Its attempt.
    pub attempt: u32,
    /// When it was `Running` last.
    pub started_at: Option<Micros>,
    /// When it ended, if it has.
    pub ended_at: Option<Micros>,
    /// What is said about the state.
    pub message: Option<String>,
    /// What only few states have, as JSON.
    pub detail: Option<String>,
    /// Whether there is a result to read.
    pub has_result: bool,
}

/// A place in the task runs of a run: page by page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TaskKey {
    /// The number of the task.
    pub task: u32,
    /// Which child.
    pub index: Option<u32>,
}

impl TaskRow {
    /// Where it is.
    #[must_use]
    pub const fn key(&self) -> TaskKey {
        TaskKey { task: self.task, index: self.index }
    }
}

/// A change of state that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Its number in the run, from 1, without gaps.
    pub seq: u64,
    /// The task run; `None` for the flow run.
    pub of: Option<TaskKey>,
    /// Its number among those of the task run (flow run).
    pub version: u32,
    /// The attempt.
    pub attempt: u32,
    /// The state that it led to.
    pub state: StateCode,
    /// When.
    pub at: Micros,
    /// What is said about it.
    pub message: Option<String>,
}

/// A run whose process was gone, and what was done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaped {
    /// The run.
    pub id: RunId,
    /// Its flow.
    pub flow: String,
    /// Its name.
    pub name: String,
    /// Who had it.
    pub owner: Owner,
    /// What it is now: `Crashed`, or `Cancelled` if that was asked for before.
    pub state: StateCode,
    /// How often that has happened to this run.
    pub crashes: u32,
    /// How many of its task runs were running, and will run again.
    pub released: u64,
}

impl Reaped {
    /// Whether it has ended its process so often that it is put aside.
    #[must_use]
    pub const fn is_parked(&self) -> bool {
        self.crashes >= crate::CRASHES_UNTIL_PARKED
    }
}
