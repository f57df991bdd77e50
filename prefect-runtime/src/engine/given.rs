//! Task runs that begin in a state that an earlier run left them in.
use std::collections::HashSet;

use super::{Engine, Flags, Mapping, RecordId, plain};
use crate::clock::Tick;
use crate::flow::graph::{TaskId, id};
use crate::{State, StateKind, StateResult};

/// Whether all children of a mapped task have ended.
pub(crate) fn mapped_has_ended<'a>(state: &State, children: impl IntoIterator<Item = &'a State>) -> bool {
    let Some(len) = state.children().filter(|_| state.kind() == StateKind::Mapped) else { return false };
    children.into_iter().try_fold(0, |ended, state| state.kind().is_finished().then_some(ended + 1)) == Some(len)
}

impl Engine {
    /// Puts a task into a state, before anything starts; one that waits goes on at `due`. After the last one:
    /// [`all_given`](Self::all_given).
    pub(crate) fn give(&mut self, task: TaskId, state: State, due: Option<Tick>) {
        if state.kind().is_finished() {
            let flags = self.give_finished(task, state);
            self.unfinished -= 1;
            self.task_finished(task, flags);
            return;
        }
        self.give_waiting(task, state, due);
    }

    /// What a mapped task and its children ended in. If one of them is to run, or it is not known how many there are, it is mapped
    /// again, and they are given to the new ones. As in [`give`](Self::give) each has the tick at which it goes on.
    pub(crate) fn give_mapped(&mut self, task: TaskId, state: &State, children: Vec<(State, Option<Tick>)>) {
        let (len, has_ended) = (id(children.len()), mapped_has_ended(state, children.iter().map(|(state, _)| state)));
        self.given_children.insert(task, children);
        if has_ended {
            self.records[task as usize].kind = StateKind::Mapped;
            // Nobody takes an element any more.
            self.open_region(task, Mapping { children: len, lists: Vec::new() });
        }
    }

    /// Works out anew what is ready.
    pub(crate) fn all_given(&mut self) {
        self.remember_set_ups();
        let waiting = self.waiting();
        let is_ready = |task: &TaskId| {
            let record = &self.records[*task as usize];
            let open = matches!(record.kind, StateKind::Pending | StateKind::Resume);
            record.waits_for == 0 && open && !waiting.contains(task)
        };
        self.ready = (0..id(self.graph.len())).filter(is_ready).collect();
    }

    /// Keeps the state of one that has not finished, and when it goes on by itself: not before all that is upstream has
    /// ended, of which something may be computed again.
    pub(super) fn give_waiting(&mut self, at: RecordId, state: State, due: Option<Tick>) {
        if let Some(due) = due {
            match self.records[at as usize].waits_for {
                0 => drop(self.scheduled.insert((due, at))),
                _ => drop(self.delayed.insert(at, due)),
            }
        }
        match (state.kind(), state.looping()) {
            (StateKind::Pending, None) => return,
            (_, looping) if looping.is_some() || state.attempt() > 1 => {
                self.attempts.insert(at, (1, state.attempt()));
            }
            _ => {}
        }
        self.records[at as usize].kind = state.kind();
        self.states.insert(at, state);
    }

    /// Keeps a finished state and its value.
    pub(super) fn give_finished(&mut self, at: RecordId, mut state: State) -> Flags {
        self.records[at as usize].kind = state.kind();
        let is_plain = state.kind() == StateKind::Success
            && matches!(state.result(), StateResult::Value(_))
            && state.message() == plain(StateKind::Success).message();
        if let Some(value) = state.take_value() {
            self.keep(at, value);
        }
        if is_plain {
            return Flags::Plain;
        }
        self.states.insert(at, state);
        Flags::Special
    }

    /// The task runs that wait for somebody.
    pub(crate) fn paused(&self) -> Vec<RecordId> {
        if self.states.is_empty() {
            return Vec::new();
        }
        let waiting = self.waiting();
        let paused = |at: &RecordId| self.kind_of(*at) == StateKind::Paused && !waiting.contains(at);
        (0..id(self.records.len())).filter(paused).collect()
    }

    /// The task runs that go on by themselves at a tick.
    fn waiting(&self) -> HashSet<RecordId> {
        self.scheduled.iter().map(|(_, at)| *at).chain(self.delayed.keys().copied()).collect()
    }

    /// A paused task run goes on.
    pub(crate) fn approve(&mut self, at: RecordId) {
        let approved = plain(StateKind::Resume).going_on_from(&self.state(at));
        self.garbage.states.extend(self.states.insert(at, approved));
        let record = &mut self.records[at as usize];
        record.kind = StateKind::Resume;
        // One whose input is computed again is released by that.
        if record.waits_for == 0 {
            self.ready.push(at);
        }
    }
}
