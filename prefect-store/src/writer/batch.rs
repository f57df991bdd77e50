//! A batch as it is written: parts (what a run adds), rows (what becomes of a task run), and a number for each transition.
use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::backend::{Change, Entry};
use crate::owned::Recording;
use crate::{FlowChange, StateCode, TaskChange};

/// Entries, sorted for the database.
pub(crate) struct Batch<'a> {
    pub(crate) entries: &'a [Entry],
    pub(crate) parts: Vec<Part>,
    /// One for each task run: its changes within the batch are one write.
    pub(crate) rows: Vec<Row>,
    /// Of each entry, its part and the number of its transition; `None` if it is not to be written.
    pub(crate) places: Vec<Option<Place>>,
}

/// Where an entry goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) part: usize,
    pub(crate) seq: u64,
}

/// What a batch adds to one run.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) run: Arc<Recording>,
    /// The last transition before the batch, and the last one of it.
    pub(crate) seq_before: u64,
    pub(crate) seq: u64,
    /// What is added to the counters.
    pub(crate) ok: i64,
    pub(crate) failed: i64,
    /// Whether the run belongs to nobody afterwards.
    pub(crate) gives_up: bool,
    /// Whether it waits for somebody then.
    pub(crate) pauses: bool,
}

/// What becomes of a task run: it is expected as the first entry says, and is then as the last one says.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) part: usize,
    pub(crate) first: usize,
    pub(crate) last: usize,
    /// When it was `Running` last, if it was in this batch.
    pub(crate) started_at: Option<i64>,
}

/// An entry that cannot follow from those before it in the same batch.
pub(crate) enum Misfit {
    /// The run has been given up.
    GivenUp(usize),
    /// It does not follow from the entry with the second number.
    NotNext(usize, usize),
}

impl<'a> Batch<'a> {
    /// Sorts the entries. `written` says which are to be written: the rest belongs to runs that are lost.
    pub(crate) fn compose(entries: &'a [Entry], written: impl Fn(usize, &Recording) -> bool) -> Result<Self, Misfit> {
        let mut batch =
            Self { entries, parts: Vec::new(), rows: Vec::new(), places: Vec::with_capacity(entries.len()) };
        // By recording and not by run: a run that was taken back has two.
        let mut part_of: HashMap<*const Recording, usize> = HashMap::new();
        let mut row_of: HashMap<(usize, u32, Option<u32>), usize> = HashMap::with_capacity(entries.len());
        let mut last_part: Option<usize> = None;
        for (i, entry) in entries.iter().enumerate() {
            if !written(i, &entry.run) {
                batch.places.push(None);
                continue;
            }
            let part = match last_part {
                Some(part) if Arc::ptr_eq(&batch.parts[part].run, &entry.run) => part,
                _ => *part_of.entry(Arc::as_ptr(&entry.run)).or_insert_with(|| {
                    batch.parts.push(Part::of(&entry.run));
                    batch.parts.len() - 1
                }),
            };
            last_part = Some(part);
            if batch.parts[part].gives_up || entry.run.given_up.load(Ordering::Relaxed) {
                return Err(Misfit::GivenUp(i));
            }
            match &entry.change {
                Change::Task(change) => {
                    let from = if change.version <= 1 { StateCode::PENDING } else { change.from };
                    batch.parts[part].count(from, change.state);
                    let row = match row_of.entry((part, change.task, change.index)) {
                        Slot::Vacant(slot) => {
                            let row = *slot.insert(batch.rows.len());
                            batch.rows.push(Row { part, first: i, last: i, started_at: None });
                            &mut batch.rows[row]
                        }
                        Slot::Occupied(slot) => {
                            let row = &mut batch.rows[*slot.get()];
                            if !follows(change, &entries[row.last].change) {
                                return Err(Misfit::NotNext(i, row.last));
                            }
                            row.last = i;
                            row
                        }
                    };
                    if change.state == StateCode::RUNNING {
                        row.started_at = Some(change.at.0);
                    }
                }
                Change::Flow(change) => {
                    batch.parts[part].gives_up = change.state.gives_up_ownership();
                    batch.parts[part].pauses = change.state == StateCode::PAUSED;
                }
            }
            let part_seq = &mut batch.parts[part].seq;
            *part_seq += 1;
            batch.places.push(Some(Place { part, seq: *part_seq }));
        }
        Ok(batch)
    }

    /// The change that gives up the run of a part, if there is one.
    pub(crate) fn last_word(&self, part: usize) -> Option<&FlowChange> {
        let of_part = |place: &Option<Place>| place.is_some_and(|place| place.part == part);
        let last = self.places.iter().rposition(of_part).map(|last| &self.entries[last].change);
        match last {
            Some(Change::Flow(change)) if change.state.gives_up_ownership() => Some(change),
            _ => None,
        }
    }

    /// The first entry of a part.
    pub(crate) fn first_of(&self, part: usize) -> usize {
        self.places.iter().position(|place| place.is_some_and(|place| place.part == part)).unwrap_or(0)
    }
}

/// Whether a change of a task run can be the one after this.
fn follows(change: &TaskChange, before: &Change) -> bool {
    let Change::Task(before) = before else { return false };
    change.version == before.version.wrapping_add(1) && change.from == before.state && change.attempt >= before.attempt
}

impl Part {
    fn of(run: &Arc<Recording>) -> Self {
        let seq = run.last_seq.load(Ordering::Relaxed);
        Self { run: Arc::clone(run), seq_before: seq, seq, ok: 0, failed: 0, gives_up: false, pauses: false }
    }

    fn count(&mut self, from: StateCode, to: StateCode) {
        self.ok += i64::from(to.is_success()) - i64::from(from.is_success());
        self.failed += i64::from(to.is_failure()) - i64::from(from.is_failure());
    }
}
