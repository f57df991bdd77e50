//! The one thread that writes: takes what has come, commits it together, and says how far it is.
mod batch;
mod living;
mod logs;
mod queue;
mod told;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

#[cfg(feature = "postgres")]
pub(crate) use batch::Part;
pub(crate) use batch::{Batch, Row};
pub(crate) use logs::LineEntry;
pub(crate) use queue::{Queue, Request};
pub(crate) use told::{Told, ToldRow};

use crate::backend::{Change, Entry, Recorded};
use crate::owned::{Position, Recording};
use crate::sql::Database;
use crate::{Found, Lost, LostReason, Mark, Options, SlotOwner, Slots, SlotsWanted, StoreError, Taking};
use batch::Misfit;
use living::Living;
use logs::Logbook;
use queue::{Inbox, Wake};

/// How many entries one transaction takes at most. More gain nothing, and make those wait that come next.
const BATCH: usize = 1024;

/// How long is waited between two tries at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(1));

/// The state of the writer's thread.
pub(crate) struct Writer {
    pub(crate) database: Database,
    options: Options,
    queue: Arc<Queue>,
    living: Living,
    logbook: Logbook,
    /// The last position that was dealt with.
    done: u64,
    /// The last number that was given to a taking of places.
    taking: i64,
    /// Places that could not be given back yet.
    to_give_back: Vec<Slots>,
    /// Runs that could not be given back yet.
    to_abandon: Vec<Arc<Recording>>,
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
            logbook: Logbook::default(),
            done: 0,
            taking: 0,
            to_give_back: Vec::new(),
            to_abandon: Vec::new(),
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
            self.database.tidy();
        }
        self.write_lines();
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
        for batch in entries.chunks(BATCH) {
            self.commit(batch, before);
            before += batch.len() as u64;
        }
    }

    /// Commits these entries, whatever it takes. What cannot be committed is lost, and told to who waits for it.
    fn commit(&mut self, entries: &[Entry], before: u64) {
        let position = |entry: usize| Position(before + 1 + entry as u64);
        let mut cuts = Cuts::default();
        let mut trouble = Trouble::default();
        let parts = loop {
            let batch = match Batch::compose(entries, |i, run| !run.is_lost() && cuts.spare(i, run)) {
                Ok(batch) => batch,
                Err(misfit) => {
                    let (entry, reason) = refused_by_batch(entries, &misfit);
                    cuts.add(&entries[entry].run, entry, reason);
                    continue;
                }
            };
            if batch.parts.is_empty() {
                break Vec::new();
            }
            match self.database.record(&batch).and_then(|recorded| self.settle(recorded, &batch, &mut cuts)) {
                Ok(Settled::Done { lost }) => {
                    let mut number = 0..;
                    let mut parts = batch.parts;
                    parts.retain(|_| number.next().is_some_and(|number| !lost.contains(&number)));
                    break parts;
                }
                Ok(Settled::Again) => {}
                Err(error) if error.may_pass() && trouble.lasted() < self.options.keep_trying => {
                    trouble.pause(&error, entries.len());
                    self.give_sign();
                }
                Err(error) => {
                    tracing::error!(target: "prefect.Store", "{} changes cannot be recorded: {error}", entries.len());
                    for (number, part) in batch.parts.iter().enumerate() {
                        cuts.add(&part.run, batch.first_of(number), LostReason::Unwritable(error.clone()));
                    }
                }
            }
        };
        trouble.over();
        for part in &parts {
            part.run.last_seq.store(part.seq, Ordering::Relaxed);
            part.run.given_up.store(part.gives_up, Ordering::Release);
        }
        for (run, entry, reason) in cuts.0 {
            let run_id = run.id;
            run.lose(position(entry), Lost { run: run_id, reason });
        }
        let end = Position(before + entries.len() as u64);
        self.done = end.0;
        for part in &parts {
            if !part.run.is_lost() {
                part.run.tell(Ok(end));
            }
        }
        self.queue.publish(end.0);
    }

    /// What follows from what became of a batch.
    fn settle(&mut self, recorded: Recorded, batch: &Batch<'_>, cuts: &mut Cuts) -> Result<Settled, StoreError> {
        let fenced = match recorded {
            Recorded::Committed { fenced } => fenced,
            Recorded::Refused { entry, found } => {
                let change = &batch.entries[entry];
                cuts.add(&change.run, entry, refusal(&change.change, found));
                return Ok(Settled::Again);
            }
        };
        let mut lost = Vec::new();
        for number in fenced {
            let part = &batch.parts[number];
            let reason = match self.database.standing(part.run.run_no)? {
                None => LostReason::Deleted,
                Some(now) if now.epoch == part.run.epoch => {
                    // Nobody else writes transitions of a run that has an owner: this very batch was committed, and the
                    // answer was lost.
                    if now.last_seq == part.seq {
                        continue;
                    }
                    LostReason::GivenUp
                }
                Some(now) => LostReason::TakenOver { by: now.owner, state: now.state },
            };
            cuts.add(&part.run, batch.first_of(number), reason);
            lost.push(number);
        }
        Ok(Settled::Done { lost })
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

enum Settled {
    /// All is committed but for these parts.
    Done { lost: Vec<usize> },
    /// Nothing is: once more, without what was cut.
    Again,
}

/// From which entry on runs are lost.
#[derive(Default)]
struct Cuts(Vec<(Arc<Recording>, usize, LostReason)>);

impl Cuts {
    fn add(&mut self, run: &Arc<Recording>, entry: usize, reason: LostReason) {
        match self.0.iter_mut().find(|(cut, ..)| Arc::ptr_eq(cut, run)) {
            // Of two reasons, the one that comes first in the run.
            Some(cut) if entry < cut.1 => (cut.1, cut.2) = (entry, reason),
            Some(_) => {}
            None => self.0.push((Arc::clone(run), entry, reason)),
        }
    }

    /// Whether this entry of this run is before its cut.
    fn spare(&self, entry: usize, run: &Recording) -> bool {
        self.0.iter().all(|(cut, from, _)| !std::ptr::eq(Arc::as_ptr(cut), run) || entry < *from)
    }
}

/// A batch that cannot be written for now.
#[derive(Default)]
struct Trouble {
    since: Option<Instant>,
    pause: Duration,
}

impl Trouble {
    fn lasted(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn pause(&mut self, error: &StoreError, changes: usize) {
        if self.since.is_none() {
            self.since = Some(Instant::now());
            self.pause = PAUSES.0;
            tracing::warn!(target: "prefect.Store", "{changes} changes wait to be recorded, and are tried again: {error}");
        }
        std::thread::sleep(self.pause);
        self.pause = (self.pause * 2).min(PAUSES.1);
    }

    fn over(&self) {
        if let Some(since) = self.since {
            tracing::info!(target: "prefect.Store", "The store goes on after {:.1?}", since.elapsed());
        }
    }
}

/// Why an entry cannot be written, as told by those before it.
fn refused_by_batch(entries: &[Entry], misfit: &Misfit) -> (usize, LostReason) {
    match *misfit {
        Misfit::GivenUp(entry) => (entry, LostReason::GivenUp),
        Misfit::NotNext(entry, before) => {
            let found = match &entries[before].change {
                Change::Task(before) => {
                    Some(Found { state: before.state, version: before.version, attempt: before.attempt })
                }
                Change::Flow(_) => None,
            };
            (entry, refusal(&entries[entry].change, found))
        }
    }
}

fn refusal(change: &Change, found: Option<Found>) -> LostReason {
    let (task, version) = match change {
        Change::Task(change) => (Some((change.task, change.index)), change.version),
        Change::Flow(change) => (None, change.version),
    };
    LostReason::Refused { task, version, found }
}
