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

/// Those that wait no more, and what they needed. To be dropped under no lock.
#[derive(Default)]
#[cfg_attr(not(feature = "store"), allow(dead_code, reason = "for the lines of a store"))]
pub(super) struct Gone {
    pub(super) waiters: Vec<Waiter>,
    pub(super) demands: Vec<Arc<Demand>>,
}

/// Those that need the same stand behind each other, so that ten thousand children of a mapped task have one that is looked at.
#[derive(Default)]
pub(super) struct Line {
    tickets: u64,
    waiters: BTreeMap<Arc<Demand>, VecDeque<Waiter>>,
}

impl Waiter {
    pub(super) const fn ticket(&self) -> u64 {
        self.ticket
    }
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

    /// The one that came first of those that are not held up: what another one waits for that came before is kept for that
    /// one. So nobody is passed by for ever, and two tasks that need the same two tags never hold one each.
    pub(super) fn next(&self, held_up: &BTreeSet<Limited>) -> Option<(Arc<Demand>, &Waiter)> {
        let mut held_up = held_up.clone();
        let mut firsts: Vec<_> =
            self.waiters.iter().filter_map(|(demand, waiters)| Some((demand, waiters.front()?))).collect();
        firsts.sort_unstable_by_key(|(_, first)| first.ticket);
        for (demand, first) in firsts {
            if !demand.all().any(|limited| held_up.contains(limited)) {
                return Some((Arc::clone(demand), first));
            }
            held_up.extend(demand.all().cloned());
        }
        None
    }

    /// Takes the first one out that needs just this, if it is the one with this ticket.
    pub(super) fn pop(&mut self, demand: &Arc<Demand>, ticket: u64) -> Option<Waiter> {
        let waiters = self.waiters.get_mut(demand)?;
        let first = waiters.pop_front_if(|first| first.ticket == ticket);
        if waiters.is_empty() {
            self.waiters.remove(demand);
        }
        first
    }

    /// How many wait for this.
    #[cfg(feature = "store")]
    pub(super) fn count(&self, limited: &Limited) -> usize {
        let waiting = self.waiters.iter().filter(|(waits, _)| waits.all().any(|one| one == limited));
        waiting.map(|(_, waiters)| waiters.len()).sum()
    }

    /// The clocks of those that are first.
    #[cfg(feature = "store")]
    pub(super) fn clocks(&self) -> Vec<crate::Clock> {
        self.waiters.values().filter_map(|waiters| Some(waiters.front()?.waiting.clock.clone())).collect()
    }

    #[cfg(feature = "store")]
    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// One run waits for nothing any more; or only what is called so of it.
    pub(super) fn forget(&mut self, run: &Arc<Waiting>, only: Option<Key>) -> Gone {
        let mut gone = Gone::default();
        let is_theirs = |w: &Waiter| Arc::ptr_eq(&w.waiting, run) && only.is_none_or(|key| w.key == key);
        self.waiters.retain(|demand, waiters| {
            let (theirs, others): (VecDeque<_>, _) = std::mem::take(waiters).into_iter().partition(is_theirs);
            *waiters = others;
            if !theirs.is_empty() {
                gone.demands.push(Arc::clone(demand));
            }
            gone.waiters.extend(theirs);
            !waiters.is_empty()
        });
        gone
    }
}
