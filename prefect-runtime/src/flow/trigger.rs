//! Triggers: whether a task runs, judged by the states of what is upstream of it.
mod builtin;
mod typed;

use std::fmt;
use std::sync::Arc;

use super::graph::{Graph, TaskId};
use super::inputs::Slot;
use crate::{State, TaskError};

pub use builtin::{
    Thresholds, all_failed, all_finished, all_successful, any_failed, any_successful, manual_only, not_all_skipped,
    some_failed, some_successful,
};
pub use typed::{
    Accepts, IntoTrigger, Successful, TriggerOutput, Typed, Verdict, any_state, erase_trigger, into_trigger,
};

/// The states that a trigger looks at: one for each edge into the task.
#[derive(Clone, Copy, Debug)]
pub struct Upstreams<'a> {
    pub(crate) states: &'a [State],
    pub(crate) resumed: bool,
    /// Whose they are, in a run.
    pub(crate) seen: Option<Seen<'a>>,
}

/// What tells the states apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) reader: TaskId,
    /// The number of the task of each state; higher ones are of mapped children.
    pub(crate) records: &'a [u32],
}

impl<'a> Upstreams<'a> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether nothing is upstream.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// The states, one for each task, in the order in which the tasks were made; those of mapped children come last.
    #[must_use]
    pub fn states(&self) -> &'a [State] {
        self.states
    }

    /// The state of a task that is not mapped.
    pub(crate) fn of_task(&self, task: TaskId) -> Option<&'a State> {
        let place = self.seen?.records.iter().position(|record| *record == task)?;
        self.states.get(place)
    }

    /// The state of the task that gives this parameter.
    pub(crate) fn of_parameter(&self, name: &str) -> Option<&'a State> {
        let Seen { graph, reader, .. } = self.seen?;
        let at = graph.kind(reader).code.parameters().iter().position(|parameter| parameter.name() == name)?;
        match graph.slots(reader) {
            None => self.of_task(*graph.data_upstream(reader).get(at)?),
            Some(slots) => match slots.get(at)? {
                Slot::Upstream(task) => self.of_task(*task),
                _ => None,
            },
        }
    }

    /// How many succeeded. Skipped ones count as successful.
    #[must_use]
    pub fn successful(&self) -> usize {
        self.count(|state| state.kind().is_successful())
    }

    /// How many failed, in whichever way.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.count(|state| state.kind().is_failed())
    }

    /// How many were skipped.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.count(|state| state.kind().is_skipped())
    }

    fn count(&self, counts: impl Fn(&State) -> bool) -> usize {
        self.states.iter().filter(|state| counts(state)).count()
    }
}

/// Whether a task runs: one of Prefect's triggers, or a function of your own.
///
/// In `#[task(trigger = ..)]` the function itself is written; this type is for flows that are built at run time.
///
/// ```
/// use prefect::{TaskDefinition, Trigger, Upstreams};
/// use prefect::trigger::{any_failed, some_failed};
///
/// let report = TaskDefinition::new("report").trigger(Trigger::new(any_failed));
/// let alarm = TaskDefinition::new("alarm").trigger(Trigger::new(some_failed().at_least(0.5)));
/// let mine = Trigger::new(|upstreams: &Upstreams<'_>| upstreams.failed() == 1);
/// ```
#[derive(Clone, Default)]
pub struct Trigger(pub(crate) Option<Check>);

/// `Err` is the state that the task ends with, or the error of the trigger.
pub(crate) type Check = Arc<dyn Fn(&Upstreams<'_>) -> Result<(), Refusal> + Send + Sync>;

/// Why a task does not run.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The state that it ends in: `TriggerFailed`, or what a signal asks for.
    State(State),
    /// The trigger itself failed.
    Error(TaskError),
}

impl Trigger {
    /// A trigger made of a function of the upstream states.
    pub fn new<R: TriggerOutput>(trigger: impl IntoTrigger<R>) -> Self {
        erase_trigger(into_trigger(trigger))
    }

    /// Whether the task runs. A panic of the trigger is not caught here.
    pub(crate) fn check(&self, upstreams: &Upstreams<'_>) -> Result<(), Refusal> {
        match &self.0 {
            Some(check) => check(upstreams),
            None => all_successful(upstreams).judge(),
        }
    }
}

impl fmt::Debug for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Trigger" } else { "all_successful" })
    }
}
