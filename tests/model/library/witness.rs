//! What was seen of the runs of one task (or of the flow): events, calls, and what its handlers have done.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use prefect::{State, Tracked};

use super::super::{By, Event};
use super::kind;

/// Of which child, if it is one.
type Child = Option<usize>;

#[derive(Clone, Default)]
pub(super) struct Witness {
    seen: Arc<Mutex<BTreeMap<Child, Seen>>>,
    /// What every body adds to its sum.
    pub(super) world: i64,
}

#[derive(Clone, Default)]
pub(super) struct Seen {
    pub(super) events: Vec<Event<Option<String>>>,
    pub(super) calls: u32,
    /// How often each handler was asked to act.
    used: BTreeMap<usize, u32>,
}

impl Witness {
    pub(super) fn in_world(world: i64) -> Self {
        Self { world, ..Self::default() }
    }

    pub(super) fn event(&self, of: &Tracked, by: By, old: Option<&State>, new: &State) {
        let event = Event {
            by,
            old: old.map(|old| kind(old.kind())),
            new: kind(new.kind()),
            message: new.message().map(str::to_owned),
        };
        self.with(of.map_index(), |seen| seen.events.push(event));
    }

    /// How often this handler was asked before.
    pub(super) fn used(&self, of: &Tracked, handler: usize) -> u32 {
        self.with(of.map_index(), |seen| {
            let used = seen.used.entry(handler).or_default();
            *used += 1;
            *used - 1
        })
    }

    /// How often the body was called before.
    pub(super) fn called(&self, child: Child) -> usize {
        self.with(child, |seen| {
            seen.calls += 1;
            usize::try_from(seen.calls - 1).expect("few calls")
        })
    }

    pub(super) fn of(&self, child: Child) -> Seen {
        self.with(child, |seen| seen.clone())
    }

    fn with<R>(&self, child: Child, f: impl FnOnce(&mut Seen) -> R) -> R {
        f(self.seen.lock().unwrap().entry(child).or_default())
    }
}
