//! Committing entries, whatever it takes: what is tried again, what is lost, and how little of it.
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Writer;
use super::batch::{Batch, Misfit, Part};
use crate::backend::{Change, Entry, Recorded};
use crate::owned::{Position, Recording};
use crate::{Found, Lost, LostReason, RunId, StoreError};

/// How long is waited between two tries at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(1));

impl Writer {
    /// Commits these entries, whatever it takes. What cannot be committed is lost, and told to who waits for it.
    pub(super) fn commit(&mut self, entries: &[Entry], before: u64) {
        let position = |entry: usize| Position(before + 1 + entry as u64);
        let mut cuts = Cuts::default();
        let mut trouble = Trouble::default();
        let parts = self.commit_parts(entries, &mut cuts, &mut trouble);
        trouble.over();
        for part in &parts {
            part.run.last_seq.store(part.seq, Ordering::Relaxed);
            part.run.given_up.store(part.gives_up, Ordering::Release);
            if part.pauses {
                self.end_paused(&part.run);
            }
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

    /// Gives what is committed. What is not is cut.
    fn commit_parts(&mut self, entries: &[Entry], cuts: &mut Cuts, trouble: &mut Trouble) -> Vec<Part> {
        let refused = match self.try_to_commit(entries, Whose::All, cuts, trouble) {
            Ok(parts) => return parts,
            Err(refused) => refused,
        };
        if refused.runs.len() == 1 || !refused.may_be_ones_fault() {
            refused.cut(cuts);
            return Vec::new();
        }
        // The others are not to be lost with the one that is at fault.
        let mut parts = Vec::new();
        for (run, _) in &refused.runs {
            self.give_sign();
            match self.try_to_commit(entries, Whose::Only(run), cuts, trouble) {
                Ok(committed) => parts.extend(committed),
                Err(refused) => refused.cut(cuts),
            }
        }
        parts
    }

    /// Commits what is asked for and not cut, in one transaction, and tries that again as long as it makes sense.
    fn try_to_commit(
        &mut self,
        entries: &[Entry],
        whose: Whose<'_>,
        cuts: &mut Cuts,
        trouble: &mut Trouble,
    ) -> Result<Vec<Part>, Unwritable> {
        loop {
            let batch = match Batch::compose(entries, |i, run| whose.is(run) && !run.is_lost() && cuts.spare(i, run)) {
                Ok(batch) => batch,
                Err(misfit) => {
                    let (entry, reason) = refused_by_batch(entries, &misfit);
                    cuts.add(&entries[entry].run, entry, reason);
                    continue;
                }
            };
            if batch.parts.is_empty() {
                return Ok(Vec::new());
            }
            match self.database.record(&batch).and_then(|recorded| self.settle(recorded, &batch, cuts)) {
                Ok(Settled::Done { lost }) => {
                    let mut number = 0..;
                    let mut parts = batch.parts;
                    parts.retain(|_| number.next().is_some_and(|number| !lost.contains(&number)));
                    return Ok(parts);
                }
                Ok(Settled::Again) => {}
                Err(error) if error.may_pass() && trouble.lasted() < self.options.keep_trying => {
                    trouble.pause(&error, entries.len(), self.options.lease / 6);
                    self.give_sign();
                }
                Err(error) => return Err(Unwritable::of(&batch, error)),
            }
        }
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
                Some(now) => {
                    // It was given up, and taken by somebody else before this heard that it was committed.
                    if let Some(last) = batch.last_word(number)
                        && self.database.is_recorded(part.run.run_no, part.seq, last)?
                    {
                        continue;
                    }
                    LostReason::TakenOver { by: now.owner, state: now.state }
                }
            };
            cuts.add(&part.run, batch.first_of(number), reason);
            lost.push(number);
        }
        Ok(Settled::Done { lost })
    }
}

/// Whose entries are committed.
#[derive(Clone, Copy)]
enum Whose<'a> {
    All,
    Only(&'a Arc<Recording>),
}

impl Whose<'_> {
    fn is(self, run: &Recording) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => std::ptr::eq(Arc::as_ptr(only), run),
        }
    }
}

/// What the database does not take, for good or for too long: these runs from these entries on.
struct Unwritable {
    error: StoreError,
    runs: Box<[(Arc<Recording>, usize)]>,
}

impl Unwritable {
    fn of(batch: &Batch<'_>, error: StoreError) -> Self {
        let first = |(number, part): (usize, &Part)| (Arc::clone(&part.run), batch.first_of(number));
        Self { error, runs: batch.parts.iter().enumerate().map(first).collect() }
    }

    /// Whether less might be taken. A database that is held or away takes nothing.
    fn may_be_ones_fault(&self) -> bool {
        !self.error.may_pass() || matches!(self.error, StoreError::Full(_))
    }

    fn cut(self, cuts: &mut Cuts) {
        let Self { error, runs } = self;
        let ids: Vec<RunId> = runs.iter().map(|(run, _)| run.id).collect();
        let [id, others @ ..] = &*ids else { return };
        match others.len() {
            0 => tracing::error!(target: "prefect.Store", "Changes of run {id} cannot be recorded: {error}"),
            more => tracing::error!(
                target: "prefect.Store", "Changes of run {id} and {more} others cannot be recorded: {error}"
            ),
        }
        for (run, entry) in runs {
            cuts.add(&run, entry, LostReason::Unwritable(error.clone()));
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

    /// Not for longer than a sign of life can wait.
    fn pause(&mut self, error: &StoreError, changes: usize, most: Duration) {
        if self.since.is_none() {
            self.since = Some(Instant::now());
            self.pause = PAUSES.0;
            tracing::warn!(target: "prefect.Store", "{changes} changes wait to be recorded, and are tried again: {error}");
        }
        std::thread::sleep(self.pause.min(most));
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
