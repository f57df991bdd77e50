//! How a run that is recorded goes on.
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use prefect_store::{
    ClaimRefused, OwnedRun, Parked, RunRow, StateCode, Store, StoreError, StoredResult, TaskKey, TaskRow,
};

use super::code::kind;
use super::detail::Detail;
use super::graph;
use super::recorder::{InLoop, JSON, Last, Recorder};
use crate::flow::graph::{Graph, TaskId, id};
use crate::flow::{Given, GivenParameters, ParameterErrors};
use crate::plain::plain as shown;
use crate::run::RunState;
use crate::state::{Entry, Looping};
use crate::sync::Mutex;
use crate::{Clock, Redactor, Serializer, State, StateKind, TaskError, Value, engine};

/// So many task runs are read at once.
const PAGE: u32 = 1_000;

/// A recorded run that this process has taken, to go on with it: once.
#[derive(Clone)]
pub(crate) struct Recorded(Arc<Mutex<Option<Taken>>>);

struct Taken {
    run: OwnedRun,
    flow: Last,
    open: HashMap<(u32, Option<u32>), Last>,
    numbers: Option<Vec<u32>>,
}

/// Why a recorded run cannot go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum ResumeError {
    /// It is a run of another flow.
    OtherFlow {
        /// The run, for people.
        run: String,
        /// Its flow.
        flow: String,
        /// The flow that was to go on with it.
        not: String,
    },
    /// The flow is not the one that was recorded.
    Changed {
        /// The run, for people.
        run: String,
        /// What is different, line by line.
        difference: String,
    },
    /// What is recorded cannot be read.
    Unreadable {
        /// The run, for people.
        run: String,
        /// What is wrong.
        why: String,
    },
    /// Somebody else has it, or it has ended.
    Refused(ClaimRefused),
    /// The store cannot be read or written.
    Store(StoreError),
}

impl fmt::Display for ResumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherFlow { run, flow, not } => {
                write!(f, "run {run} is one of the flow `{}`, not of `{}`", shown(flow), shown(not))
            }
            Self::Changed { run, difference } => write!(
                f,
                "run {run} cannot go on: the flow has changed since it was started\n{difference}\
                 start a new run, or go on with the program that started this one"
            ),
            Self::Unreadable { run, why } => write!(f, "run {run} cannot go on: {why}"),
            Self::Refused(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ResumeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StoreError> for ResumeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Recorded {
    /// The recorder of the run; `None` if it went on already.
    pub(crate) fn take(&self, graph: &Arc<Graph>, clock: &Clock, redactor: Redactor) -> Option<Recorder> {
        let Taken { run, flow, open, numbers } = crate::lock::lock(&self.0).take()?;
        Some(Recorder::new(run, graph, clock, redactor, flow, open, numbers))
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
    tasks: BTreeMap<TaskId, Row>,
}

/// What is recorded of one task, and of its children.
struct Row {
    state: State,
    last: Last,
    children: Vec<(State, Last)>,
}

impl Plan {
    /// Reads a run, and looks whether this flow can go on with it. Nothing is changed.
    pub(crate) fn read(store: &Store, row: RunRow, flow: &Graph) -> Result<Self, ResumeError> {
        let run = row.id.short().to_string();
        if row.flow != *flow.name {
            return Err(ResumeError::OtherFlow { run, flow: row.flow, not: flow.name.to_string() });
        }
        let input = store.input(row.id)?;
        let unreadable = |why: String| ResumeError::Unreadable { run: run.clone(), why };
        let difference = graph::read(&input.graph)
            .and_then(|then| graph::difference(&then, flow))
            .map_err(|error| unreadable(format!("its recorded graph cannot be read: {error}")))?;
        if !difference.is_empty() {
            return Err(ResumeError::Changed { run, difference });
        }
        let parameters = serde_json::from_str(&input.parameters)
            .map_err(|error| unreadable(format!("its recorded parameters cannot be read: {error}")))?;
        // The same tasks, perhaps in another order.
        let ours: HashMap<&str, TaskId> = (0..).zip(flow.slugs()).map(|(task, slug)| (&**slug, task)).collect();
        let task_of: Vec<Option<TaskId>> =
            input.graph.slugs.iter().map(|slug| ours.get(slug.as_str()).copied()).collect();
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
                let task = task_of.get(recorded.task as usize).copied().flatten();
                let task = task.ok_or_else(|| unreadable(format!("it has no task {}", recorded.task)))?;
                let state = state(flow, task, &recorded, result.as_ref()).map_err(unreadable)?;
                let in_loop = |looping: &Looping| {
                    Some(Arc::new(InLoop { iteration: looping.iteration, result: result.clone()? }))
                };
                let last = Last {
                    state: recorded.state,
                    version: recorded.version,
                    attempt: recorded.attempt,
                    looping: state.looping().and_then(in_loop),
                };
                match recorded.index {
                    None => drop(tasks.insert(task, Row { state, last, children: Vec::new() })),
                    Some(index) => {
                        let row = tasks
                            .get_mut(&task)
                            .ok_or_else(|| unreadable("a child is recorded of a task that is not".to_owned()))?;
                        let nothing = || (State::new(StateKind::Pending), Last::NOTHING);
                        let index = index as usize;
                        if row.children.len() <= index {
                            row.children.resize_with(index + 1, nothing);
                        }
                        row.children[index] = (state, last);
                    }
                }
            }
        }
        Ok(Self { row, parameters, numbers, tasks })
    }

    /// Gives a flow the values that the run was given.
    pub(crate) fn give(&mut self, graph: &Graph, given: &mut GivenParameters) -> Result<(), ResumeError> {
        for (name, value) in std::mem::take(&mut self.parameters) {
            given.insert(name, Given::Json(value));
        }
        match ParameterErrors::of(given.resolve(&graph.parameters, None).1) {
            None => Ok(()),
            Some(errors) => {
                Err(ResumeError::Unreadable { run: self.row.id.short().to_string(), why: errors.to_string() })
            }
        }
    }

    /// The tasks that wait for somebody, in the order of the flow; the first one is let go on, if the whole run waits.
    pub(crate) fn approve_first(&mut self) -> Option<(TaskId, Option<u32>)> {
        if self.row.state != StateCode::PAUSED {
            return None;
        }
        for (task, row) in &mut self.tasks {
            let own = std::iter::once((None, &mut row.state));
            let children = (0..).zip(&mut row.children).map(|(child, (state, _))| (Some(child), state));
            for (child, state) in own.chain(children) {
                if state.kind() == StateKind::Paused {
                    *state = engine::plain(StateKind::Resume);
                    return Some((*task, child));
                }
            }
        }
        None
    }

    /// Takes the run. What its tasks start from, and what records them.
    pub(crate) fn take(mut self, store: &Store, graph: &Graph) -> Result<(Recorded, RunState), ResumeError> {
        let run = store.claim(&self.row, Parked::Refuse).map_err(ResumeError::Refused)?;
        self.forget_what_is_needed_again(graph);
        let mut open = HashMap::new();
        let mut states = RunState::new();
        for (task, Row { state, last, children }) in self.tasks {
            let number = self.numbers.as_ref().map_or(task, |numbers| numbers[task as usize]);
            open.insert((number, None), last);
            let mut states_of_children = Vec::with_capacity(children.len());
            for (child, (state, last)) in (0..).zip(children) {
                open.insert((number, Some(child)), last);
                states_of_children.push(state);
            }
            states.set_mapped(graph.slug(task).to_string(), state, states_of_children);
        }
        let flow = Last::of_flow(StateCode::RUNNING, run.version());
        let taken = Taken { run, flow, open, numbers: self.numbers };
        Ok((Recorded(Arc::new(Mutex::new(Some(taken)))), states))
    }

    /// A result that lives in memory only is computed again if a task that is yet to run reads it.
    fn forget_what_is_needed_again(&mut self, graph: &Graph) {
        let will_run = |row: Option<&Row>| row.is_none_or(Row::will_run);
        let mut open: Vec<TaskId> = (0..id(graph.len())).filter(|task| will_run(self.tasks.get(task))).collect();
        while let Some(task) = open.pop() {
            for upstream in graph.data_upstream(task) {
                if let Some(row) = self.tasks.get_mut(upstream)
                    && row.forget_results()
                {
                    open.push(*upstream);
                }
            }
        }
    }
}

impl Row {
    /// Whether its inputs are asked for. A mapped task takes its lists again, whatever is left of its children.
    fn will_run(&self) -> bool {
        !self.state.kind().is_finished() || self.state.kind() == StateKind::Mapped
    }

    /// Whether something of it has to run again, for whoever reads its result.
    fn forget_results(&mut self) -> bool {
        let is_lost = |state: &State| {
            state.kind().is_successful()
                && !matches!(state.kind(), StateKind::Skipped | StateKind::Mapped)
                && matches!(state.result(), crate::StateResult::None)
        };
        let mut any = false;
        let children = self.children.iter_mut().map(|(state, _)| state);
        for state in std::iter::once(&mut self.state).chain(children).filter(|state| is_lost(state)) {
            *state = State::new(StateKind::Pending);
            any = true;
        }
        any
    }
}

/// A recorded state, as a run starts from it. The error says what is wrong with it.
fn state(graph: &Graph, task: TaskId, row: &TaskRow, result: Option<&StoredResult>) -> Result<State, String> {
    let of = || format!("task `{}`", shown(graph.slug(task)));
    let kind = kind(row.state)
        .ok_or_else(|| format!("{} is in a state that this release does not know ({})", of(), row.state.number()))?;
    let detail = Detail::read(row.detail.as_deref());
    let value = match result {
        Some(result) => value(graph, task, result).map_err(|why| format!("the result of {}: {why}", of()))?,
        None => None,
    };
    let state = match kind {
        // Its body had begun, and will begin again. The attempt that was running is made once more.
        StateKind::Running | StateKind::Cancelling | StateKind::Pending | StateKind::Submitted | StateKind::Queued => {
            return Ok(again(&detail, value));
        }
        // The next iteration had not begun.
        StateKind::Looped => {
            // What an iteration gives may be of another type than what the task gives: then it cannot be read, and the loop
            // begins anew.
            let Some(value) = value else { return Ok(State::new(StateKind::Pending)) };
            let ended = detail.iteration.unwrap_or(1);
            let looping = Looping { iteration: ended + 1, result: Some(value), entry: Entry::Begun };
            return Ok(State::new(StateKind::Pending).with_looping(looping));
        }
        kind => engine::plain(kind),
    };
    let mut state = match &row.message {
        Some(message) => state.with_message(message.clone()),
        None => state,
    };
    if let Some(error) = detail.error.clone().filter(|_| kind.is_failed()) {
        state = state.with_error(TaskError::from(error));
    }
    if let Some(start) = detail.start() {
        state = state.start_at(start);
    }
    if let Some(count) = detail.run_count {
        state = state.with_run_count(count);
    }
    if let Some(moment) = detail.expires() {
        state = state.with_expiration(moment);
    }
    if let Some(location) = &detail.location {
        state = state.with_location(location.as_str().into());
    }
    if kind.is_finished() {
        return Ok(match value {
            Some(value) => state.with_value(value),
            None => state,
        });
    }
    Ok(match value.and_then(|value| detail.looping(value)) {
        Some(looping) => state.with_looping(looping),
        None => state,
    })
}

/// A task run that is to begin the attempt again which it was in.
fn again(detail: &Detail, result: Option<Value>) -> State {
    let state = match detail.run_count {
        Some(count) if count > 1 => State::new(StateKind::Retrying).with_run_count(count - 1),
        _ => State::new(StateKind::Pending),
    };
    match result.and_then(|result| detail.looping(result)) {
        Some(looping) => state.with_looping(looping),
        None => state,
    }
}

/// `None` if nothing is known of what the task gives.
fn value(graph: &Graph, task: TaskId, result: &StoredResult) -> Result<Option<Value>, String> {
    if result.codec != JSON {
        return Err(format!("it is written in a way that this release does not know ({})", result.codec));
    }
    let Some(load) = graph.kind(task).code.output().and_then(|output| output.load) else { return Ok(None) };
    let loaded = crate::panics::guard(|| load(Serializer::Json, &result.bytes));
    match loaded.unwrap_or_else(|caught| Err(caught.into_error())) {
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(format!("what is recorded is none any more: {error}")),
    }
}
