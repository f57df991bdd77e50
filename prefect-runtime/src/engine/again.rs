//! Resources that are set up again.
//!
//! Before a task run goes on that has waited, mostly for a retry, the resources of its blocks are set up again. It sees
//! them fresh, and so does all that waits for it. Everybody else goes on with what was there: what does not wait for the
//! retry must not depend on which of the two comes first, which is up to the executor.
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::{Batch, Engine, Flags, RecordId};
use crate::flow::graph::{TaskId, id};
use crate::{State, StateKind, Value};

/// What there is to know while resources are set up again. Empty in most runs.
#[derive(Default)]
pub(super) struct Again {
    /// By set-up that is open again: the task runs that go on when it has ended.
    held: HashMap<TaskId, Vec<RecordId>>,
    /// By task run that has not finished: the set-ups that it sees as they were.
    earlier: HashMap<RecordId, Vec<Arc<Earlier>>>,
    /// The set-ups that had run before the engine began.
    left_from_before: HashSet<TaskId>,
}

impl Again {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.earlier.is_empty()
    }
}

/// What a set-up ended in before it was opened again.
#[derive(Clone)]
struct Earlier {
    set_up: TaskId,
    kind: StateKind,
    state: Option<State>,
    value: Option<Value>,
}

/// Which of the set-ups around it run again before a task run goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stale {
    /// All: it has been tried with them.
    All,
    /// It was tried before the engine began: those that had not run by then are new to it.
    LeftFromBefore,
}

/// What happens to one set-up while task runs go on.
#[derive(Default)]
struct Turn {
    /// Those that wait for it.
    held: Vec<RecordId>,
    /// If it was opened just now.
    earlier: Option<Arc<Earlier>>,
}

impl Engine {
    /// Task runs whose time has come go on, after the resources of their blocks have been set up again.
    pub(super) fn set_up_before(&mut self, due: Vec<RecordId>) {
        let mut turns: BTreeMap<TaskId, Turn> = BTreeMap::new();
        let mut open: Vec<_> = due.into_iter().map(|at| (at, self.stale_for(at))).collect();
        // Those first for whom more is set up again: the others wait for that too.
        open.sort_by_key(|(_, stale)| *stale == Stale::All);
        while let Some((at, stale)) = open.pop() {
            let around = self.resources_around(at);
            for set_up in around.iter().copied() {
                if self.kind_of(set_up).is_finished() && self.is_stale(set_up, stale, &around) {
                    let earlier = Arc::new(self.reopen(set_up));
                    turns.entry(set_up).or_default().earlier = Some(earlier);
                    // It may lie in the block of another resource.
                    open.push((set_up, stale));
                }
                if let Some(held) = self.again.held.get_mut(&set_up) {
                    held.push(at);
                    turns.entry(set_up).or_default().held.push(at);
                    self.records[at as usize].waits_for += 1;
                }
            }
            if self.records[at as usize].waits_for == 0 {
                self.ready.push(at);
            }
        }
        for (set_up, turn) in turns {
            self.tell_apart(set_up, turn);
        }
    }

    /// What is given has been given: from here on it is the engine that sets up.
    pub(super) fn remember_set_ups(&mut self) {
        let set_ups = self.graph.resource_blocks().iter().map(|block| block.set_up);
        self.again.left_from_before = set_ups.filter(|set_up| self.kind_of(*set_up).is_finished()).collect();
    }

    /// Each attempt that is opened here has a number of its own: the first one was given, and not tried here.
    fn stale_for(&self, at: RecordId) -> Stale {
        if self.attempt(at).0 == 1 { Stale::LeftFromBefore } else { Stale::All }
    }

    /// Whether a set-up that has finished runs again before a task run goes on that all these are around.
    fn is_stale(&self, set_up: TaskId, stale: Stale, around: &[TaskId]) -> bool {
        let by_itself = |set_up: &TaskId| stale == Stale::All || self.again.left_from_before.contains(set_up);
        let is_renewed = |set_up: &TaskId| by_itself(set_up) || self.again.held.contains_key(set_up);
        // It was made of what the task run is not to see any more.
        let lies_in = |outer: &TaskId| {
            let mut blocks = self.graph.resource_blocks().iter().filter(|block| block.set_up == *outer);
            blocks.any(|block| block.contains(&self.graph, set_up))
        };
        by_itself(&set_up) || around.iter().any(|outer| is_renewed(outer) && lies_in(outer))
    }

    /// The set-ups of the resources that are there for a task run, each once.
    fn resources_around(&self, at: RecordId) -> Vec<TaskId> {
        let task = self.run_id(at).task;
        let blocks = self.graph.resource_blocks().iter();
        let around = blocks.filter(|block| !self.kind_of(block.clean_up).is_finished());
        let mut set_ups: Vec<_> =
            around.filter(|block| block.contains(&self.graph, task)).map(|block| block.set_up).collect();
        set_ups.sort_unstable();
        set_ups.dedup();
        set_ups
    }

    /// A set-up that has finished is to run once more, as if for the first time.
    fn reopen(&mut self, set_up: TaskId) -> Earlier {
        let (attempt, _) = self.attempt(set_up);
        self.attempts.insert(set_up, (attempt + 1, 1));
        self.unfinished += 1;
        self.again.held.insert(set_up, Vec::new());
        let state = self.states.remove(&set_up);
        let record = &mut self.records[set_up as usize];
        let kind = std::mem::replace(&mut record.kind, StateKind::Pending);
        Earlier { set_up, kind, state, value: self.results[set_up as usize].take() }
    }

    /// Which readers of a set-up wait for it, and which see it as it was.
    fn tell_apart(&mut self, set_up: TaskId, turn: Turn) {
        // The readers of an inner set-up do not wait for it: it is run again beside them.
        let due = turn.held.iter().copied().filter(|at| !self.again.held.contains_key(at)).collect();
        let mut fresh = self.waiting_for(due);
        fresh.extend(turn.held);
        for reader in self.open_readers(set_up) {
            // It has to look at the states from now on.
            self.records[reader as usize].upstream = Flags::Special;
            if fresh.contains(&reader) {
                self.forget_earlier(reader, set_up);
            } else if let Some(earlier) = &turn.earlier {
                let seen = self.again.earlier.entry(reader).or_default();
                if seen.iter().all(|seen| seen.set_up != set_up) {
                    seen.push(Arc::clone(earlier));
                }
            }
        }
        if let Some(earlier) = turn.earlier {
            self.let_go(earlier);
        }
    }

    /// The direct readers of a task that have not finished.
    fn open_readers(&self, task: TaskId) -> Vec<RecordId> {
        let mut tasks = self.graph.readers().of(task).to_vec();
        tasks.dedup();
        let runs = tasks.into_iter().flat_map(|task| self.children(task).unwrap_or(task..task + 1));
        runs.filter(|at| !self.kind_of(*at).is_finished()).collect()
    }

    /// All that cannot run before one of these task runs has finished.
    fn waiting_for(&self, mut open: Vec<RecordId>) -> HashSet<RecordId> {
        let mut reached = HashSet::new();
        while let Some(at) = open.pop() {
            let run = self.run_id(at);
            for same in self.graph.readers().of(run.task).chunk_by(|a, b| a == b) {
                let reader = same[0];
                let next = match (run.child, self.children(reader)) {
                    (Some(child), Some(mut theirs)) => theirs.nth(child as usize),
                    // It takes the children one by one, and may be mapped without this one.
                    (Some(_), None) if self.graph.element_edges(run.task, reader) == id(same.len()) => None,
                    _ => Some(reader),
                };
                open.extend(next.filter(|next| reached.insert(*next)));
            }
        }
        reached
    }

    /// The last one that sees what a set-up was lets go of it.
    fn let_go(&mut self, earlier: Arc<Earlier>) {
        if let Some(earlier) = Arc::into_inner(earlier) {
            self.discard(earlier);
        }
    }

    fn discard(&mut self, earlier: Earlier) {
        self.garbage.states.extend(earlier.state);
        self.garbage.values.extend(earlier.value);
    }

    fn forget_earlier(&mut self, reader: RecordId, set_up: TaskId) {
        let Some(seen) = self.again.earlier.get_mut(&reader) else { return };
        let forgotten: Vec<_> = seen.extract_if(.., |seen| seen.set_up == set_up).collect();
        if seen.is_empty() {
            self.again.earlier.remove(&reader);
        }
        for earlier in forgotten {
            self.let_go(earlier);
        }
    }

    /// Children see what their parent saw.
    pub(super) fn inherit_earlier(&mut self, task: TaskId, children: Range<RecordId>) {
        let seen = self.again.earlier.remove(&task).unwrap_or_default();
        if !seen.is_empty() {
            self.again.earlier.extend(children.map(|child| (child, seen.clone())));
        }
        for earlier in seen {
            self.let_go(earlier);
        }
    }

    #[inline]
    pub(super) fn sees_earlier(&self, at: RecordId) -> bool {
        self.again.earlier.contains_key(&at)
    }

    /// Starts a task run for which some set-ups are what they were.
    #[cold]
    pub(super) fn start_with_earlier(&mut self, at: RecordId, batch: &mut Batch) {
        let seen = self.again.earlier[&at].clone();
        let latest: Vec<_> = seen.iter().map(|earlier| self.exchange(Earlier::clone(earlier))).collect();
        self.start_with_latest(at, batch);
        for latest in latest {
            let earlier = self.exchange(latest);
            self.discard(earlier);
        }
    }

    fn exchange(&mut self, other: Earlier) -> Earlier {
        let Earlier { set_up, kind, state, value } = other;
        let before = match state {
            Some(state) => self.states.insert(set_up, state),
            None => self.states.remove(&set_up),
        };
        let record = &mut self.records[set_up as usize];
        let kind = std::mem::replace(&mut record.kind, kind);
        let value = std::mem::replace(&mut self.results[set_up as usize], value);
        Earlier { set_up, kind, state: before, value }
    }

    /// A task run has finished. True if it is a set-up that was open again: who waited for it goes on, and the others
    /// have been released when it had finished for the first time.
    pub(super) fn ended_again(&mut self, at: RecordId, flags: Flags) -> bool {
        for earlier in self.again.earlier.remove(&at).into_iter().flatten() {
            self.let_go(earlier);
        }
        let Some(held) = self.again.held.remove(&at) else { return false };
        for at in held {
            self.release(at, 1, flags);
        }
        true
    }

    /// A task has finished: if it is a clean-up, what the resource was made of is not needed any more.
    pub(super) fn give_up_resources(&mut self, task: TaskId) {
        let graph = Arc::clone(&self.graph);
        for block in graph.cleaned_up_by(task) {
            for upstream in graph.upstream(block.set_up) {
                self.release_result(*upstream);
            }
        }
    }
}
