//! What a test run leaves: to be read, and to be shown when an assertion fails.
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::record::Record;
use super::which::Found;
use super::{Gives, LogLine, Notification, StateChange, Which};
use crate::flow::FlowOutput;
use crate::flow::declared::without_modules;
use crate::flow::graph::{Graph, TaskId};
use crate::{FlowRun, MissingResult, State, StateKind, StateResult, TaskRunInfo, TrackedKind};

/// The tasks that were given states; for a mapped one, the number of its children that were.
pub(super) type GivenTasks = BTreeMap<TaskId, Option<usize>>;

/// What a [`TestRun`](super::TestRun) has left: states, results, state changes, messages and log lines.
///
/// Its text, also that of `Debug`, is a table of the tasks: `assert!(run.state().kind() == Success, "{run}")`.
/// [`assert_state`](Self::assert_state) and [`assert_ended`](Self::assert_ended) show it by themselves.
///
/// ```
/// use prefect::prelude::*;
/// use prefect::testing::TestRun;
///
/// #[task(max_retries = 1, retry_delay = "1h")]
/// fn download() -> Result<u32, String> {
///     Err("503".to_owned())
/// }
/// #[task]
/// fn load(rows: u32) -> u32 {
///     rows
/// }
///
/// let run = TestRun::of(&flow!("etl", { load(download()) })).run();
/// let table = "\
/// flow `etl`: Failed after 1h 00m: Some reference tasks failed.
///   download  Failed         2 attempts  Error during execution of task: 503
///   load      TriggerFailed              Trigger was \"all_successful\" but some of the upstream tasks failed.
/// ";
/// assert_eq!(run.to_string(), table);
/// ```
pub struct Recording<O = ()> {
    run: FlowRun<O>,
    tasks: Vec<TaskRunInfo>,
    record: Record,
    given: GivenTasks,
    kept: BTreeMap<String, Vec<u8>>,
}

impl<O> Recording<O> {
    /// # Panics
    /// If a task that was mapped has not as many children as were given states.
    #[track_caller]
    pub(super) fn new(run: FlowRun<O>, record: Record, given: GivenTasks, kept: BTreeMap<String, Vec<u8>>) -> Self {
        let mut tasks: Vec<TaskRunInfo> = run.all_runs().collect();
        let tried: HashSet<(&str, &str)> =
            record.changes.iter().filter(|change| change.is_start()).map(StateChange::key).collect();
        for task in &mut tasks {
            // Neither what was given nor what its trigger kept from running.
            if !tried.contains(&(&*task.slug, &*task.name)) {
                task.attempts = 0;
            }
        }
        drop(tried);
        let recording = Self { run, tasks, record, given, kept };
        for (task, children) in &recording.given {
            let (found, name) = (recording.run.children_of(*task).len(), recording.graph().name(*task));
            let is_mapped = recording.run.state_at(*task).kind() == StateKind::Mapped;
            if let Some(given) = children.filter(|given| is_mapped && *given != found) {
                panic!("task `{name}` was mapped to {}, and {given} were given states\n{recording}", counted(found));
            }
        }
        recording
    }

    fn graph(&self) -> &Arc<Graph> {
        &self.run.core.graph
    }

    /// The run itself: its picture, its times, its [`RunState`](crate::RunState).
    #[must_use]
    pub fn flow_run(&self) -> &FlowRun<O> {
        &self.run
    }

    /// The state of the flow run.
    #[must_use]
    pub fn state(&self) -> &State {
        self.run.state()
    }

    /// The state of a task, or of a child of a mapped one (`name[3]`).
    ///
    /// # Panics
    /// If there is no such task.
    #[must_use]
    #[track_caller]
    pub fn state_of(&self, task: impl Into<Which>) -> State {
        self.state_at(self.found(task))
    }

    #[track_caller]
    fn found(&self, task: impl Into<Which>) -> Found {
        let found = task.into().run(self.graph());
        let children = self.run.children_of(found.task).len();
        if let Some(child) = found.child.filter(|child| *child >= children) {
            let name = self.graph().name(found.task);
            panic!("task `{name}` has {}, and none of number {child} (the first is 0)\n{self}", counted(children));
        }
        found
    }

    fn state_at(&self, found: Found) -> State {
        match found.child {
            Some(child) => self.run.children_of(found.task).nth(child).expect("looked at before"),
            None => self.run.state_at(found.task),
        }
    }

    /// The states of a mapped task's children, in their order.
    ///
    /// # Panics
    /// If there is no such task.
    #[must_use]
    #[track_caller]
    pub fn children_of(&self, task: impl Into<Which>) -> Vec<State> {
        let task = task.into().task(self.graph());
        self.run.children_of(task).collect()
    }

    /// The result of a task, or of a child of a mapped one (`name[3]`).
    ///
    /// # Panics
    /// If there is no such task, if it has no result, or one of another type.
    #[must_use]
    #[track_caller]
    pub fn result<T: Clone + Send + Sync + 'static>(&self, task: impl Gives<T>) -> T {
        let found = self.found(task);
        self.value(found, &self.state_at(found))
    }

    /// The results of a mapped task's children, in their order.
    ///
    /// # Panics
    /// If there is no such task, or if a child has no result, or one of another type.
    #[must_use]
    #[track_caller]
    pub fn results<T: Clone + Send + Sync + 'static>(&self, task: impl Into<Which>) -> Vec<T> {
        let task = task.into().task(self.graph());
        assert!(
            self.graph().is_mapped(task),
            "task `{}` is not mapped: its result is `result`",
            self.graph().name(task)
        );
        let mut results = Vec::new();
        // A loop, because a closure would not hand on whose call it is.
        for (child, state) in self.run.children_of(task).enumerate() {
            results.push(self.value(Found { task, child: Some(child) }, &state));
        }
        results
    }

    #[track_caller]
    fn value<T: Clone + Send + Sync + 'static>(&self, found: Found, state: &State) -> T {
        if let Some(value) = state.value::<T>() {
            return value.clone();
        }
        let name = self.name(found);
        let wanted = without_modules(std::any::type_name::<T>());
        match state.result() {
            StateResult::Value(value) => {
                let found = without_modules(value.type_name());
                panic!("the result of task `{name}` is a `{found}`, and not a `{wanted}`\n{self}")
            }
            _ if state.kind() == StateKind::Mapped => {
                panic!("task `{name}` is mapped: the results of its children are `results(\"{name}\")`")
            }
            _ => panic!("task `{name}` has no result: it is {}\n{self}", state.kind()),
        }
    }

    fn name(&self, found: Found) -> String {
        let name = self.graph().name(found.task);
        found.child.map_or_else(|| name.to_string(), |child| format!("{name}[{child}]"))
    }

    /// What became of every task run, in the order in which the flow was built; the children of a mapped task are behind it.
    #[must_use]
    pub fn tasks(&self) -> &[TaskRunInfo] {
        &self.tasks
    }

    /// The name and the kind of state of every task run: to be compared with what is expected.
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::testing::TestRun;
    ///
    /// #[task]
    /// fn half(x: u32) -> Result<u32, String> {
    ///     if x % 2 == 0 { Ok(x / 2) } else { Err(format!("{x} is odd")) }
    /// }
    ///
    /// let run = TestRun::of(&flow!("halves", { half::map([2, 3]) })).run();
    /// assert_eq!(run.kinds(), [("half", Mapped), ("half[0]", Success), ("half[1]", Failed)]);
    /// ```
    #[must_use]
    pub fn kinds(&self) -> Vec<(&str, StateKind)> {
        self.tasks.iter().map(|task| (&*task.name, task.state.kind())).collect()
    }

    /// How often a task was tried; 0 if it was not run, because it was given its state or its trigger did not fire.
    ///
    /// # Panics
    /// If there is no such task.
    #[must_use]
    #[track_caller]
    pub fn attempts(&self, task: impl Into<Which>) -> u32 {
        let found = self.found(task);
        let (slug, name) = (self.graph().slug(found.task), self.name(found));
        let task = self.tasks.iter().find(|task| *task.slug == **slug && task.name == name);
        task.map_or(0, |task| task.attempts)
    }

    /// Whether a task run was given its state, and not run.
    pub(super) fn is_given(&self, task: &TaskRunInfo) -> bool {
        let given = self.given.iter().find(|(given, _)| **self.graph().slug(**given) == *task.slug);
        // Of a mapped task only its children are given theirs.
        given.is_some_and(|(given, children)| children.is_none() || task.name != **self.graph().name(*given))
            && task.attempts == 0
    }

    /// Every state change of the flow run and its task runs, in order.
    #[must_use]
    pub fn changes(&self) -> &[StateChange] {
        &self.record.changes
    }

    /// The kinds of state that a task run went through, in order, without the `Pending` that all begin with.
    ///
    /// # Panics
    /// If there is no such task.
    #[must_use]
    #[track_caller]
    pub fn kinds_of(&self, task: impl Into<Which>) -> Vec<StateKind> {
        let found = self.found(task);
        let slug = self.graph().slug(found.task);
        let of_task = |change: &&StateChange| {
            change.kind == TrackedKind::Task && change.slug == *slug && change.child == found.child
        };
        self.record.changes.iter().filter(of_task).map(|change| change.new.kind()).collect()
    }

    /// The messages that notifiers would have sent, in order.
    #[must_use]
    pub fn notifications(&self) -> &[Notification] {
        &self.record.notifications
    }

    /// The results that are kept when the run has ended, by their names: those that the test gave, and those of tasks with a
    /// `target` or a `result`.
    #[must_use]
    pub fn kept(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.kept
    }

    /// The log lines of the run, of all levels, in order: those of its bodies and handlers, and the runtime's own.
    ///
    /// They go on to whoever listens to the test, too.
    #[must_use]
    pub fn logs(&self) -> &[LogLine] {
        &self.record.logs
    }

    /// # Panics
    /// If the task, or the child of a mapped one, has not ended in a state of exactly this kind. The panic shows the run.
    #[track_caller]
    pub fn assert_state(&self, task: impl Into<Which>, kind: StateKind) -> &Self {
        let found = self.found(task);
        let state = self.state_at(found);
        assert!(state.kind() == kind, "task `{}` is {}, and not {kind}\n{self}", self.name(found), state.kind());
        self
    }

    /// # Panics
    /// If the flow run has not ended in a state of exactly this kind. The panic shows the run.
    #[track_caller]
    pub fn assert_ended(&self, kind: StateKind) -> &Self {
        assert!(self.state().kind() == kind, "the flow run is {}, and not {kind}\n{self}", self.state().kind());
        self
    }
}

impl<O: FlowOutput> Recording<O> {
    /// What the flow returns.
    ///
    /// # Errors
    /// If a task that it returns has no result.
    pub fn output(&self) -> Result<O::Value, MissingResult> {
        self.run.output()
    }
}

fn counted(children: usize) -> String {
    if children == 1 { "1 child".to_owned() } else { format!("{children} children") }
}
