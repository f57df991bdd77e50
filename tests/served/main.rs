//! Schedules that are served: policies under virtual time, several who serve one store, processes that are killed and stopped.
mod bad;
mod catch_up;
mod outbox;
mod overlap;
mod paused;
mod processes;
mod stopped;
mod together;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prefect::jiff::{SignedDuration, Timestamp};
use prefect::prelude::*;
use prefect::schedule::{IntervalClock, Schedule};
use prefect::store::{Options, RunFilter, RunRow, Store, StoreUrl};
use prefect::{
    Clock, Config, Executor, Flow, FlowBuilder, FlowOptions, RunSettings, Scheduler, TaskBody, TaskDefinition, Value,
    sleep_blocking,
};

const START: &str = "2026-01-01T00:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A moment on the first days of 2026: `01. 09:00`.
fn hour(moment: Timestamp) -> String {
    moment.strftime("%d. %H:%M").to_string()
}

fn hours(n: u64) -> IntervalClock {
    IntervalClock::new(Duration::from_hours(n)).unwrap()
}

/// A store in a folder of its own.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("runs.db")
    }

    fn store(&self) -> Store {
        Store::open(&StoreUrl::sqlite(self.path()), Options::default()).unwrap()
    }
}

/// All runs, the oldest first.
fn runs(store: &Store) -> Vec<RunRow> {
    let mut runs = store.runs(&RunFilter { limit: 100_000, ..RunFilter::default() }).unwrap();
    runs.reverse();
    runs
}

/// What is told of a schedule, and when bodies ran, in order.
#[derive(Clone, Default)]
struct Seen {
    lines: Arc<Mutex<Vec<String>>>,
    /// The clock of those who serve.
    clock: Arc<Mutex<Option<Clock>>>,
}

impl Seen {
    fn push(&self, text: String) {
        self.lines.lock().unwrap().push(text);
    }

    /// What time it is for those who serve.
    fn now(&self) -> Timestamp {
        self.clock.lock().unwrap().as_ref().unwrap().timestamp()
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }

    /// Those of the lines that begin so, without that.
    fn take_of(&self, start: &str) -> Vec<String> {
        self.take().iter().filter_map(|line| line.strip_prefix(start).map(ToOwned::to_owned)).collect()
    }

    /// A flow of one task, which tells for which moment it runs and when, and takes so long.
    fn flow(&self, name: &str, takes: SignedDuration, schedule: impl Into<Schedule>) -> Flow {
        let seen = self.clone();
        let takes = Duration::try_from(takes).unwrap();
        flow_of(name, move || {
            let (tick, now) = (hour(context().scheduled_start_time().unwrap()), hour(seen.now()));
            seen.push(if tick == now { format!("run of {tick}") } else { format!("run of {tick} at {now}") });
            sleep_blocking(takes);
        })
        .schedule(schedule)
    }

    /// Serves these flows from this moment on.
    fn serve(&self, store: &Store, flows: &[&Flow], from: &str) -> prefect::scheduler::Served {
        self.scheduler(store, flows, &Clock::virtual_from(at(from))).serve().unwrap()
    }

    fn scheduler(&self, store: &Store, flows: &[&Flow], clock: &Clock) -> Scheduler {
        let seen = self.clone();
        *self.clock.lock().unwrap() = Some(clock.clone());
        let scheduler = Scheduler::new(store.clone()).clock(clock.clone());
        let scheduler = flows.iter().fold(scheduler, |scheduler, flow| scheduler.flow(flow));
        scheduler.on_event(move |event| seen.push(event.to_string()))
    }
}

/// A flow of one task with this body.
fn flow_of(name: &str, body: impl Fn() + Send + Sync + 'static) -> Flow {
    let mut flow = FlowBuilder::new(FlowOptions::new(name.to_owned()));
    flow.task(
        TaskDefinition::new("look"),
        TaskBody::new([], move |_| {
            body();
            Ok(Value::new(()))
        }),
    );
    flow.build().with(RunSettings::new().config(Config::default()).executor(Executor::Local))
}

/// How often each is there.
fn counts<T: Ord>(all: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for one in all {
        *counts.entry(one).or_insert(0) += 1;
    }
    counts
}
