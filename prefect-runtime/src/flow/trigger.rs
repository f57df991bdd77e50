//! Triggers: whether a task runs, judged by the states of what is upstream of it.
use std::fmt;
use std::sync::Arc;

use crate::{Signal, State, TaskError};

/// The states that a trigger looks at: one for each edge into the task.
#[derive(Clone, Copy, Debug)]
pub struct Upstreams<'a> {
    pub(crate) states: &'a [State],
    pub(crate) resumed: bool,
}

/// Whether a task runs.
#[derive(Clone, Default)]
pub struct Trigger(pub(crate) Option<Check>);

/// `Err` is the state that the task ends with, or the error of the trigger.
pub(crate) type Check = Arc<dyn Fn(&Upstreams<'_>) -> Result<(), Refusal> + Send + Sync>;

/// Why a task does not run.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// The state that it ends in: `TriggerFailed`, or what a signal asks for.
    State(State),
    /// The trigger itself failed.
    Error(TaskError),
}

impl fmt::Debug for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Trigger" } else { "all_successful" })
    }
}

impl Trigger {
    pub(crate) fn check(&self, upstreams: &Upstreams<'_>) -> Result<(), Refusal> {
        match &self.0 {
            Some(check) => check(upstreams),
            None if upstreams.states.iter().all(|state| state.kind().is_successful()) => Ok(()),
            None => Err(Refusal::State(
                Signal::trigger_fail("Trigger was \"all_successful\" but some of the upstream tasks failed.")
                    .into_state(),
            )),
        }
    }
}
