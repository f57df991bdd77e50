//! What is left of a run: states, results, times.
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{RunCore, RunState};
use crate::clock::Tick;
use crate::engine::{Engine, RecordId, RunId, plain};
use crate::flow::graph::{TaskId, id};
use crate::flow::{FlowOutput, MissingResult, TaskRef};
use crate::{NotificationReport, State, StateKind, StateResult, Value};

/// A run of a flow, after it.
pub struct FlowRun<O = ()> {
    pub(crate) core: Arc<RunCore>,
    state: State,
    /// `None` if no task was run.
    engine: Option<Engine>,
    /// When it began and ended.
    times: [Tick; 2],
    notifications: NotificationReport,
    output: O,
}

/// A task run of a finished run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskRunInfo {
    /// The name of the task.
    pub name: String,
    /// What tells the tasks of a flow apart.
    pub slug: String,
    /// Its state at the end of the run.
    pub state: State,
    /// When its last attempt started, if it did.
    pub started: Option<Timestamp>,
    /// How long its last attempt took.
    pub duration: Duration,
    /// How often it was tried; 0 if it never was.
    pub attempts: u32,
}

impl FlowRun<()> {
    pub(crate) fn new(
        core: Arc<RunCore>,
        state: State,
        engine: Option<Engine>,
        times: [Tick; 2],
        notifications: NotificationReport,
    ) -> Self {
        Self { core, state, engine, times, notifications, output: () }
    }

    pub(crate) fn with_output<O>(self, output: O) -> FlowRun<O> {
        let Self { core, state, engine, times, notifications, output: () } = self;
        FlowRun { core, state, engine, times, notifications, output }
    }
}

impl<O: FlowOutput> FlowRun<O> {
    /// What the flow returns.
    ///
    /// # Errors
    /// If a task that it returns has no result.
    pub fn output(&self) -> Result<O::Value, MissingResult> {
        let mut asked = None;
        let mut state_of = |task: TaskRef| {
            asked = Some(task);
            let state = self.state_of(task);
            match self.engine.as_ref().and_then(|engine| engine.children(task.task)) {
                Some(_) => state.with_value(Value::in_memory(self.map_states(task).collect::<Vec<_>>())),
                None => state,
            }
        };
        self.output.read(&mut state_of).map_err(|mut missing| {
            // The reader stops at the first task without a result: the one that was asked for last.
            if let Some(task) = asked {
                missing.task = self.core.graph.name(task.task).to_string();
            }
            missing
        })
    }
}

impl<O> FlowRun<O> {
    /// The state of the flow run.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The name of the flow.
    #[must_use]
    pub fn flow_name(&self) -> &str {
        &self.core.graph.name
    }

    /// The id of the run.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.core.services.flow_run_id
    }

    /// When it began.
    #[must_use]
    pub fn started(&self) -> Timestamp {
        self.core.services.clock.at(self.times[0])
    }

    /// When it ended; notifications may have been sent after that.
    #[must_use]
    pub fn ended(&self) -> Timestamp {
        self.core.services.clock.at(self.times[1])
    }

    /// How long the run took, without the time that notifications needed after its end.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.times[1].saturating_sub(self.times[0]))
    }

    /// What became of the notifications.
    #[must_use]
    pub fn notifications(&self) -> &NotificationReport {
        &self.notifications
    }

    /// The state of a task.
    ///
    /// # Panics
    /// If the task belongs to another flow.
    #[must_use]
    #[track_caller]
    pub fn state_of(&self, task: TaskRef) -> State {
        self.state_at(task.of(self.core.graph.id))
    }

    /// The states of a mapped task's children, in their order; none if the task is not mapped.
    ///
    /// # Panics
    /// If the task belongs to another flow.
    #[track_caller]
    pub fn map_states(&self, task: TaskRef) -> impl ExactSizeIterator<Item = State> + '_ {
        self.children_of(task.of(self.core.graph.id))
    }

    pub(crate) fn children_of(&self, task: TaskId) -> impl ExactSizeIterator<Item = State> + '_ {
        let children = self.engine.as_ref().and_then(|engine| engine.children(task));
        children.unwrap_or_default().map(|child| self.state_at(child))
    }

    /// The states of all its tasks, to start another run from: see [`Flow::run_from`](crate::Flow::run_from). A result that
    /// was not kept to the end is not there ([`KeepResults`](crate::KeepResults)): its task is left out, and runs again.
    #[must_use]
    pub fn run_state(&self) -> RunState {
        let mut states = RunState::new();
        for (task, slug) in (0..).zip(self.core.graph.slugs()) {
            let state = self.state_at(task);
            let children: Vec<State> = self.children_of(task).collect();
            let freed =
                |state: &State| state.kind() == StateKind::Success && matches!(state.result(), StateResult::None);
            if freed(&state) || children.iter().any(freed) {
                continue;
            }
            states.set_mapped(slug.to_string(), state, children);
        }
        states
    }

    pub(crate) fn state_at(&self, task: TaskId) -> State {
        match &self.engine {
            Some(engine) => engine.state(task),
            None => plain(StateKind::Pending).with_message("Task not run."),
        }
    }

    /// The names of the task runs whose bodies have outlived their timeouts and still run.
    #[cfg(feature = "cli")]
    pub(crate) fn still_running(&self) -> Vec<String> {
        self.core.left_behind.runs().into_iter().map(|run| self.core.full_name(run).to_string()).collect()
    }

    /// The task runs, in the order in which the flow was built.
    pub fn task_runs(&self) -> impl Iterator<Item = TaskRunInfo> + '_ {
        (0..id(self.core.graph.len())).map(|task| self.info(RunId::of_task(task), task))
    }

    /// The same, the children of each mapped task behind it. A child's name has its number: `name[3]`.
    pub(crate) fn all_runs(&self) -> impl Iterator<Item = TaskRunInfo> + '_ {
        (0..id(self.core.graph.len())).flat_map(|task| {
            let engine = self.engine.as_ref();
            let children = engine.and_then(|engine| engine.children(task)).unwrap_or_default();
            let children = children.filter_map(move |child| Some((engine?.run_id(child), child)));
            std::iter::once((RunId::of_task(task), task)).chain(children).map(|(run, record)| self.info(run, record))
        })
    }

    fn info(&self, run: RunId, record: RecordId) -> TaskRunInfo {
        let times = self.engine.as_ref().map_or([0; 2], |engine| engine.times(record));
        let state = self.state_at(record);
        TaskRunInfo {
            name: self.core.full_name(run).to_string(),
            slug: self.core.graph.slug(run.task).to_string(),
            started: (state.kind() != StateKind::Pending).then(|| self.core.services.clock.at(times[0])),
            duration: Duration::from_nanos(times[1].saturating_sub(times[0])),
            attempts: self.engine.as_ref().map_or(0, |engine| engine.attempts_made(record)),
            state,
        }
    }
}

impl<O> fmt::Debug for FlowRun<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowRun")
            .field("flow", &self.flow_name())
            .field("state", &self.state)
            .field("tasks", &self.core.graph.len())
            .finish_non_exhaustive()
    }
}
