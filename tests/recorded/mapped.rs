//! Mapped tasks in runs that go on: what of them runs again, and what they need for that.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prefect::prelude::*;
use prefect::store::RunId;
use prefect::{Executor, Flow, FlowOutput, FlowRun, Retry};

use crate::changes::changes;
use crate::{Folder, executors, settings};

/// Whether what has failed works by now.
#[derive(Clone, Default)]
struct Works(Arc<AtomicBool>);

impl Works {
    fn or_not_yet<T>(&self, value: T) -> Result<T, String> {
        if self.0.load(Ordering::SeqCst) { Ok(value) } else { Err("not yet".to_owned()) }
    }
}

/// A list that the next process has not.
#[task(in_memory)]
fn rows() -> Vec<u32> {
    vec![1, 2, 3]
}

#[task]
fn double(n: u32) -> u32 {
    2 * n
}

#[task]
fn double_unless(#[shared] works: &Works, bad: u32, n: u32) -> Result<u32, String> {
    if n == bad { works.or_not_yet(2 * n) } else { Ok(2 * n) }
}

#[task(in_memory)]
fn double_in_memory(n: u32) -> u32 {
    2 * n
}

#[task]
fn add(a: u32, b: u32) -> u32 {
    a + b
}

#[task]
fn sum(ns: Vec<u32>) -> u32 {
    ns.iter().sum()
}

#[task]
fn report(#[shared] works: &Works, total: u32) -> Result<u32, String> {
    works.or_not_yet(total)
}

/// A run that fails, and then goes on: what it gives at last, and which bodies began, children by their numbers.
fn goes_on<O: FlowOutput>(
    flow: Flow<O>,
    executor: Executor,
    how: impl Fn(&Flow<O>, &prefect::store::Store, &str) -> FlowRun<O>,
) -> (FlowRun<O>, Vec<String>) {
    let (folder, works) = (Folder::new(), Works::default());
    let store = folder.store();
    let flow = flow.share(works.clone()).with(settings(&store, executor));
    let run = flow.run();
    assert_eq!(run.state().kind(), Failed);
    let id: RunId = run.id().parse().unwrap();
    let before = changes(&store, id).len();
    works.0.store(true, Ordering::SeqCst);
    let run = how(&flow, &store, run.id());
    let mut began: Vec<_> = changes(&store, id)
        .split_off(before)
        .into_iter()
        .filter_map(|change| Some(change.strip_suffix(": Running").or(change.strip_suffix(": Mapped"))?.to_owned()))
        .filter(|change| change != "flow")
        .map(|change| change.split(' ').next().unwrap().to_owned())
        .collect();
    began.sort();
    assert_eq!(store.check().unwrap().damage.len(), 0);
    (run, began)
}

fn resumed<O: FlowOutput>(flow: Flow<O>, executor: Executor) -> (FlowRun<O>, Vec<String>) {
    goes_on(flow, executor, |flow, store, run| flow.resume(store, run).unwrap())
}

#[test]
fn a_list_is_not_made_again_if_all_children_have_ended() {
    for executor in executors() {
        let (run, began) = resumed(flow!("etl", { report(sum(double::map(rows()))) }), executor);
        assert_eq!((run.output().unwrap(), &began[..]), (12, &["report-1".to_owned()][..]), "{executor:?}");
        // Mapped over another mapped task; and over an empty list.
        let flow = flow!("etl", {
            let twice = double::map(double::map(rows()));
            let none = double::map(Vec::<u32>::new());
            report(add(sum(twice), sum(none)))
        });
        let (run, began) = resumed(flow, executor);
        assert_eq!((run.output().unwrap(), &began[..]), (24, &["report-1".to_owned()][..]), "{executor:?}");
    }
}

#[test]
fn a_child_that_runs_again_takes_its_element_of_a_list_that_is_made_again() {
    for executor in executors() {
        let (run, began) = resumed(flow!("etl", { sum(double_unless::map(unmapped(3), rows())) }), executor);
        let expected = ["double_unless-1", "double_unless-1[2]", "rows-1", "sum-1"];
        assert_eq!((run.output().unwrap(), &began[..]), (12, &expected.map(String::from)[..]), "{executor:?}");
        // Of another mapped task, whose children have all ended: they are there, and what they were made of is not needed.
        let (run, began) =
            resumed(flow!("etl", { sum(double_unless::map(unmapped(6), double::map(rows()))) }), executor);
        let expected = ["double_unless-1", "double_unless-1[2]", "sum-1"];
        assert_eq!((run.output().unwrap(), &began[..]), (24, &expected.map(String::from)[..]), "{executor:?}");
    }
}

/// A reader that is to run needs what the children gave, and that is gone.
#[test]
fn children_whose_results_are_gone_run_again_with_their_list() {
    for executor in executors() {
        let (run, began) = resumed(flow!("etl", { report(sum(double_in_memory::map(rows()))) }), executor);
        // The sum is recorded: nobody needs them.
        assert_eq!((run.output().unwrap(), &began[..]), (12, &["report-1".to_owned()][..]), "{executor:?}");
        let (run, began) =
            goes_on(flow!("etl", { report(sum(double_in_memory::map(rows()))) }), executor, |flow, store, run| {
                flow.retry(store, run, &Retry::From("sum".to_owned())).unwrap()
            });
        let child = |i| format!("double_in_memory-1[{i}]");
        let expected = [
            "double_in_memory-1".to_owned(),
            child(0),
            child(1),
            child(2),
            "report-1".to_owned(),
            "rows-1".to_owned(),
            "sum-1".to_owned(),
        ];
        assert_eq!((run.output().unwrap(), &began[..]), (12, &expected[..]), "{executor:?}");
    }
}

/// The shortest list says how many children there are: those of the longer one that nobody reads may run on their own.
#[test]
fn a_child_that_nobody_takes_an_element_from_runs_again_alone() {
    for executor in executors() {
        let flow = flow!("etl", {
            let doubled = double_unless::map(unmapped(3), rows());
            let added = add::map(doubled, vec![10, 20]);
            (sum(added), sum(doubled))
        });
        let (run, began) =
            goes_on(flow, executor, |flow, store, run| flow.retry(store, run, &Retry::OnlyFailed).unwrap());
        let expected = ["double_unless-1", "double_unless-1[2]", "rows-1", "sum-2"];
        assert_eq!((run.output().unwrap(), &began[..]), ((36, 12), &expected.map(String::from)[..]), "{executor:?}");
    }
}
