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
