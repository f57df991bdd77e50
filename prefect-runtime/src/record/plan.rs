//! A recorded run, read and taken, to go on with it.
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use prefect_store::{GoesOnWith, Parked, RecordedGraph, RunRow, StateCode, Store, TaskKey};

use super::again::downstream;
use super::last::{InLoop, Last};
use super::recorder::{Recorder, Taken};
use super::restored::state;
use super::{ResumeError, graph};
use crate::flow::graph::{Graph, TaskId, id};
use crate::flow::{Given, GivenParameters, ParameterErrors};
use crate::run::RunState;
use crate::state::Looping;
use crate::sync::Mutex;
use crate::{Clock, Config, State, StateKind, TaskError};

/// So many task runs are read at once.
const PAGE: u32 = 1_000;

/// A recorded run that this process has taken, to go on with it: once.
#[derive(Clone)]
pub(crate) struct Recorded(Arc<Mutex<Option<Taken>>>);

impl Recorded {
    pub(super) fn new(taken: Taken) -> Self {
        Self(Arc::new(Mutex::new(Some(taken))))
    }

    /// The recorder of the run; `None` if it went on already.
    pub(crate) fn take(&self, graph: &Arc<Graph>, clock: &Clock, config: &Config) -> Option<Recorder> {
        let taken = crate::lock::lock(&self.0).take()?;
        Some(Recorder::new(taken, graph, clock, config))
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorded")
    }
}

/// A run that was read, before it is taken.
pub(crate) struct Plan {
    row: RunRow,
    parameters: serde_json::Map<String, serde_json::Value>,
    numbers: Option<Vec<u32>>,
    pub(super) tasks: BTreeMap<TaskId, Row>,
    /// The graph that the run has from now on, if the flow has changed.
    changed: Option<RecordedGraph>,
}

/// What becomes of a run whose flow has changed since it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfChanged {
    /// It does not go on.
    Refuse,
    /// What has changed starts anew, and everything downstream of it.
    StartAnew,
}

/// What is recorded of one task, and of its children.
pub(super) struct Row {
    pub(super) own: Known,
    pub(super) children: Vec<Known>,
    /// Of children that there were, and are no more: what is recorded of them, from this number on.
    surplus: Vec<Last>,
}

/// What is recorded of one task run.
pub(super) struct Known {
    /// What it starts from.
    pub(super) state: State,
    last: Last,
    keeps: Keeps,
}

/// What a task run does with what is recorded of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    All,
    /// All, and somebody has answered it since.
    AndAnswer,
    /// It starts anew. That is recorded when the run is taken: who goes on after this process would keep what was made of
    /// results that are none any more.
    Nothing,
}

impl Known {
    const fn new(state: State, last: Last) -> Self {
        Self { state, last, keeps: Keeps::All }
    }

    pub(super) fn forget(&mut self) {
        self.state = State::new(StateKind::Pending);
        self.keeps = Keeps::Nothing;
    }

    /// Somebody lets it go on from this state, or end.
    pub(super) fn answer(&mut self, answer: State) {
        self.state = answer.going_on_from(&self.state);
        self.keeps = Keeps::AndAnswer;
    }

    pub(super) fn is_forgotten(&self) -> bool {
        self.keeps == Keeps::Nothing
    }

    /// Whether its body has run, and come to an end. It may have begun in an earlier round, and not in the last one.
    pub(super) fn has_run(&self) -> bool {
        let state = self.last.state;
        let is_without_body = [StateCode::TRIGGER_FAILED, StateCode::SKIPPED].contains(&state);
        self.last.begun > 0 && state.is_terminal() && !is_without_body
    }
}

impl Taken {
    /// Takes over what is recorded of a task run. What it starts from.
    fn keep(&mut self, key: TaskKey, known: Known) -> State {
        let Known { state, last, keeps } = known;
        let last = match keeps {
            Keeps::All => last,
            Keeps::AndAnswer => {
                self.answered = Some(((key.task, key.index), state.clone()));
                last
            }
            Keeps::Nothing => last.started_anew(),
        };
        self.open.insert((key.task, key.index), last.going_on_from(&state));
        state
    }
}

impl Row {
    /// Leaves out children that are recorded and are no more: the task gave another list when it ran again.
    fn leave_out_surplus(&mut self, graph: &Graph, task: TaskId) {
        let most = if !graph.is_mapped(task) {
            Some(0)
        } else if self.own.state.kind() == StateKind::Mapped {
            self.own.state.children()
        } else {
            None
        };
        if let Some(most) = most.filter(|most| (*most as usize) < self.children.len()) {
            self.surplus = self.children.drain(most as usize..).map(|child| child.last).collect();
        }
    }
}

impl Plan {
    /// Reads a run, and looks whether this flow can go on with it. Nothing is changed.
    pub(crate) fn read(store: &Store, row: RunRow, flow: &Graph, if_changed: IfChanged) -> Result<Self, ResumeError> {
        let run = row.id.short().to_string();
        if row.flow != *flow.name {
            return Err(ResumeError::OtherFlow { run, flow: row.flow, not: flow.name.to_string() });
        }
        let input = store.input(row.id)?;
        let unreadable = |why: String| ResumeError::Unreadable { run: run.clone(), why };
        let no_graph = |error: String| unreadable(format!("its recorded graph cannot be read: {error}"));
        let then = graph::read(&input.graph).map_err(no_graph)?;
        let difference = graph::difference(&then, flow).map_err(no_graph)?;
        if !difference.is_empty() && if_changed == IfChanged::Refuse {
            return Err(ResumeError::Changed { run, difference });
        }
        let merged = (!difference.is_empty()).then(|| graph::merged(&then, flow));
        let changed = merged.transpose().map_err(no_graph)?;
        let mut anew = downstream(flow, graph::changed(&then, flow).map_err(no_graph)?);
        let slugs = changed.as_ref().map_or(&input.graph.slugs, |graph| &graph.slugs);
        let parameters = serde_json::from_str(&input.parameters)
            .map_err(|error| unreadable(format!("its recorded parameters cannot be read: {error}")))?;
        // The same tasks, perhaps in another order.
        let ours: HashMap<&str, TaskId> = (0..).zip(flow.slugs()).map(|(task, slug)| (&**slug, task)).collect();
        let task_of: Vec<Option<TaskId>> = slugs.iter().map(|slug| ours.get(slug.as_str()).copied()).collect();
        let same_order = task_of.iter().zip(0..).all(|(task, number)| *task == Some(number));
        let numbers = (!same_order).then(|| {
            let mut numbers = vec![0; flow.len()];
            for (number, task) in (0..).zip(&task_of) {
                if let Some(task) = task {
                    numbers[*task as usize] = number;
                }
            }
            numbers
        });
        let mut tasks: BTreeMap<TaskId, Row> = BTreeMap::new();
        let mut after: Option<TaskKey> = None;
        loop {
            let page = store.recorded(row.id, after, PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.key());
            for (recorded, result) in page {
                let task = match task_of.get(recorded.task as usize) {
                    Some(Some(task)) => *task,
                    // The flow has it no more: what is recorded of it stays as it is.
                    Some(None) => continue,
                    None => return Err(unreadable(format!("it has no task {}", recorded.task))),
                };
                let state = match state(flow, task, &recorded, result.as_ref()) {
                    _ if anew.contains(&task) => State::new(StateKind::Pending),
                    Ok(state) => state,
                    // What it gives may be of another type now.
                    Err(_) if if_changed == IfChanged::StartAnew => {
                        anew.extend(downstream(flow, vec![task]));
                        State::new(StateKind::Pending)
                    }
                    Err(why) => return Err(unreadable(why)),
                };
                let in_loop = |looping: &Looping| {
                    Some(Arc::new(InLoop { iteration: looping.iteration, result: result.clone()? }))
                };
                let last = Last {
                    state: recorded.state,
                    version: recorded.version,
                    begun: if recorded.started_at.is_some() { recorded.attempt } else { 0 },
                    looping: state.looping().and_then(in_loop),
                    ..Last::NOTHING
                };
                let known = Known::new(state, last);
                match recorded.index {
                    None => {
                        let row = Row { own: known, children: Vec::new(), surplus: Vec::new() };
                        tasks.insert(task, row);
                    }
                    Some(index) => {
                        let row = tasks
                            .get_mut(&task)
                            .ok_or_else(|| unreadable("a child is recorded of a task that is not".to_owned()))?;
                        let nothing = || Known::new(State::new(StateKind::Pending), Last::NOTHING);
                        let index = index as usize;
                        if row.children.len() <= index {
                            row.children.resize_with(index + 1, nothing);
                        }
                        row.children[index] = known;
                    }
                }
            }
        }
        for (task, row) in &mut tasks {
            row.leave_out_surplus(flow, *task);
        }
        let mut plan = Self { row, parameters, numbers, tasks, changed };
        for task in anew {
            plan.forget(task);
        }
        Ok(plan)
    }

    /// Gives a flow the values that the run was given.
    pub(crate) fn give(&mut self, graph: &Graph, given: &mut GivenParameters) -> Result<(), ResumeError> {
        let known = |name: &str| graph.parameters.iter().any(|parameter| &*parameter.name == name);
        for (name, value) in std::mem::take(&mut self.parameters) {
            // A flow that has changed may have no use for it.
            if self.changed.is_some() && !known(&name) {
                continue;
            }
            given.insert(name, Given::Json(value));
        }
        match ParameterErrors::of(given.resolve(&graph.parameters, None).1) {
            None => Ok(()),
            Some(errors) => Err(ResumeError::Unreadable { run: self.run(), why: errors.to_string() }),
        }
    }

    /// The run, for people.
    pub(super) fn run(&self) -> String {
        self.row.id.short().to_string()
    }

    /// It is left to who can go on with it.
    pub(crate) fn not_here(&self, why: &TaskError) -> ResumeError {
        ResumeError::NotHere { run: self.run(), why: why.to_string() }
    }

    /// Whether it waits for somebody, and for nothing else.
    pub(super) fn is_paused(&self) -> bool {
        self.row.state == StateCode::PAUSED
    }

    /// Whether it goes on with another flow than it was recorded with.
    pub(super) fn has_changed(&self) -> bool {
        self.changed.is_some()
    }

    /// Whether it has ended without success.
    pub(crate) fn has_failed(&self) -> bool {
        self.row.state.is_failure() && self.row.state != StateCode::CRASHED
    }

    /// Takes the run. What its tasks start from, and what records them.
    pub(crate) fn take(
        mut self,
        store: &Store,
        graph: &Graph,
        parked: Parked,
    ) -> Result<(Recorded, RunState), ResumeError> {
        self.forget_what_is_needed_again(graph);
        let with = GoesOnWith { graph: self.changed.take(), anew: self.anew() };
        let run = store.claim_with(&self.row, parked, with).map_err(ResumeError::Refused)?;
        let flow = Last::of_flow(StateCode::RUNNING, run.version());
        let (name, numbers) = (self.row.name, self.numbers);
        let mut taken = Taken { run, name, flow, open: HashMap::new(), numbers, answered: None };
        let mut states = RunState::new();
        for (task, Row { own, children, surplus }) in self.tasks {
            let number = number(taken.numbers.as_deref(), task);
            let own = taken.keep(TaskKey { task: number, index: None }, own);
            let surplus = (id(children.len())..).zip(surplus);
            let children = (0..).zip(children);
            let children =
                children.map(|(child, known)| taken.keep(TaskKey { task: number, index: Some(child) }, known));
            let children = children.collect();
            for (child, last) in surplus {
                taken.open.insert((number, Some(child)), last);
            }
            states.set_mapped(graph.slug(task).to_string(), own, children);
        }
        Ok((Recorded::new(taken), states))
    }

    /// Which task runs start anew, by their numbers in the store.
    fn anew(&self) -> Vec<TaskKey> {
        let tasks = self.tasks.iter().flat_map(|(task, row)| {
            let task = number(self.numbers.as_deref(), *task);
            let forgotten = row.runs().filter(|(_, known)| known.is_forgotten());
            forgotten.map(move |(index, _)| TaskKey { task, index })
        });
        tasks.collect()
    }
}

/// The number of a task in the recorded graph.
fn number(numbers: Option<&[u32]>, task: TaskId) -> u32 {
    numbers.map_or(task, |numbers| numbers[task as usize])
}
