//! The engine: which task runs are ready, what a finished one releases, when a run is over.
//!
//! It decides and does nothing else: no I/O, no clock, no user code. The same calls in the same order give the same
//! answers, so that every executor, and a model in a test, can step it.
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::clock::Tick;
use crate::flow::Passed;
use crate::flow::graph::{Graph, TaskId, id};
use crate::{State, StateKind, Value};

/// A task run to be started.
pub(crate) struct Job {
    pub(crate) task: TaskId,
    /// Grows each time that the task run opens again: who writes for an older one is refused.
    pub(crate) attempt: u32,
    /// The attempt as Prefect counts it, from 1.
    pub(crate) run_count: u32,
    /// How many entries of the batch's `passed` are its own.
    pub(crate) passed: u32,
    /// What only some have.
    pub(crate) more: Option<Box<More>>,
}

/// See [`Job::more`].
#[derive(Default)]
pub(crate) struct More {
    /// The state it is in, if not plainly `Pending`.
    pub(crate) old: Option<State>,
    /// The states of all that is upstream, one for each task, if they are not all plain successes or if they are asked for.
    pub(crate) upstream: Option<Vec<State>>,
    /// Whether it comes back from a pause.
    pub(crate) resumed: bool,
}

/// Jobs that one worker took, and what their edges bring, job by job.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) jobs: Vec<Job>,
    pub(crate) passed: Vec<Passed>,
}

impl Batch {
    /// The last job; what its edges bring goes into `passed`.
    #[inline]
    pub(crate) fn pop(&mut self, passed: &mut Vec<Passed>) -> Option<Job> {
        let job = self.jobs.pop()?;
        let at = self.passed.len() - job.passed as usize;
        debug_assert!(passed.is_empty(), "nothing may be dropped under the lock that a caller holds");
        passed.extend(self.passed.drain(at..));
        Some(job)
    }

    /// The first half of the jobs, rounded up, moves to `other`.
    pub(crate) fn give_half(&mut self, other: &mut Self) {
        let half = self.jobs.len().div_ceil(2);
        let passed: u32 = self.jobs[..half].iter().map(|job| job.passed).sum();
        other.jobs.extend(self.jobs.drain(..half));
        other.passed.extend(self.passed.drain(..passed as usize));
    }
}

/// A task run that has ended, or waits.
pub(crate) struct Done {
    pub(crate) task: TaskId,
    pub(crate) attempt: u32,
    pub(crate) started: Tick,
    pub(crate) ended: Tick,
    pub(crate) end: End,
}

/// How a task run ended.
pub(crate) enum End {
    /// With the result of its body, and the message that says so.
    Success(Value),
    /// In any other state; a scheduled one with the tick at which it goes on, if there is one.
    State(Box<State>, Option<Tick>),
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
    value: Option<Value>,
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
    ready: VecDeque<TaskId>,
    /// Task runs that go on at a tick.
    scheduled: BTreeSet<(Tick, TaskId)>,
    /// The states that say more than their kind.
    states: HashMap<TaskId, State>,
    /// Attempts and run counts, where there was more than one.
    attempts: HashMap<TaskId, (u32, u32)>,
    unfinished: usize,
    pub(crate) garbage: Garbage,
}

/// What nobody needs any more: to be dropped outside every lock, because destructors are user code.
#[derive(Default)]
pub(crate) struct Garbage {
    values: Vec<Value>,
    states: Vec<State>,
}

impl Garbage {
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.states.is_empty()
    }

    pub(crate) fn append(&mut self, other: &mut Self) {
        self.values.append(&mut other.values);
        self.states.append(&mut other.states);
    }

    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.states.clear();
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
        let mut records: Vec<_> = (0..id(graph.len()))
            .map(|task| Record {
                waits_for: id(graph.upstream(task).len()),
                readers: id(readers.of(task).len()) + all,
                upstream: Flags::Plain,
                kind: StateKind::Pending,
                started: 0,
                ended: 0,
                value: None,
            })
            .collect();
        for task in kept {
            records[*task as usize].readers += 1;
        }
        let ready = (0..id(records.len())).filter(|task| records[*task as usize].waits_for == 0).collect();
        Self {
            graph: Arc::clone(graph),
            unfinished: records.len(),
            records,
            ready,
            scheduled: BTreeSet::new(),
            states: HashMap::new(),
            attempts: HashMap::new(),
            garbage: Garbage::default(),
        }
    }

    /// The engine, with nothing left in its place.
    pub(crate) fn take_out(&mut self) -> Self {
        let nothing = Self {
            graph: Arc::clone(&self.graph),
            records: Vec::new(),
            ready: VecDeque::new(),
            scheduled: BTreeSet::new(),
            states: HashMap::new(),
            attempts: HashMap::new(),
            unfinished: 0,
            garbage: Garbage::default(),
        };
        std::mem::replace(self, nothing)
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
        while let Some((tick, task)) = self.scheduled.first().copied()
            && tick <= now
        {
            self.scheduled.pop_first();
            self.ready.push_back(task);
        }
    }

    pub(crate) fn kind_of(&self, task: TaskId) -> StateKind {
        self.records[task as usize].kind
    }

    /// The attempt that is open, and its run count, both from 1.
    fn attempt(&self, task: TaskId) -> (u32, u32) {
        self.attempts.get(&task).copied().unwrap_or((1, 1))
    }

    /// How often a task run was tried, as Prefect counts.
    pub(crate) fn attempts_made(&self, task: TaskId) -> u32 {
        match self.kind_of(task) {
            // The count is that of the next attempt already.
            StateKind::Retrying => self.attempt(task).1 - 1,
            StateKind::Pending => 0,
            _ => self.attempt(task).1,
        }
    }

    /// The times at which a task run started and ended (its last attempt).
    pub(crate) fn times(&self, task: TaskId) -> [Tick; 2] {
        let record = &self.records[task as usize];
        [record.started, record.ended]
    }

    /// The state of a task run. Made when it is asked for: most say no more than their kind.
    pub(crate) fn state(&self, task: TaskId) -> State {
        let record = &self.records[task as usize];
        let state = match self.states.get(&task) {
            Some(state) => state.clone(),
            None => plain(record.kind),
        };
        match &record.value {
            Some(value) => state.with_value(value.clone()),
            None => state,
        }
    }

    /// Records what has ended, and releases what waited for it.
    pub(crate) fn complete(&mut self, done: &mut Vec<Done>) {
        for done in done.drain(..) {
            self.complete_one(done);
        }
    }

    fn complete_one(&mut self, done: Done) {
        let task = done.task;
        // Someone who was given up writes too late: what he brings belongs to an attempt that is over.
        if done.attempt != self.attempt(task).0 || self.records[task as usize].kind.is_finished() {
            match done.end {
                End::Success(value) => self.garbage.values.push(value),
                End::State(state, _) => self.garbage.states.push(*state),
            }
            return;
        }
        let record = &mut self.records[task as usize];
        record.started = done.started;
        record.ended = done.ended;
        let flags = match done.end {
            End::Success(value) => {
                record.kind = StateKind::Success;
                self.keep(task, value);
                Flags::Plain
            }
            End::State(mut state, due) => {
                record.kind = state.kind();
                if !state.kind().is_finished() {
                    let (attempt, run_count) = self.attempt(task);
                    let run_count = match state.kind() {
                        StateKind::Retrying => state.run_count().unwrap_or(run_count) + 1,
                        StateKind::Pending => 1,
                        _ => run_count,
                    };
                    self.attempts.insert(task, (attempt + 1, run_count));
                    self.garbage.states.extend(self.states.insert(task, *state));
                    if let Some(due) = due {
                        self.scheduled.insert((due, task));
                    }
                    return;
                }
                if let Some(value) = state.take_value() {
                    self.keep(task, value);
                }
                self.garbage.states.extend(self.states.insert(task, *state));
                Flags::Special
            }
        };
        self.unfinished -= 1;
        for i in 0..self.graph.upstream(task).len() {
            let upstream = self.graph.upstream(task)[i];
            self.release_value(upstream);
        }
        let graph = &self.graph;
        for reader in graph.readers().of(task) {
            let record = &mut self.records[*reader as usize];
            if flags == Flags::Special {
                record.upstream = Flags::Special;
            }
            record.waits_for -= 1;
            if record.waits_for == 0 {
                self.ready.push_back(*reader);
            }
        }
    }

    /// Keeps the value of a task run for its readers, if it has any.
    fn keep(&mut self, task: TaskId, value: Value) {
        let record = &mut self.records[task as usize];
        if record.readers > 0 {
            record.value = Some(value);
        } else {
            self.garbage.values.push(value);
        }
    }

    /// One reader less: the last one frees the value.
    fn release_value(&mut self, upstream: TaskId) {
        let record = &mut self.records[upstream as usize];
        record.readers -= 1;
        if record.readers == 0
            && let Some(value) = record.value.take()
        {
            self.garbage.values.push(value);
        }
    }

    /// Takes up to `max` ready task runs, the last released first.
    pub(crate) fn take(&mut self, max: usize, batch: &mut Batch) {
        while batch.jobs.len() < max
            && let Some(task) = self.ready.pop_back()
        {
            self.start(task, batch);
        }
    }

    /// Takes this task run, if it is ready.
    pub(crate) fn take_task(&mut self, task: TaskId, batch: &mut Batch) -> bool {
        let Some(i) = self.ready.iter().position(|ready| *ready == task) else { return false };
        self.ready.remove(i);
        self.start(task, batch);
        true
    }

    #[inline]
    fn start(&mut self, task: TaskId, batch: &mut Batch) {
        let kind = self.graph.kind(task);
        let record = &self.records[task as usize];
        let plain = record.upstream == Flags::Plain
            && kind.definition.trigger.0.is_none()
            && !kind.wants_states
            && record.kind == StateKind::Pending
            // A handler may have sent it back to `Pending`: then it is in another attempt, and in a state that says more.
            && (self.attempts.is_empty() || !self.attempts.contains_key(&task));
        let mut job = Job { task, attempt: 1, run_count: 1, passed: 0, more: None };
        if plain {
            let data = self.graph.data_upstream(task);
            for upstream in data {
                let value = self.records[*upstream as usize].value.clone();
                // A plain success has the value of its body as long as a reader is left: this one.
                batch.passed.push(Passed::Value(value.expect("a plain success keeps its value for its readers")));
            }
            job.passed = id(data.len());
        } else {
            self.start_special(&mut job, batch);
        }
        self.records[task as usize].kind = StateKind::Running;
        batch.jobs.push(job);
    }

    #[cold]
    fn start_special(&mut self, job: &mut Job, batch: &mut Batch) {
        let task = job.task;
        let wants_states = self.graph.kind(task).wants_states;
        let data = self.graph.data_upstream(task).len();
        for i in 0..data {
            let mut state = self.state(self.graph.data_upstream(task)[i]);
            let value = if !wants_states && state.kind().is_successful() { state.take_value() } else { None };
            batch.passed.push(value.map_or_else(|| Passed::State(Box::new(state)), Passed::Value));
        }
        job.passed = id(data);
        // A trigger counts each upstream task once, however many inputs it gives.
        let mut upstream = self.graph.upstream(task).to_vec();
        upstream.sort_unstable();
        upstream.dedup();
        let states = upstream.into_iter().map(|upstream| self.state(upstream)).collect();
        (job.attempt, job.run_count) = self.attempt(task);
        let old = self.states.remove(&task);
        let resumed = old.as_ref().is_some_and(|old| matches!(old.kind(), StateKind::Resume | StateKind::Paused));
        job.more = Some(Box::new(More { old, upstream: Some(states), resumed }));
    }
}

/// The state of a kind that says no more than its name.
pub(crate) fn plain(kind: StateKind) -> State {
    match kind {
        StateKind::Success => State::new(kind).with_message("Task run succeeded."),
        StateKind::Running => State::new(kind).with_message("Starting task run."),
        _ => State::new(kind),
    }
}
