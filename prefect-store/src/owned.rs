//! A run that belongs to this process: what is recorded of it, and how far that is.
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::backend::{Change, Entry, Ownership};
use crate::store::Inner;
use crate::{Epoch, FlowChange, LogLine, Lost, Message, RunId, SlotOwner, Store, StoreError, TaskChange, Tickets};

/// A place in the order in which a store's changes are committed. What is before a committed position is committed too, or its
/// run is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

pub(crate) type Canceller = Box<dyn Fn(&str) + Send + Sync>;
pub(crate) type Listener = Box<dyn Fn(Result<Position, Lost>) + Send + Sync>;

/// What the writer knows of a run.
pub(crate) struct Recording {
    pub(crate) id: RunId,
    pub(crate) run_no: i64,
    pub(crate) proc_no: i64,
    pub(crate) epoch: Epoch,
    /// The change of the flow run that it was taken with.
    version: u32,
    /// The last transition that is committed. Only the writer's thread changes it.
    pub(crate) last_seq: AtomicU64,
    /// Set when a change that gives up the run is committed. Only the writer's thread changes it.
    pub(crate) given_up: AtomicBool,
    /// From this position on nothing is recorded.
    lost: OnceLock<(Position, Lost)>,
    listener: OnceLock<Listener>,
    /// Who is told that the run is to end, and whether he was.
    cancels: OnceLock<Canceller>,
    told_to_cancel: AtomicBool,
}

impl Recording {
    pub(crate) fn new(id: RunId, ownership: &Ownership) -> Self {
        Self {
            id,
            run_no: ownership.run_no,
            proc_no: ownership.proc_no,
            epoch: ownership.epoch,
            version: ownership.version,
            last_seq: AtomicU64::new(ownership.last_seq),
            given_up: AtomicBool::new(false),
            lost: OnceLock::new(),
            listener: OnceLock::new(),
            cancels: OnceLock::new(),
            told_to_cancel: AtomicBool::new(false),
        }
    }

    /// Nothing is recorded from this position on. The first reason counts, and only that is told.
    pub(crate) fn lose(&self, from: Position, lost: Lost) {
        let mut first = false;
        self.lost.get_or_init(|| {
            first = true;
            (from, lost.clone())
        });
        if first {
            self.tell(Err(lost));
        }
    }

    /// Whether somebody is to be told that the run is to end, and was not yet.
    pub(crate) fn can_be_cancelled(&self) -> bool {
        self.cancels.get().is_some()
            && !self.told_to_cancel.load(Ordering::Relaxed)
            && !self.given_up.load(Ordering::Relaxed)
    }

    /// Tells that the run is to end: once.
    pub(crate) fn cancel(&self, by: &str) {
        let Some(cancels) = self.cancels.get() else { return };
        if !self.told_to_cancel.swap(true, Ordering::Relaxed) {
            self.guarded(|| cancels(by));
        }
    }

    fn guarded(&self, listener: impl FnOnce()) {
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(listener)).is_err() {
            tracing::error!(target: "prefect.Store", "Run {}: who listens to it has panicked", self.id);
        }
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.get().is_some()
    }

    pub(crate) fn tell(&self, news: Result<Position, Lost>) {
        if let Some(listener) = self.listener.get() {
            self.guarded(|| listener(news));
        }
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").field("id", &self.id).field("epoch", &self.epoch).field("lost", &self.lost).finish()
    }
}

/// A run that belongs to this process.
///
/// It is given up by a [`FlowChange`] that is terminal or `Paused`. If this is dropped before, nobody runs the run any more: it
/// is recorded as `Crashed`, which does not count as the end of its process.
pub struct OwnedRun {
    recording: Arc<Recording>,
    store: Arc<Inner>,
}

impl OwnedRun {
    pub(crate) const fn new(recording: Arc<Recording>, store: Arc<Inner>) -> Self {
        Self { recording, store }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.recording.id
    }

    /// Which owner of the run this is.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.recording.epoch
    }

    /// The number of the flow run's change that it was begun or claimed with.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.recording.version
    }

    /// Records a change of a task run. Does not wait: [`on_commit`](Self::on_commit) and [`wait`](Self::wait) tell of the
    /// commit.
    #[allow(clippy::must_use_candidate, reason = "many wait for nothing")]
    pub fn record(&self, change: TaskChange) -> Position {
        self.store.queue().push(Entry::of(&self.recording, Change::Task(change)))
    }

    /// Records several changes, in this order, in one go. `None` if there are none.
    pub fn record_many(&self, changes: impl IntoIterator<Item = TaskChange>) -> Option<Position> {
        let entry = |change| Entry::of(&self.recording, Change::Task(change));
        self.store.queue().push_many(changes.into_iter().map(entry))
    }

    /// Records a change of the flow run. Does not wait.
    #[allow(clippy::must_use_candidate, reason = "many wait for nothing")]
    pub fn record_run(&self, change: FlowChange) -> Position {
        self.store.queue().push(Entry::of(&self.recording, Change::Flow(change)))
    }

    /// Records a log line. Nobody waits for it, and nothing fails because of it: lines are written together some milliseconds
    /// later, and before the end of the run. Of more than can be written some are left out, and a line says how many.
    pub fn log(&self, line: LogLine) {
        self.store.queue().push_line(&self.recording, line);
    }

    /// Calls this on the writer's thread after each commit that holds changes of this run, with the position up to which all
    /// is committed; and once, with the reason, if the run is lost. Be quick there, and do not wait for the store. A panic is
    /// logged.
    ///
    /// Only the first call has an effect; what was committed before it is not told. A listener that holds this run (not a
    /// [`Weak`](std::sync::Weak) to it) keeps it alive for ever.
    pub fn on_commit(&self, listener: Box<dyn Fn(Result<Position, Lost>) + Send + Sync>) {
        let _ = self.recording.listener.set(listener);
    }

    /// Calls this on the writer's thread if somebody has asked for the end of the run ([`Store::cancel`](crate::Store::cancel)),
    /// with who it was: once. Only the first call has an effect.
    pub fn on_cancel(&self, listener: Box<dyn Fn(&str) + Send + Sync>) {
        let _ = self.recording.cancels.set(listener);
        // The writer may be asleep, and has to look from now on.
        self.store.queue().look();
    }

    /// Who takes places for this run: a task run, by its number and index, called this; or the flow run.
    #[must_use]
    pub fn slot_owner(&self, task: Option<(u32, Option<u32>)>, name: Option<String>) -> SlotOwner {
        let Recording { id, run_no, proc_no, epoch, .. } = *self.recording;
        SlotOwner { run: id, run_no, proc_no, epoch, task, name }
    }

    /// What is sent, and to whom, if the run loses this owner. It takes the place of what an earlier owner has said. Waits for
    /// the commit: what runs after this may end the process.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn tell_of_crash(&self, notices: Vec<Message>) -> Result<(), StoreError> {
        let run = Arc::clone(&self.recording);
        self.store.call(move |writer| writer.database.set_crash_notices(&run, &notices))?
    }

    /// What tells which notification a ticket is.
    #[must_use]
    pub fn tickets(&self) -> Tickets {
        Tickets { run_no: self.recording.run_no, epoch: self.recording.epoch.0 }
    }

    /// The store that it is in.
    #[must_use]
    pub fn store(&self) -> Store {
        Store(Arc::clone(&self.store))
    }

    /// Waits until everything up to this position is committed.
    ///
    /// # Errors
    ///
    /// If something of this run up to this position is lost.
    pub fn wait(&self, position: Position) -> Result<(), Lost> {
        self.store.queue().wait(position);
        match self.recording.lost.get() {
            Some((from, lost)) if *from <= position => Err(lost.clone()),
            _ => Ok(()),
        }
    }

    /// Why the run is lost, if it is.
    #[must_use]
    pub fn lost(&self) -> Option<Lost> {
        self.recording.lost.get().map(|(_, lost)| lost.clone())
    }
}

impl fmt::Debug for OwnedRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.recording.fmt(f)
    }
}

impl Drop for OwnedRun {
    fn drop(&mut self) {
        // Also if it is lost to a full disk, say: it still belongs to this process then.
        if !self.recording.given_up.load(Ordering::Acquire) {
            self.store.queue().abandon(Arc::clone(&self.recording));
        }
    }
}
