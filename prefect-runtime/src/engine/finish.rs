//! What a task run that has ended releases.
use std::sync::Arc;

use super::{Done, End, Engine, Flags, Other, RecordId};
use crate::clock::Tick;
use crate::flow::graph::{TaskId, id};
use crate::{State, StateKind};

impl Engine {
    /// Records what has ended, and releases what waited for it.
    pub(crate) fn complete(&mut self, done: &mut Vec<Done>) {
        for done in done.drain(..) {
            self.complete_one(done);
        }
    }

    fn complete_one(&mut self, done: Done) {
        let at = done.record;
        // Someone who was given up writes too late: what he brings belongs to an attempt that is over.
        if done.attempt != self.attempt(at).0 || self.records[at as usize].kind.is_finished() {
            match done.end {
                End::Success(value) => self.garbage.values.push(value),
                End::Other(other) => match *other {
                    Other::Mapped(mapping) => self.garbage.lists.extend(mapping.lists),
                    Other::State(state, _) => self.garbage.states.push(state),
                },
            }
            return;
        }
        let record = &mut self.records[at as usize];
        record.started = done.started;
        record.ended = done.ended;
        let flags = match done.end {
            End::Success(value) => {
                record.kind = StateKind::Success;
                self.keep(at, value);
                Flags::Plain
            }
            End::Other(other) => match *other {
                Other::Mapped(mapping) => {
                    record.kind = StateKind::Mapped;
                    return self.open_region(at, mapping);
                }
                Other::State(state, due) if !state.kind().is_finished() => return self.open_again(at, state, due),
                Other::State(mut state, _) => {
                    record.kind = state.kind();
                    if let Some(value) = state.take_value() {
                        self.keep(at, value);
                    }
                    self.garbage.states.extend(self.states.insert(at, state));
                    Flags::Special
                }
            },
        };
        self.unfinished -= 1;
        if !self.again.is_empty() && self.ended_again(at, flags) {
            return;
        }
        if (at as usize) < self.graph.len() {
            self.task_finished(at, flags);
        } else {
            self.child_finished(at, flags);
        }
    }

    /// A task run goes on later.
    fn open_again(&mut self, at: RecordId, state: State, due: Option<Tick>) {
        self.records[at as usize].kind = state.kind();
        let (attempt, run_count) = self.attempt(at);
        let run_count = match state.kind() {
            StateKind::Retrying => state.run_count().unwrap_or(run_count) + 1,
            StateKind::Pending => 1,
            _ => run_count,
        };
        self.attempts.insert(at, (attempt + 1, run_count));
        let loops = state.begins_iteration();
        // Somebody may let it go on in another run.
        let state = match state.kind() {
            StateKind::Paused if run_count > 1 => state.with_run_count(run_count),
            _ => state,
        };
        self.garbage.states.extend(self.states.insert(at, state));
        if loops {
            self.ready.push(at);
        } else if let Some(due) = due {
            self.scheduled.insert((due, at));
        }
    }

    #[inline]
    pub(super) fn task_finished(&mut self, task: TaskId, flags: Flags) {
        for i in 0..self.graph.upstream(task).len() {
            let upstream = self.graph.upstream(task)[i];
            self.release_result(upstream);
        }
        if !self.graph.resource_blocks().is_empty() {
            self.give_up_resources(task);
        }
        if self.graph.mapped.is_empty() {
            for i in 0..self.graph.readers().of(task).len() {
                let reader = self.graph.readers().of(task)[i];
                self.release(reader, 1, flags);
            }
        } else {
            self.release_readers(task, flags, |_, all| all);
        }
    }

    /// Releases the readers of a task: `edges` says for how many edges, told those that bring elements to it, and all.
    pub(super) fn release_readers(&mut self, task: TaskId, flags: Flags, edges: impl Fn(u32, u32) -> u32) {
        let graph = Arc::clone(&self.graph);
        // The edges of one reader lie side by side.
        for same in graph.readers().of(task).chunk_by(|a, b| a == b) {
            let all = id(same.len());
            let edges = edges(graph.element_edges(task, same[0]), all);
            if edges > 0 {
                self.release(same[0], edges, flags);
            }
        }
    }

    /// So many edges less to wait for.
    #[inline]
    pub(super) fn release(&mut self, reader: RecordId, edges: u32, flags: Flags) {
        let record = &mut self.records[reader as usize];
        if flags == Flags::Special {
            record.upstream = Flags::Special;
        }
        record.waits_for -= edges;
        if record.waits_for > 0 {
            return;
        }
        if record.kind == StateKind::Pending && self.delayed.is_empty() && self.cleaning.is_none() {
            self.ready.push(reader);
        } else {
            self.release_special(reader);
        }
    }

    /// The same for one that an earlier run has left in some state, or while a run that was cancelled is cleaned up.
    #[cold]
    fn release_special(&mut self, at: RecordId) {
        let starts = self.cleaning.as_ref().is_none_or(|cleaning| cleaning.contains(&at));
        if !starts || self.kind_of(at).is_finished() {
            return;
        }
        if let Some(due) = self.delayed.remove(&at) {
            self.scheduled.insert((due, at));
        } else if self.records[at as usize].is_released() {
            self.ready.push(at);
        }
    }
}
