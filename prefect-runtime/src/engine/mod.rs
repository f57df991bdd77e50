//! The engine: which task runs are ready, what a finished one releases, when a run is over.
//!
//! It decides and does nothing else: no I/O, no clock, no user code. The same calls in the same order give the same
//! answers, so that every executor, and a model in a test, can step it.
//!
//! The children of a mapped task are task runs like others: they get records behind those of the tasks when their parent
//! is mapped, in one region each.
mod again;
mod batch;
mod cancel;
mod finish;
mod given;
mod ready;
mod region;
mod results;
mod start;

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use crate::clock::Tick;
use crate::flow::Results;
use crate::flow::graph::{Graph, TaskId, id};
use crate::{State, StateKind, Value};
use again::Again;
pub(crate) use batch::{Alike, Batch, Job, More, Stretch, Work};
#[cfg(feature = "store")]
pub(crate) use given::mapped_has_ended;
use ready::Ready;
use region::Region;
pub(crate) use region::{List, Mapping};

/// Which task run: that of a task of the flow, or of a child of a mapped one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RunId {
    pub(crate) task: TaskId,
    /// Which child, from 0.
    pub(crate) child: Option<u32>,
    /// Its place among the records.
    record: RecordId,
}

/// The place of a task run among the records: the number of the task, or one behind all tasks for a child.
pub(crate) type RecordId = u32;

impl RunId {
    /// The run of a task itself.
    pub(crate) const fn of_task(task: TaskId) -> Self {
        Self { task, child: None, record: task }
    }

    /// What has become of it.
    #[inline]
    pub(crate) const fn done(self, attempt: u32, [started, ended]: [Tick; 2], end: End) -> Done {
        Done { record: self.record, attempt, started, ended, end }
    }
}

/// What a job is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// To run the body.
    Body,
    /// To find out how many children there are.
    Mapping,
}

/// The states of what is upstream of a task run, and which record each is of: a task, or a mapped child.
#[derive(Debug)]
pub(crate) struct UpstreamStates {
    pub(crate) records: Vec<RecordId>,
    pub(crate) states: Vec<State>,
}

/// A task run that has ended, or waits.
pub(crate) struct Done {
    record: RecordId,
    attempt: u32,
    pub(crate) started: Tick,
    pub(crate) ended: Tick,
    pub(crate) end: End,
}

/// How a task run ended.
pub(crate) enum End {
    /// With the result of its body, and the message that says so.
    Success(Value),
    /// In any other way. Apart, because most end with a result, and lie about by the hundred.
    Other(Box<Other>),
}

/// See [`End::Other`].
pub(crate) enum Other {
    /// Mapped: its children are to run.
    Mapped(Mapping),
    /// In any other state; a scheduled one with the tick at which it goes on, if there is one.
    State(State, Option<Tick>),
}

/// What is kept of a task run.
struct Record {
    /// Edges into it whose tasks have not finished.
    waits_for: u32,
    /// Readers that have not ended, and one for those who keep the result to the end.
    readers: u32,
    upstream: Flags,
    kind: StateKind,
    started: Tick,
    ended: Tick,
}

impl Record {
    fn pending(waits_for: u32, readers: u32, upstream: Flags) -> Self {
        Self { waits_for, readers, upstream, kind: StateKind::Pending, started: 0, ended: 0 }
    }

    /// Whether it is to start. One that began as finished, or paused, is not.
    #[inline]
    fn is_released(&self) -> bool {
        self.waits_for == 0 && !self.kind.is_finished() && self.kind != StateKind::Paused
    }
}

/// Whether something upstream is not a plain success.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flags {
    Plain,
    Special,
}

/// One run of one flow.
pub(crate) struct Engine {
    graph: Arc<Graph>,
    records: Vec<Record>,
    /// By task: what it gave. What children gave is in their regions.
    results: Vec<Option<Value>>,
    /// Where the children of mapped tasks are, in the order in which those were mapped.
    regions: Vec<Region>,
    /// By task: its place among the regions. Empty until there is one.
    region_of: Vec<Option<u32>>,
    /// What the children of tasks that are not mapped yet ended in before.
    given_children: HashMap<TaskId, Vec<(State, Option<Tick>)>>,
    ready: Ready,
    /// Task runs that go on at a tick.
    scheduled: BTreeSet<(Tick, RecordId)>,
    /// By task run that an earlier run has left waiting for a tick, and that waits for what is upstream first: that tick.
    delayed: HashMap<RecordId, Tick>,
    /// The states that say more than their kind.
    states: HashMap<RecordId, State>,
    /// Attempts and run counts, where there was more than one.
    attempts: HashMap<RecordId, (u32, u32)>,
    /// Resources that are set up again.
    again: Again,
    unfinished: usize,
    /// Of a run that was cancelled: what still runs.
    cleaning: Option<BTreeSet<TaskId>>,
    pub(crate) garbage: Garbage,
}

/// What nobody needs any more: to be dropped outside every lock, because destructors are user code.
#[derive(Default)]
pub(crate) struct Garbage {
    values: Vec<Value>,
    states: Vec<State>,
    lists: Vec<Option<List>>,
    results: Vec<Arc<Results>>,
}

impl Garbage {
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.states.is_empty() && self.lists.is_empty() && self.results.is_empty()
    }

    pub(crate) fn append(&mut self, other: &mut Self) {
        self.values.append(&mut other.values);
        self.states.append(&mut other.states);
        self.lists.append(&mut other.lists);
        self.results.append(&mut other.results);
    }

    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.states.clear();
        self.lists.clear();
        self.results.clear();
    }
}

/// Which results are kept to the end of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeepResults {
    /// Those that the flow returns, and those of its terminal and reference tasks.
    #[default]
    Needed,
    /// All of them.
    All,
}

impl Engine {
    pub(crate) fn new(graph: &Arc<Graph>, kept: &[TaskId], keep: KeepResults) -> Self {
        let readers = graph.readers();
        let all = u32::from(keep == KeepResults::All);
        let record =
            |task| Record::pending(id(graph.upstream(task).len()), id(readers.of(task).len()) + all, Flags::Plain);
        let mut records: Vec<_> = (0..id(graph.len())).map(record).collect();
        for task in kept {
            records[*task as usize].readers += 1;
        }
        // What a resource is made of is kept as long as it may have to be set up again.
        for block in graph.resource_blocks() {
            for upstream in graph.upstream(block.set_up) {
                records[*upstream as usize].readers += 1;
            }
        }
        let ready = (0..id(records.len())).filter(|task| records[*task as usize].waits_for == 0).collect();
        let mut results = Vec::new();
        results.resize_with(records.len(), || None);
        Self { unfinished: records.len(), records, results, ready, ..Self::empty(graph) }
    }

    /// The engine, with nothing left in its place.
    pub(crate) fn take_out(&mut self) -> Self {
        let nothing = Self::empty(&self.graph);
        std::mem::replace(self, nothing)
    }

    fn empty(graph: &Arc<Graph>) -> Self {
        Self {
            graph: Arc::clone(graph),
            records: Vec::new(),
            results: Vec::new(),
            regions: Vec::new(),
            region_of: Vec::new(),
            given_children: HashMap::new(),
            ready: Ready::default(),
            scheduled: BTreeSet::new(),
            delayed: HashMap::new(),
            states: HashMap::new(),
            attempts: HashMap::new(),
            again: Again::default(),
            unfinished: 0,
            cleaning: None,
            garbage: Garbage::default(),
        }
    }

    /// Whether every task run has finished.
    pub(crate) fn is_over(&self) -> bool {
        self.unfinished == 0
    }

    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// When the next scheduled task run goes on.
    pub(crate) fn next_due(&self) -> Option<Tick> {
        self.scheduled.first().map(|(tick, _)| *tick)
    }

    /// Makes the scheduled task runs ready whose tick has come.
    pub(crate) fn wake(&mut self, now: Tick) {
        let has_resources = !self.graph.resource_blocks().is_empty();
        let mut due = Vec::new();
        while let Some((tick, task)) = self.scheduled.first().copied()
            && tick <= now
        {
            self.scheduled.pop_first();
            // A pause that is over is no retry.
            if has_resources && self.kind_of(task) != StateKind::Paused {
                due.push(task);
            } else {
                self.ready.push(task);
            }
        }
        if !due.is_empty() {
            self.set_up_before(due);
        }
    }

    /// A task run that waits for places has got them. False if it is not known yet that it waits.
    pub(crate) fn let_in(&mut self, run: RunId) -> bool {
        // Behind the end of a run there are no records any more.
        let record = self.records.get(run.record as usize);
        let waits = record.is_some_and(|record| record.kind == StateKind::Queued);
        if waits {
            self.ready.push(run.record);
        }
        waits
    }

    pub(crate) fn kind_of(&self, record: RecordId) -> StateKind {
        self.records[record as usize].kind
    }

    /// Which task run has this record.
    #[inline]
    pub(crate) fn run_id(&self, record: RecordId) -> RunId {
        if (record as usize) < self.graph.len() { RunId::of_task(record) } else { self.child_id(record) }
    }

    /// The records of a task's children, if it is mapped.
    pub(crate) fn children(&self, task: TaskId) -> Option<Range<RecordId>> {
        self.region(task).map(Region::records)
    }

    /// Whether a task has finished, its children too.
    pub(crate) fn has_finished(&self, task: TaskId) -> bool {
        self.kind_of(task).is_finished() && self.region(task).is_none_or(|region| region.left == 0)
    }

    /// The states that a task ended in: its own, or those of its children.
    pub(crate) fn states_of(&self, task: TaskId) -> Vec<State> {
        match self.children(task) {
            Some(children) => children.map(|child| self.state(child)).collect(),
            None => vec![self.state(task)],
        }
    }

    /// The attempt that is open, and its run count, both from 1.
    fn attempt(&self, record: RecordId) -> (u32, u32) {
        self.attempts.get(&record).copied().unwrap_or((1, 1))
    }

    /// How often a task run was tried, as Prefect counts.
    pub(crate) fn attempts_made(&self, task: RecordId) -> u32 {
        match self.kind_of(task) {
            // The count is that of the next attempt already.
            StateKind::Retrying | StateKind::Queued => self.attempt(task).1 - 1,
            StateKind::Pending => 0,
            _ => self.attempt(task).1,
        }
    }

    /// The times at which a task run started and ended (its last attempt).
    pub(crate) fn times(&self, task: RecordId) -> [Tick; 2] {
        let record = &self.records[task as usize];
        [record.started, record.ended]
    }

    /// The state of a task run. Made when it is asked for: most say no more than their kind.
    pub(crate) fn state(&self, task: RecordId) -> State {
        let record = &self.records[task as usize];
        let state = match self.states.get(&task) {
            Some(state) => state.clone(),
            None => plain(record.kind),
        };
        match self.result(task) {
            Some(value) => state.with_value(value.clone()),
            None => state,
        }
    }
}

/// The state of a kind that says no more than its name.
pub(crate) fn plain(kind: StateKind) -> State {
    match kind {
        StateKind::Success => State::new(kind).with_message("Task run succeeded."),
        StateKind::Mapped => State::new(kind).with_message("Ready to proceed with mapping."),
        StateKind::Running => State::new(kind).with_message("Starting task run."),
        StateKind::Resume => State::new(kind).with_message("Approval given to resume."),
        _ => State::new(kind),
    }
}
