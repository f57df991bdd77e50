//! What is recorded of a run.
use prefect::prelude::*;
use prefect::store::{RunId, StateCode, Store};

use crate::{Folder, executors, settings};

#[task]
fn add(x: i64) -> i64 {
    x + 1
}

#[task(max_retries = 1, retry_delay = "1h")]
fn div(x: i64) -> i64 {
    1 / x
}

#[task]
fn numbers() -> Vec<i64> {
    vec![1, 2, 3]
}

#[task]
fn total(xs: Vec<i64>) -> i64 {
    xs.iter().sum()
}

/// All changes of all task runs, in their order: `slug[child] attempt: state`.
pub(crate) fn changes(store: &Store, run: RunId) -> Vec<String> {
    let slugs = store.input(run).unwrap().graph.slugs;
    let changes = store.transitions(run, 0, u32::MAX).unwrap();
    let line = |change: prefect::store::Transition| match change.of {
        None => format!("flow: {}", change.state),
        Some(of) => {
            let child = of.index.map(|i| format!("[{i}]")).unwrap_or_default();
            format!("{}{child} {}: {}", slugs[of.task as usize], change.attempt, change.state)
        }
    };
    changes.into_iter().map(line).collect()
}

#[test]
fn every_change_is_recorded_in_its_order() {
    for executor in executors() {
        let folder = Folder::new();
        let store = folder.store();
        let flow = flow!("Add Divide Flow", { div(x = add(-1)) }).with(settings(&store, executor));
        let run = flow.run();
        assert_eq!(run.state().kind(), Failed);
        let id: RunId = run.id().parse().unwrap();
        let expected = [
            "flow: Scheduled",
            "flow: Running",
            "add-1 1: Running",
            "add-1 1: Success",
            "div-1 1: Running",
            "div-1 1: Failed",
            "div-1 1: Retrying",
            "div-1 2: Running",
            "div-1 2: Failed",
            "flow: Failed",
        ];
        assert_eq!(changes(&store, id), expected, "{executor:?}");
        let row = store.run(run.id()).unwrap();
        assert_eq!((row.state, row.n_ok, row.n_failed), (StateCode::FAILED, 1, 1));
        assert_eq!(row.message.as_deref(), Some("Some reference tasks failed."));
        let failed = &store.task_runs(id).unwrap()[1];
        assert!(failed.message.as_deref().unwrap().contains("attempt to divide by zero"), "{failed:?}");
        assert_eq!(store.result(id, 0, None).unwrap().unwrap().bytes, b"0");
    }
}

#[test]
fn children_are_recorded_one_by_one() {
    for executor in executors() {
        let folder = Folder::new();
        let store = folder.store();
        let flow = flow!("map", { total(add::map(numbers())) }).with(settings(&store, executor));
        let run = flow.run();
        assert_eq!(run.output().unwrap(), 9);
        let id: RunId = run.id().parse().unwrap();
        assert_eq!(store.count_children(id, 1).unwrap(), [(StateCode::SUCCESS, 3)]);
        let children = store.children(id, 1, 0, 10).unwrap();
        let results: Vec<_> =
            children.iter().map(|child| store.result(id, 1, child.index).unwrap().unwrap().bytes).collect();
        assert_eq!(results, [b"2", b"3", b"4"]);
    }
}
