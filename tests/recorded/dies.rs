//! Processes that die in the middle of a run, and others that go on with it.
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use prefect::prelude::*;
use prefect::store::{RunFilter, StateCode};
use prefect::{Executor, Flow, raise};

use crate::{Folder, effects, settings};

/// Notes that a body has begun; the process dies at the one whose number `DIES_AT` says.
fn begins(what: &str) {
    static BEGUN: AtomicU32 = AtomicU32::new(0);
    let mut file = OpenOptions::new().create(true).append(true).open(std::env::var_os("EFFECTS").unwrap()).unwrap();
    let context = context();
    let child = context.map_index().map_or(String::new(), |i| format!("[{i}]"));
    let line = format!(
        "{what}{child} {} loop {}
",
        context.task_run_count(),
        context.task_loop_count()
    );
    // In one write: another thread may be at it.
    file.write_all(line.as_bytes()).unwrap();
    let dies_at: u32 = std::env::var("DIES_AT").map_or(0, |at| at.parse().unwrap());
    if BEGUN.fetch_add(1, Ordering::SeqCst) + 1 == dies_at {
        std::process::abort();
    }
}

#[task]
fn numbers(n: i64) -> Vec<i64> {
    begins("numbers");
    (0..n).collect()
}

#[task]
fn square(x: i64) -> i64 {
    begins("square");
    x * x
}

#[task(in_memory)]
fn connection() -> std::sync::Arc<i64> {
    begins("connection");
    std::sync::Arc::new(100)
}

#[task(max_retries = 2)]
fn flaky(x: i64) -> Result<i64, String> {
    begins("flaky");
    if context().task_run_count() < 3 { Err("not yet".to_owned()) } else { Ok(x) }
}

#[task]
fn count_to(limit: i64) -> i64 {
    begins("count_to");
    let so_far: i64 = context().task_loop_result::<i64>().unwrap_or(0) + 1;
    if so_far < limit {
        raise(Signal::looping(so_far));
    }
    so_far
}

/// What its iterations give is of another type than what it gives.
#[task]
fn spell(limit: usize) -> String {
    begins("spell");
    let letters: Vec<char> = [context().task_loop_result().unwrap_or_default(), vec!['x']].concat();
    if letters.len() < limit {
        raise(Signal::looping(letters));
    }
    letters.into_iter().collect()
}

#[task]
fn total(xs: Vec<i64>, connection: &std::sync::Arc<i64>, flaky: i64, counted: i64, spelled: String) -> String {
    begins("total");
    format!("{} {spelled}", xs.iter().sum::<i64>() + **connection + flaky + counted)
}

#[task]
fn report(total: String) -> String {
    begins("report");
    format!("total {total}")
}

fn work() -> Flow<Node<String>> {
    flow!("work", {
        let squares = square::map(numbers(8));
        report(total(squares, connection(), flaky(7), count_to(3), spell(3)))
    })
}

/// What each process does: it starts the run, or goes on with the one that there is.
#[test]
#[ignore = "what the other tests start"]
fn process() {
    let Some(path) = std::env::var_os("STORE") else { return };
    let store = crate::open(&PathBuf::from(path));
    store.reap().unwrap();
    let executor = match std::env::var("WORKERS").unwrap().parse().unwrap() {
        0 => Executor::Local,
        workers => Executor::threads(workers),
    };
    let flow = work().with(settings(&store, executor));
    let run = match store.runs(&RunFilter::default()).unwrap().first() {
        None => flow.run(),
        Some(row) => flow.resume(&store, &row.id.to_string()).unwrap(),
    };
    // The error names the tasks that failed.
    assert_eq!(run.into_result().unwrap_or_else(|error| panic!("{error}")), "total 250 xxx");
}

/// True if it has come to its end.
fn start(store: &Path, effects: &Path, workers: usize, dies_at: Option<u32>) -> bool {
    let mut command = crate::child("dies::process", store, effects);
    command.env("WORKERS", workers.to_string());
    if let Some(at) = dies_at {
        command.env("DIES_AT", at.to_string());
    }
    let output = command.output().unwrap();
    let is_over = output.status.success();
    let text = || String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(is_over || dies_at.is_some(), "{}", text());
    is_over
}

/// Killed at each body in turn, and gone on with.
#[test]
fn a_run_goes_on_wherever_its_process_died() {
    for workers in [0, 2] {
        let whole = Folder::new();
        assert!(start(&whole.path(), &whole.file("effects"), workers, None));
        let expected = effects(&whole.file("effects"));
        let bodies = u32::try_from(expected.values().sum::<usize>()).unwrap();
        for dies_at in 1..=bodies {
            let folder = Folder::new();
            let (path, file) = (folder.path(), folder.file("effects"));
            assert!(!start(&path, &file, workers, Some(dies_at)));
            start(&path, &file, workers, None);
            let store = folder.store();
            let runs = store.runs(&RunFilter::default()).unwrap();
            assert_eq!(runs.len(), 1, "one run, gone on with");
            assert_eq!((runs[0].state, runs[0].crashes), (StateCode::SUCCESS, 1));
            let open: Vec<_> =
                store.task_runs(runs[0].id).unwrap().into_iter().filter(|row| !row.state.is_terminal()).collect();
            assert!(open.is_empty(), "{open:?}");
            let counts = effects(&file);
            assert!(counts.keys().eq(expected.keys()), "at {dies_at}: {counts:?}");
            let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).map(|(body, _)| body.as_str()).collect();
            // What was in flight, and the result that lives in memory only.
            let in_flight = twice.iter().filter(|body| **body != "connection 1 loop 1").count();
            if workers == 0 {
                assert!(in_flight <= 1, "at {dies_at}: {twice:?}");
            }
            assert!(counts.values().all(|count| *count <= 2), "at {dies_at}: {counts:?}");
        }
    }
}

/// The process dies at every fourth body, until it is done or put aside.
#[test]
fn a_run_that_ends_its_process_three_times_is_put_aside() {
    let folder = Folder::new();
    let (path, file) = (folder.path(), folder.file("effects"));
    for _ in 0..3 {
        assert!(!start(&path, &file, 0, Some(3)));
    }
    let store = folder.store();
    store.reap().unwrap();
    let row = &store.runs(&RunFilter::default()).unwrap()[0];
    assert_eq!((row.state, row.crashes), (StateCode::CRASHED, 3));
    let error = work().with(settings(&store, Executor::Local)).resume(&store, &row.id.to_string()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("has ended its process 3 times and is put aside"), "{text}");
}
