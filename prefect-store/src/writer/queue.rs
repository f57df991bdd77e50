//! The way to the writer's thread, and what it says back: how far all is committed.
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Writer;
use crate::Mark;
use crate::backend::Entry;
use crate::owned::{Position, Recording};

/// What is asked of the writer besides recording, in its place among the changes.
pub(crate) enum Request {
    /// Something that needs the turn.
    Call(Box<dyn FnOnce(&mut Writer) + Send>),
    /// Nobody runs this run any more.
    Abandon(Arc<Recording>),
    /// What became of notifications that this process had.
    Mark(Vec<Mark>),
    /// It has something new to look for.
    Look,
}

/// What has come since the writer looked last: the entries, and before which of them each request stands.
#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) entries: Vec<Entry>,
    pub(crate) requests: Vec<(usize, Request)>,
}

impl Inbox {
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.requests.is_empty()
    }
}

/// Why the writer wakes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    Work,
    Time,
    /// There is nothing left, and nobody will bring more.
    Closed,
}

#[derive(Default)]
struct State {
    inbox: Inbox,
    /// The position of the last entry that was pushed.
    pushed: u64,
    asleep: bool,
    closed: bool,
    /// Nobody will ever look again.
    broken: bool,
}

#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    committed: Mutex<u64>,
    progress: Condvar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Queue {
    pub(crate) fn push(&self, entry: Entry) -> Position {
        let mut state = lock(&self.state);
        state.pushed += 1;
        if !state.broken {
            state.inbox.entries.push(entry);
        }
        let position = Position(state.pushed);
        self.wake(state);
        position
    }

    pub(crate) fn push_many(&self, entries: impl Iterator<Item = Entry>) -> Option<Position> {
        // The iterator is the caller's code, which may do anything: not under the lock.
        let mut entries: Vec<_> = entries.collect();
        if entries.is_empty() {
            return None;
        }
        let mut state = lock(&self.state);
        state.pushed += entries.len() as u64;
        if !state.broken {
            state.inbox.entries.append(&mut entries);
        }
        let position = Position(state.pushed);
        self.wake(state);
        Some(position)
    }

    /// A request that nobody will look at is dropped, and whoever waits for its answer sees that.
    pub(crate) fn request(&self, request: Request) {
        let mut state = lock(&self.state);
        if state.broken {
            return;
        }
        let place = state.inbox.entries.len();
        state.inbox.requests.push((place, request));
        self.wake(state);
    }

    pub(crate) fn abandon(&self, run: Arc<Recording>) {
        self.request(Request::Abandon(run));
    }

    /// A writer that is not asleep looks by itself before it sleeps.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let asleep = std::mem::take(&mut state.asleep);
        drop(state);
        if asleep {
            self.work.notify_one();
        }
    }

    /// Nobody will bring more.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        self.wake(state);
    }

    /// The writer's thread has panicked: what it has not dealt with is dropped, and nobody waits for it.
    pub(crate) fn break_down(&self) {
        let left = {
            let mut state = lock(&self.state);
            state.broken = true;
            std::mem::take(&mut state.inbox)
        };
        drop(left);
        self.publish(u64::MAX);
    }

    /// There is something to look for from now on.
    pub(crate) fn look(&self) {
        self.request(Request::Look);
    }

    /// Waits for something to do, and exchanges `empty` for it; gives the position before its first entry.
    pub(crate) fn take(&self, empty: &mut Inbox, until: Option<Instant>) -> (Wake, u64) {
        let mut state = lock(&self.state);
        loop {
            if !state.inbox.is_empty() {
                std::mem::swap(&mut state.inbox, empty);
                return (Wake::Work, state.pushed - empty.entries.len() as u64);
            }
            if state.closed {
                return (Wake::Closed, state.pushed);
            }
            state.asleep = true;
            match until {
                None => state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        state.asleep = false;
                        return (Wake::Time, state.pushed);
                    }
                    state = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    /// Everything up to this position is committed, or its run is lost.
    pub(crate) fn publish(&self, position: u64) {
        *lock(&self.committed) = position;
        self.progress.notify_all();
    }

    pub(crate) fn wait(&self, position: Position) {
        let committed = lock(&self.committed);
        drop(self.progress.wait_while(committed, |committed| *committed < position.0));
    }
}
