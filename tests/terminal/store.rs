//! Stores with runs in them, written as the library writes them.
use std::path::{Path, PathBuf};

use prefect_store::{
    FlowChange, Micros, NewRun, Options, OwnedRun, RecordedGraph, RunId, StateCode, Store, StoreUrl, TaskChange,
};

use super::program::Program;

/// A moment that is not in the past, so that its distance is the same each time: `just now`.
pub(crate) const NOON: i64 = 4_070_952_000_000_000;

/// Where a program with this home looks for its store.
pub(crate) fn path(program: &Program) -> PathBuf {
    program.home.0.join(".prefect/prefect.db")
}

pub(crate) fn open(path: &Path) -> Store {
    Store::open(&StoreUrl::sqlite(path), Options::default()).unwrap()
}

/// Begins a run of a flow with these tasks (name, whether it is mapped).
pub(crate) fn begin(store: &Store, flow: &str, name: &str, tasks: &[(&str, bool)]) -> OwnedRun {
    let slugs: Vec<String> = (1..).zip(tasks).map(|(i, (task, _))| format!("{task}-{i}")).collect();
    let names: Vec<_> = tasks.iter().map(|(name, _)| name).collect();
    // Each with the place of its name, and what it waits for.
    let described: Vec<_> = (0..tasks.len()).map(|place| serde_json::json!([place, []])).collect();
    let mapped: Vec<_> = (0..tasks.len()).filter(|place| tasks[*place].1).collect();
    let graph =
        serde_json::json!({ "flow": flow, "names": names, "tasks": described, "mapped": mapped, "of tomorrow": 1 });
    let text = graph.to_string();
    begin_with(store, flow, name, RecordedGraph { hash: text.as_bytes().to_vec(), text, slugs })
}

pub(crate) fn begin_with(store: &Store, flow: &str, name: &str, graph: RecordedGraph) -> OwnedRun {
    let run = NewRun {
        flow: flow.to_owned(),
        name: name.to_owned(),
        parameters: r#"{"x": 1}"#.to_owned(),
        graph,
        state: StateCode::RUNNING,
        at: Micros(NOON),
    };
    store.begin(run).unwrap()
}

/// A task run runs, from its first second to its last, and ends in this state at this attempt.
pub(crate) fn task(run: &OwnedRun, task: u32, index: Option<u32>, state: StateCode, why: Option<&str>) {
    let at = |seconds: i64| Micros(NOON + seconds * 1_000_000);
    let running = (StateCode::PENDING, StateCode::RUNNING);
    run.record(TaskChange::new(task, index, running, 1, 1, at(i64::from(task))));
    let mut end = TaskChange::new(task, index, (StateCode::RUNNING, state), 1, 2, at(2 * i64::from(task) + 1));
    end.message = why.map(|why| why.to_owned().into());
    run.record(end);
}

/// The run ends: it is written.
pub(crate) fn end(run: &OwnedRun, state: StateCode, why: Option<&str>) -> RunId {
    let (id, version) = (run.id(), run.version() + 1);
    let message = why.map(|why| why.to_owned().into());
    let end = FlowChange { state, version, at: Micros(NOON + 65_500_000), message, notifications: Vec::new() };
    let position = run.record_run(end);
    run.wait(position).unwrap();
    id
}

/// Runs of two flows: one that succeeded, one that failed, one that still runs. The oldest first.
pub(crate) fn three(path: &Path) -> [RunId; 3] {
    let store = open(path);
    let good = end(&begin(&store, "etl", "brave-otter", &[]), StateCode::SUCCESS, None);
    let bad = end(&failed(&store), StateCode::FAILED, Some("Some reference tasks failed."));
    let run = begin(&store, "report", "calm-heron", &[("load", false)]);
    let (id, position) = (run.id(), run.record(TaskChange::new(0, None, PENDING_RUNNING, 1, 1, Micros(NOON))));
    run.wait(position).unwrap();
    // Its process goes on.
    std::mem::forget((run, store));
    [good, bad, id]
}

const PENDING_RUNNING: (StateCode, StateCode) = (StateCode::PENDING, StateCode::RUNNING);

fn failed(store: &Store) -> OwnedRun {
    let tasks =
        [("extract", false), ("fetch", true), ("load", false), ("load", false), ("report", false), ("x", false)];
    let run = begin(store, "etl", "dim-\u{1b}[2J", &tasks);
    task(&run, 0, None, StateCode::SUCCESS, None);
    task(&run, 1, None, StateCode::MAPPED, None);
    for index in 0..1500 {
        match index {
            7 | 1400 => task(&run, 1, Some(index), StateCode::FAILED, Some("seven is broken")),
            _ => task(&run, 1, Some(index), StateCode::SUCCESS, None),
        }
    }
    let at = |seconds: i64| Micros(NOON + seconds * 1_000_000);
    let retrying = (StateCode::RETRYING, StateCode::RUNNING);
    run.record(TaskChange::new(2, None, PENDING_RUNNING, 1, 1, at(0)));
    run.record(TaskChange::new(2, None, (StateCode::RUNNING, StateCode::RETRYING), 1, 2, at(1)));
    run.record(TaskChange::new(2, None, retrying, 2, 3, at(2)));
    let mut end = TaskChange::new(2, None, (StateCode::RUNNING, StateCode::TIMED_OUT), 2, 4, at(3));
    end.message = Some("could not load\nthe rows of tok-123456\u{1b}".into());
    run.record(end);
    task(&run, 3, None, StateCode::SKIPPED, Some("nothing to do"));
    let failed = (StateCode::PENDING, StateCode::TRIGGER_FAILED);
    run.record(TaskChange::new(4, None, failed, 1, 1, at(3)));
    run
}
