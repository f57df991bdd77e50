//! Who waits for places, in the order in which they came.
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::demand::{Demand, Limited};
use super::places::Holder;
use super::waiting::{Key, Waiting};

/// One that waits.
pub(super) struct Waiter {
    /// When it came: the number before it came earlier.
    ticket: u64,
    pub(super) waiting: Arc<Waiting>,
    pub(super) key: Key,
    pub(super) holder: Arc<Holder>,
}

/// Those that need the same stand behind each other, so that ten thousand children of a mapped task have one that is looked at.
#[derive(Default)]
pub(super) struct Line {
    tickets: u64,
    waiters: BTreeMap<Arc<Demand>, VecDeque<Waiter>>,
}

/// What became of one that was looked at.
pub(super) enum Look {
    /// It was let in, and is out of the line.
    LetIn,
    /// It waits on, and so do those behind it that need something of what it needs.
    Waits,
}

impl Line {
    pub(super) fn push(&mut self, demand: &Arc<Demand>, waiting: &Arc<Waiting>, key: Key, holder: Arc<Holder>) {
        self.tickets += 1;
        let waiter = Waiter { ticket: self.tickets, waiting: Arc::clone(waiting), key, holder };
        self.waiters.entry(Arc::clone(demand)).or_default().push_back(waiter);
    }

    /// Whether somebody waits for something of this.
    pub(super) fn is_for(&self, demand: &Demand) -> bool {
        self.waiters.keys().any(|waits| waits.meets(demand))
    }

    /// Whether somebody waits for this, among other things perhaps.
    pub(super) fn is_for_one(&self, limited: &Limited) -> bool {
        self.waiters.keys().any(|waits| waits.all().any(|other| other == limited))
    }

    /// The first one that needs just this.
    pub(super) fn first(&self, demand: &Arc<Demand>) -> Option<&Waiter> {
        self.waiters.get(demand)?.front()
    }

    /// Looks at those that may come next, in the order in which they came. One that waits holds up those behind it which
    /// need something of the same: so nobody is passed by for ever, and two tasks that need the same two tags never hold one
    /// each.
    pub(super) fn look(&mut self, mut look: impl FnMut(&mut Self, &Arc<Demand>) -> Look) {
        let first =
            |(demand, waiters): (&Arc<Demand>, &VecDeque<Waiter>)| Some((waiters.front()?.ticket, Arc::clone(demand)));
        let mut next: BTreeMap<u64, Arc<Demand>> = self.waiters.iter().filter_map(first).collect();
        let mut held_up: BTreeSet<Limited> = BTreeSet::new();
        while let Some((_, demand)) = next.pop_first() {
            let waits = demand.all().any(|limited| held_up.contains(limited));
            if waits || matches!(look(self, &demand), Look::Waits) {
                held_up.extend(demand.all().cloned());
            } else if let Some(behind) = self.first(&demand) {
                next.insert(behind.ticket, demand);
            }
        }
    }

    /// Takes the first one out that needs just this.
    pub(super) fn pop(&mut self, demand: &Arc<Demand>) -> Option<Waiter> {
        let waiters = self.waiters.get_mut(demand)?;
        let first = waiters.pop_front();
        if waiters.is_empty() {
            self.waiters.remove(demand);
        }
        first
    }

    /// One run waits for nothing any more.
    pub(super) fn forget(&mut self, run: &Arc<Waiting>) -> Vec<Waiter> {
        let mut gone = Vec::new();
        self.waiters.retain(|_, waiters| {
            let (theirs, others) = std::mem::take(waiters).into_iter().partition(|w| Arc::ptr_eq(&w.waiting, run));
            *waiters = others;
            gone.extend::<VecDeque<_>>(theirs);
            !waiters.is_empty()
        });
        gone
    }
}
