//! Limits by tag and by flow, and rates.
mod flows;
mod processes;
mod queued;
mod random;
mod rates;
mod recorded;
mod tags;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use prefect::jiff::Timestamp;
use prefect::{Clock, Config, Executor, Limits, Observer, RunSettings, State, StateKind, Tracked};

pub(crate) fn executors() -> [Executor; 4] {
    [Executor::Local, Executor::threads(1), Executor::threads(2), Executor::threads(4)]
}

pub(crate) fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub(crate) fn virtual_clock() -> Clock {
    Clock::virtual_from(start())
}

pub(crate) fn settings(executor: Executor, clock: &Clock, limits: Limits) -> RunSettings {
    RunSettings::new().executor(executor).clock(clock.clone()).seed(1).config(Config::default()).limits(limits)
}

/// Counts who is inside, by tag.
#[derive(Clone, Default)]
pub(crate) struct Inside(Arc<Mutex<BTreeMap<&'static str, [usize; 2]>>>);

/// Inside until it is dropped.
pub(crate) struct Entered(Inside, Vec<&'static str>);

impl Inside {
    pub(crate) fn enter(&self, tags: &[&'static str]) -> Entered {
        let mut counts = self.0.lock().unwrap();
        for tag in tags {
            let [now, most] = counts.entry(tag).or_default();
            *now += 1;
            *most = (*most).max(*now);
        }
        Entered(self.clone(), tags.to_vec())
    }

    /// How many there were at once, at most.
    pub(crate) fn most(&self, tag: &str) -> usize {
        self.0.lock().unwrap().get(tag).map_or(0, |[_, most]| *most)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut counts = self.0.0.lock().unwrap();
        for tag in &self.1 {
            counts.get_mut(tag).unwrap()[0] -= 1;
        }
    }
}

/// A state change: who, when, from which kind to which state.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) name: String,
    pub(crate) at: Timestamp,
    pub(crate) old: StateKind,
    pub(crate) new: StateKind,
    pub(crate) message: String,
}

/// Writes down all state changes.
#[derive(Clone)]
pub(crate) struct Seen(Arc<Mutex<Vec<Change>>>, Clock);

impl Seen {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self(Arc::default(), clock.clone())
    }

    pub(crate) fn all(&self) -> Vec<Change> {
        self.0.lock().unwrap().clone()
    }

    /// The kinds that one went through.
    pub(crate) fn kinds_of(&self, name: &str) -> Vec<StateKind> {
        self.all().into_iter().filter(|change| change.name == name).map(|change| change.new).collect()
    }

    /// Who came to this kind, in order.
    pub(crate) fn came_to(&self, kind: StateKind) -> Vec<String> {
        self.all().into_iter().filter(|change| change.new == kind).map(|change| change.name).collect()
    }

    /// When this one came to this kind first, in milliseconds since the start.
    pub(crate) fn millis(&self, name: &str, kind: StateKind) -> i128 {
        let all = self.all();
        let change = all.iter().find(|change| change.name == name && change.new == kind);
        let change = change.unwrap_or_else(|| panic!("{name} never came to {kind}: {all:#?}"));
        change.at.duration_since(start()).as_millis()
    }
}

impl Observer for Seen {
    fn changed(&self, object: &Tracked, old: &State, new: &State) {
        self.0.lock().unwrap().push(Change {
            name: object.full_name().into_owned(),
            at: self.1.timestamp(),
            old: old.kind(),
            new: new.kind(),
            message: new.message().unwrap_or_default().to_owned(),
        });
    }
}
