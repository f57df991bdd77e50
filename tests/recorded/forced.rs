//! Runs whose flow has changed since they were recorded, and that go on all the same.
use std::path::{Path, PathBuf};

use prefect::prelude::*;
use prefect::store::{StateCode, Store};
use prefect::{Approval, Executor, Flow, FlowRun, Retry};

use crate::{Folder, effects, executors, settings};

/// A body has begun.
fn begins(path: &Path, what: &str) {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    // One write: mapped children do the same at the same time.
    file.write_all(format!("{what}\n").as_bytes()).unwrap();
}

#[task]
fn load(path: PathBuf) -> Vec<u32> {
    begins(&path, "load");
    vec![1, 2]
}
#[task]
fn double(path: PathBuf, n: u32) -> u32 {
    begins(&path, "double");
    2 * n
}
#[task]
fn total(path: PathBuf, rows: Vec<u32>) -> u32 {
    begins(&path, "total");
    rows.iter().sum()
}
#[task]
fn sum(path: PathBuf, rows: Vec<u32>) -> u32 {
    begins(&path, "sum");
    rows.iter().sum()
}
#[task]
fn broken(path: PathBuf, n: u32) -> Result<u32, String> {
    begins(&path, "broken");
    Err(format!("it broke at {n}"))
}
#[task]
fn mended(path: PathBuf, n: u32) -> u32 {
    begins(&path, "mended");
    n + 1
}

/// load -> double (mapped) -> total -> broken
fn first(path: &Path) -> Flow<Node<u32>> {
    let path = || path.to_owned();
    flow!("etl", {
        let rows = load(path());
        let doubled = double::map(unmapped(path()), rows);
        broken(path(), total(path(), doubled))
    })
}

fn begun(path: &Path) -> Vec<(String, usize)> {
    let all = effects(path).into_iter().collect();
    let _ = std::fs::remove_file(path);
    all
}

fn expect(begun: &[(String, usize)], expected: &[(&str, usize)]) {
    let expected: Vec<_> = expected.iter().map(|(what, n)| ((*what).to_owned(), *n)).collect();
    assert_eq!(begun, expected);
}

/// A run of `first` that has failed.
fn failed(store: &Store, executor: Executor, path: &Path) -> FlowRun<Node<u32>> {
    let run = first(path).with(settings(store, executor)).run();
    assert_eq!(run.state().kind(), Failed);
    expect(&begun(path), &[("broken", 1), ("double", 2), ("load", 1), ("total", 1)]);
    run
}

#[test]
fn a_renamed_task_starts_anew_and_the_others_are_kept() {
    for executor in executors() {
        let folder = Folder::new();
        let (store, path) = (folder.store(), folder.file("effects"));
        let run = failed(&store, executor, &path);
        let of = || path.clone();
        let changed = flow!("etl", {
            let doubled = double::map(unmapped(of()), load(of()));
            mended(of(), total(of(), doubled))
        });
        let refused = changed.resume(&store, run.id()).unwrap_err().to_string();
        let short = run.id()[28..].to_owned();
        let expected = format!(
            "run {short} cannot go on: the flow has changed since it was started\n  - task `broken-1` is gone\n  \
             + task `mended-1` is new\nstart a new run, go on with the program that started this one, or say `--force`: what \
             has changed starts anew, and everything downstream of it"
        );
        assert_eq!(refused, expected);
        let went_on = changed.resume_forced(&store, run.id(), &Approval::default()).unwrap();
        assert_eq!(went_on.output().unwrap(), 7, "{executor:?}");
        expect(&begun(&path), &[("mended", 1)]);
        // The store has both: what was recorded of the old one stays, and has its number.
        let row = store.run(run.id()).unwrap();
        assert_eq!((row.state, row.n_failed), (StateCode::SUCCESS, 1));
        let slugs = store.input(row.id).unwrap().graph.slugs;
        let place = |slug: &str| u32::try_from(slugs.iter().position(|other| other == slug).unwrap()).unwrap();
        assert_eq!(slugs.last().map(String::as_str), Some("mended-1"), "{slugs:?}");
        let state = |slug: &str| {
            let rows = store.task_runs(row.id).unwrap();
            rows.iter().find(|row| row.task == place(slug)).unwrap().state
        };
        assert_eq!((state("broken-1"), state("mended-1")), (StateCode::FAILED, StateCode::SUCCESS));
    }
}

#[test]
fn what_is_downstream_of_a_rewired_task_starts_anew() {
    for executor in executors() {
        let folder = Folder::new();
        let (store, path) = (folder.store(), folder.file("effects"));
        let run = failed(&store, executor, &path);
        let of = || path.clone();
        // `total` takes what was loaded, and `double` is not needed any more.
        let changed = flow!("etl", {
            let rows = load(of());
            mended(of(), total(of(), rows))
        });
        let went_on = changed.retry_forced(&store, run.id(), &Retry::Failed).unwrap();
        assert_eq!(went_on.output().unwrap(), 4, "{executor:?}");
        expect(&begun(&path), &[("mended", 1), ("total", 1)]);
        // And once more, now that nothing has changed since: the graph that was recorded is this one.
        let again = changed.retry(&store, run.id(), &Retry::From("total".to_owned()));
        assert!(again.unwrap_err().to_string().contains("final"), "it has succeeded");
    }
}

/// A run that goes on twice with flows that change: tasks that come back are new.
#[test]
fn a_run_may_change_more_than_once() {
    let folder = Folder::new();
    let (store, path) = (folder.store(), folder.file("effects"));
    let run = failed(&store, Executor::Local, &path);
    let of = || path.clone();
    let second = flow!("etl", { broken(of(), sum(of(), load(of()))) });
    let went_on = second.resume_forced(&store, run.id(), &Approval::default()).unwrap();
    assert_eq!(went_on.state().kind(), Failed);
    expect(&begun(&path), &[("broken", 1), ("sum", 1)]);
    // The same once more needs no force, though the run has tasks that the flow has not.
    assert_eq!(second.resume(&store, run.id()).unwrap().state().kind(), Failed);
    expect(&begun(&path), &[("broken", 1)]);
    let third = flow!("etl", {
        let doubled = double::map(unmapped(of()), load(of()));
        mended(of(), total(of(), doubled))
    });
    let went_on = third.resume_forced(&store, run.id(), &Approval::default()).unwrap();
    assert_eq!(went_on.output().unwrap(), 7);
    expect(&begun(&path), &[("double", 2), ("mended", 1), ("total", 1)]);
    let row = store.run(run.id()).unwrap();
    assert_eq!((row.state, store.check().unwrap().damage.len()), (StateCode::SUCCESS, 0));
}

/// Mapped before, and not mapped now, and the other way round.
#[test]
fn a_task_that_is_mapped_or_no_more_starts_anew() {
    let folder = Folder::new();
    let (store, path) = (folder.store(), folder.file("effects"));
    let of = || path.clone();
    let mapped = || {
        flow!("etl", {
            let doubled = double::map(unmapped(of()), load(of()));
            broken(of(), total(of(), doubled))
        })
    };
    let plain = || flow!("etl", { broken(of(), double(of(), total(of(), load(of())))) });
    let run = mapped().with(settings(&store, Executor::Local)).run();
    begun(&path);
    let changed = plain().resume_forced(&store, run.id(), &Approval::default()).unwrap();
    let broke = changed.task_runs().find(|task| task.name == "broken").unwrap();
    assert!(broke.state.message().unwrap().ends_with("it broke at 6"), "{broke:?}");
    expect(&begun(&path), &[("broken", 1), ("double", 1), ("total", 1)]);
    let back = mapped().resume_forced(&store, run.id(), &Approval::default()).unwrap();
    assert_eq!(back.state().kind(), Failed);
    expect(&begun(&path), &[("broken", 1), ("double", 2), ("total", 1)]);
    assert_eq!(store.check().unwrap().damage.len(), 0);
}

/// A result whose type has changed cannot be read: its task starts anew too.
#[test]
fn a_result_that_is_of_another_type_now_is_computed_again() {
    mod now {
        use super::*;
        #[task]
        pub(super) fn load(path: PathBuf) -> String {
            begins(&path, "load anew");
            "text".to_owned()
        }
        #[task]
        pub(super) fn total(path: PathBuf, text: String) -> usize {
            begins(&path, "total anew");
            text.len()
        }
    }
    let folder = Folder::new();
    let (store, path) = (folder.store(), folder.file("effects"));
    let of = || path.clone();
    let run = flow!("etl", { broken(of(), total(of(), load(of()))) }).with(settings(&store, Executor::Local)).run();
    begun(&path);
    let changed = flow!("etl", { now::total(of(), now::load(of())) });
    assert!(changed.resume(&store, run.id()).is_err());
    let went_on = changed.resume_forced(&store, run.id(), &Approval::default()).unwrap();
    assert_eq!(went_on.output().unwrap(), 4);
    expect(&begun(&path), &[("load anew", 1), ("total anew", 1)]);
}
