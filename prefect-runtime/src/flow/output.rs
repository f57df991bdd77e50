//! What the body of a flow returns, read from a run of it.
use std::fmt;

use super::TaskRef;
use crate::State;

/// What the body of a flow may return: nodes, and tuples and lists of them.
pub trait FlowOutput: Clone {
    /// What a run gives for it.
    type Value;

    /// The tasks whose results are needed.
    fn nodes(&self) -> Vec<TaskRef>;

    /// The value, read from the final states of the tasks.
    ///
    /// # Errors
    /// If a task has no result.
    fn read(&self, state_of: &mut dyn FnMut(TaskRef) -> State) -> Result<Self::Value, MissingResult>;
}

impl FlowOutput for () {
    type Value = ();

    fn nodes(&self) -> Vec<TaskRef> {
        Vec::new()
    }

    fn read(&self, _: &mut dyn FnMut(TaskRef) -> State) -> Result<(), MissingResult> {
        Ok(())
    }
}

/// A task that a flow returns has no result: it failed, was skipped, or never ran.
#[derive(Clone, Debug)]
pub struct MissingResult {
    /// The name of the task.
    pub task: String,
    /// The state it ended in.
    pub state: State,
}

impl fmt::Display for MissingResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task `{}` has no result: it is in a {} state", self.task, self.state.kind())?;
        match self.state.message() {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for MissingResult {}
