//! What is recorded: new runs, and the changes of their states.
use std::borrow::Cow;

use crate::{Micros, Notification, StateCode};

/// A flow run that begins.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The name of the flow. Of more than 1,000 bytes the beginning is recorded.
    pub flow: String,
    /// The name of the run, for people. Names need not be unique. Of more than 1,000 bytes the beginning is recorded.
    pub name: String,
    /// The values of its parameters, as JSON.
    pub parameters: String,
    /// The graph that it runs.
    pub graph: RecordedGraph,
    /// The state that it begins in: change number 1.
    pub state: StateCode,
    /// When.
    pub at: Micros,
}

/// The graph of a flow, as text that the store does not look into. It is kept once for all runs that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedGraph {
    /// What tells it from other graphs: a digest of `text` and `slugs`.
    pub hash: Vec<u8>,
    /// The graph.
    pub text: String,
    /// The slugs of its tasks. A task's number is its place here.
    pub slugs: Vec<String>,
}

/// One change of the state of a task run.
///
/// It is recorded only if the task run is as `from` and `version` say: the store never overwrites what it did not expect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskChange {
    /// The number of the task: its place in [`RecordedGraph::slugs`].
    pub task: u32,
    /// Which child of a mapped task; `None` for the task itself.
    pub index: Option<u32>,
    /// The state that it was in; [`PENDING`](StateCode::PENDING) for change number 1.
    pub from: StateCode,
    /// The state that it is in now.
    pub state: StateCode,
    /// Which attempt this belongs to, from 1. What is recorded of an older attempt than the row has is refused.
    pub attempt: u32,
    /// The number of this change of the task run, from 1. The row has the one before.
    pub version: u32,
    /// When.
    pub at: Micros,
    /// What is said about it: of more than 64 KiB the beginning is recorded. Leave out the usual text of a state: it would be
    /// in the database three times for each task.
    pub message: Option<Cow<'static, str>>,
    /// What the task run gave; replaces what was there.
    pub result: Option<StoredResult>,
    /// What only few states have (start time, counts of a loop), as JSON; replaces what was there. Texts in it are recorded as
    /// the message is.
    pub detail: Option<Box<str>>,
    /// The notifications to send for it.
    pub notifications: Vec<Notification>,
}

impl TaskChange {
    /// A change with nothing but what every change has.
    #[must_use]
    pub const fn new(
        task: u32,
        index: Option<u32>,
        (from, state): (StateCode, StateCode),
        attempt: u32,
        version: u32,
        at: Micros,
    ) -> Self {
        Self {
            task,
            index,
            from,
            state,
            attempt,
            version,
            at,
            message: None,
            result: None,
            detail: None,
            notifications: Vec::new(),
        }
    }

    /// The same change with this result.
    #[must_use]
    pub fn with_result(mut self, codec: u8, bytes: Vec<u8>) -> Self {
        self.result = Some(StoredResult { codec, bytes });
        self
    }
}

/// A result as bytes, and how they are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResult {
    /// How to read the bytes; the store does not ask.
    pub codec: u8,
    /// The result.
    pub bytes: Vec<u8>,
}

/// One change of the state of a flow run, by its owner.
///
/// A state that is terminal, or `Paused`, gives up the run: it belongs to nobody then, and nothing more can be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowChange {
    /// The state that it is in now.
    pub state: StateCode,
    /// The number of this change of the flow run: one more than [`OwnedRun::version`](crate::OwnedRun::version) for the first.
    pub version: u32,
    /// When.
    pub at: Micros,
    /// What is said about it: of more than 64 KiB the beginning is recorded.
    pub message: Option<Cow<'static, str>>,
    /// The notifications to send for it.
    pub notifications: Vec<Notification>,
}
