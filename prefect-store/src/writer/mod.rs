//! The one thread that writes: takes what has come, commits it together, and says how far it is.
mod batch;
mod commit;
mod judge;
mod living;
mod logs;
mod queue;
mod told;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

#[cfg(feature = "postgres")]
pub(crate) use batch::Part;
pub(crate) use batch::{Batch, Row};
pub(crate) use logs::LineEntry;
pub(crate) use queue::{Queue, Request};
pub(crate) use told::{Told, ToldRow};

use crate::backend::{Change, Entry, InDoubt};
use crate::owned::{Position, Recording};
use crate::sql::Database;
use crate::{Lost, LostReason, Mark, Options, SlotOwner, Slots, SlotsWanted, StoreError, Taking};
use judge::Judge;
use living::Living;
use logs::Logbook;
use queue::{Inbox, Wake};

/// How many entries one transaction takes at most. More gain nothing, and make those wait that come next.
const BATCH: usize = 1024;

/// The state of the writer's thread.
pub(crate) struct Writer {
    pub(crate) database: Database,
    options: Options,
    queue: Arc<Queue>,
    living: Living,
    judge: Judge,
    logbook: Logbook,
    /// The last position that was dealt with.
    done: u64,
    /// The last number that was given to a taking of places.
    taking: i64,
    /// Places that could not be given back yet.
    to_give_back: Vec<Slots>,
    /// Runs that could not be given back yet.
    to_abandon: Vec<Arc<Recording>>,
    /// Runs that may have been given to this process.
    in_doubt: Vec<InDoubt>,
    /// What became of notifications, as far as that is not written.
    marks: Vec<Mark>,
}

impl Writer {
    pub(crate) fn new(database: Database, options: Options, queue: Arc<Queue>, locks: PathBuf) -> Self {
        Self {
            database,
            options,
            queue,
            living: Living::new(locks),
            judge: Judge::default(),
            logbook: Logbook::default(),
            done: 0,
            taking: 0,
            to_give_back: Vec::new(),
            to_abandon: Vec::new(),
            in_doubt: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// Works until the queue is closed and empty. Nobody waits for a thread that has panicked.
    pub(crate) fn work(mut self) {
        if catch_unwind(AssertUnwindSafe(|| self.serve())).is_err() {
            self.break_down();
        }
    }

    fn break_down(&mut self) {
        let error = StoreError::WriterGone(self.database.location().clone());
        let from = Position(self.done + 1);
        for run in self.living.runs() {
            run.lose(from, Lost { run: run.id, reason: LostReason::Unwritable(error.clone()) });
        }
        self.queue.break_down();
    }

    fn serve(&mut self) {
        let mut inbox = Inbox::default();
        loop {
            let until =
                self.living.next_sign().into_iter().chain(self.next_look()).chain(self.logbook.next_work()).min();
            let (wake, before) = self.queue.take(&mut inbox, until);
            self.give_sign();
            match wake {
                Wake::Work => self.empty(&mut inbox, before),
                Wake::Time => {}
                Wake::Closed => break,
            }
            // One that cannot be written stays, and is tried again the next time.
            let _ = self.write_marks();
            self.look_for_cancels();
            self.keep_the_logbook();
            self.give_back();
            self.abandon_all();
            self.clear_doubts();
            self.database.tidy();
        }
        self.write_last_lines();
        self.sign_off();
    }

    /// Does what is in the inbox, in its order.
    fn empty(&mut self, inbox: &mut Inbox, before: u64) {
        // Who waits for the end of a run finds all its lines.
        if inbox
            .entries
            .iter()
            .any(|entry| matches!(&entry.change, Change::Flow(change) if change.state.gives_up_ownership()))
        {
            self.write_lines();
        }
        let mut done = 0;
        for (place, request) in inbox.requests.drain(..) {
            self.record(&inbox.entries[done..place], before + done as u64);
            done = place;
            // There may be many, and each may take its time.
            self.give_sign();
            match request {
                Request::Call(call) => call(self),
                Request::Abandon(run) => self.abandon(run),
                Request::Mark(marks) => self.marks.extend(marks),
                Request::Look => {}
            }
        }
        self.record(&inbox.entries[done..], before + done as u64);
        inbox.entries.clear();
        inbox.entries.shrink_to(8 * BATCH);
    }

    fn record(&mut self, entries: &[Entry], mut before: u64) {
        for (number, batch) in entries.chunks(BATCH).enumerate() {
            if number > 0 {
                self.give_sign();
            }
            self.commit(batch, before);
            before += batch.len() as u64;
        }
    }

    /// Takes places, all or none. What is to be given back goes first.
    pub(crate) fn take_slots(&mut self, owner: &SlotOwner, wanted: &SlotsWanted) -> Result<Taking, StoreError> {
        self.give_back();
        self.taking += 1;
        let taken = self.database.take_slots(owner, wanted, self.taking, self.lease_time());
        if taken.is_err() {
            // They may be taken, and only the answer lost.
            self.to_give_back.push(Slots { proc_no: owner.proc_no, taking: self.taking });
        }
        taken
    }

    /// Gives places back, now or as soon as the store can be written.
    pub(crate) fn give_back_slots(&mut self, slots: Slots) {
        self.to_give_back.push(slots);
        self.give_back();
    }

    /// Takes the process of this one out of lines. If that fails it holds up others for as long as they believe that it waits.
    pub(crate) fn leave_lines(&mut self, owner: &SlotOwner, names: &[String]) {
        if let Err(error) = self.database.leave_lines(owner.proc_no, names) {
            tracing::debug!(target: "prefect.Store", "Nobody can be told that no place is waited for any more: {error}");
        }
    }

    fn give_back(&mut self) {
        while let Some(slots) = self.to_give_back.last() {
            if let Err(error) = self.database.give_back(slots) {
                tracing::warn!(target: "prefect.Store", "Places could not be given back, which is tried again: {error}");
                return;
            }
            self.to_give_back.pop();
        }
    }

    fn abandon(&mut self, run: Arc<Recording>) {
        if run.given_up.load(Ordering::Relaxed) {
            return;
        }
        self.to_abandon.push(run);
        self.abandon_all();
    }

    /// Gives back what could not be given back before: nobody else may take it while this process lives.
    fn abandon_all(&mut self) {
        while let Some(run) = self.to_abandon.last() {
            if let Err(error) = self.database.abandon(run, self.options.clock.now()) {
                tracing::warn!(
                    target: "prefect.Store", "Run {} cannot be given back, which is tried again: {error}", run.id
                );
                return;
            }
            self.to_abandon.pop();
        }
    }
}
