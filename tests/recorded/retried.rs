//! A process that dies between a failure and the try that follows on it.
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use prefect::prelude::*;
use prefect::store::{RunFilter, RunId, StateCode, Store};
use prefect::{Executor, TaskError, raise};

use crate::{Folder, effects, settings};

/// Notes that a body has begun.
fn begins(what: &str) {
    let line = format!("{what} {} loop {}\n", context().task_run_count(), context().task_loop_count());
    let mut file = OpenOptions::new().create(true).append(true).open(std::env::var_os("EFFECTS").unwrap()).unwrap();
    // In one write: another thread may be at it.
    file.write_all(line.as_bytes()).unwrap();
}

/// The process dies when the failure of this attempt is recorded, and the try that follows on it is not.
fn dies(_: &Tracked, old: &State, new: State) -> State {
    let dies_at: u32 = std::env::var("DIES_AT").map_or(0, |at| at.parse().unwrap());
    if new.kind() == Retrying && old.kind().is_failed() && new.run_count() == Some(dies_at) {
        dies_when_a_failure_is_recorded();
    }
    new
}

fn dies_when_a_failure_is_recorded() {
    let store = crate::open(&PathBuf::from(std::env::var_os("STORE").unwrap()));
    let run = store.runs(&RunFilter::default()).unwrap()[0].id;
    while !has_a_failure(&store, run) {
        std::thread::yield_now();
    }
    std::process::abort();
}

/// Of a task, or of a child of the first one.
fn has_a_failure(store: &Store, run: RunId) -> bool {
    let rows = store.task_runs(run).unwrap().into_iter().chain(store.children(run, 0, 0, 1).unwrap());
    rows.into_iter().any(|row| row.state == StateCode::FAILED)
}

#[task(max_retries = 2, retry_delay = "1h", state_handlers = [dies])]
fn flaky(x: i64) -> Result<i64, String> {
    begins("flaky");
    if context().task_run_count() < 3 { Err("not yet".to_owned()) } else { Ok(x) }
}

/// In its third iteration it fails twice.
#[task(max_retries = 2, retry_delay = "1h", state_handlers = [dies])]
fn turns(n: u32) -> Result<Vec<u32>, String> {
    begins("turns");
    let so_far: Vec<u32> = [context().task_loop_result().unwrap_or_default(), vec![n]].concat();
    if so_far.len() < 3 {
        raise(Signal::looping(so_far));
    }
    if context().task_run_count() < 3 { Err("not yet".to_owned()) } else { Ok(so_far) }
}

/// It fails for good, as nobody wants it to be tried again.
#[task(max_retries = 2, retry_on = |_: &TaskError| false)]
fn stubborn() -> Result<(), String> {
    begins("stubborn");
    Err("no".to_owned())
}

/// The process dies in it, when the failure of the other one is recorded.
#[task]
fn last() {
    begins("last");
    if std::env::var_os("DIES_AT").is_some() {
        dies_when_a_failure_is_recorded();
    }
}

/// What each process does: it starts the run, or goes on with the one that there is.
#[test]
#[ignore = "what the other tests start"]
fn process() {
    let Some(path) = std::env::var_os("STORE") else { return };
    let store = crate::open(&PathBuf::from(path));
    store.reap().unwrap();
    let settings = settings(&store, Executor::Local);
    // What the run gives that begins, or goes on.
    macro_rules! came_to {
        ($flow:expr, $hours:expr) => {{
            let flow = $flow.with(settings);
            let run = match store.runs(&RunFilter::default()).unwrap().first() {
                None => flow.run(),
                Some(row) => {
                    let run = flow.resume(&store, &row.id.to_string()).unwrap();
                    // Whichever attempt was to be made: the clock begins anew, the moments do not.
                    assert_eq!(run.duration(), Duration::from_hours($hours));
                    run
                }
            };
            run.into_result().map_err(|error| error.to_string())
        }};
    }
    match &*std::env::var("FLOW").unwrap() {
        "flaky" => assert_eq!(came_to!(flow!("flaky", { flaky(7) }), 2), Ok(7)),
        "mapped" => assert_eq!(came_to!(flow!("mapped", { flaky::map(vec![7]) }), 2), Ok(vec![7])),
        "turns" => assert_eq!(came_to!(flow!("turns", { turns(5) }), 2), Ok(vec![5, 5, 5])),
        _ => {
            let error = came_to!(flow!("stubborn", { (stubborn(), last()) }), 0).unwrap_err();
            assert!(error.contains("(stubborn: "), "{error}");
        }
    }
}

/// True if it has come to its end.
fn start(flow: &str, store: &Path, effects: &Path, dies_at: Option<u32>) -> bool {
    let mut command = crate::child("retried::process", store, effects);
    command.env("FLOW", flow);
    if let Some(at) = dies_at {
        command.env("DIES_AT", at.to_string());
    }
    let output = command.output().unwrap();
    let text = || String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() || dies_at.is_some(), "{}", text());
    output.status.success()
}

/// A run whose process died when a failure was recorded, gone on with. Gives the bodies that began, and how often.
fn died_and_gone_on(flow: &str, dies_at: u32) -> Vec<(String, usize)> {
    let folder = Folder::new();
    let (path, file) = (folder.path(), folder.file("effects"));
    assert!(!start(flow, &path, &file, Some(dies_at)));
    let store = folder.store();
    store.reap().unwrap();
    let row = &store.runs(&RunFilter::default()).unwrap()[0];
    assert!(row.state == StateCode::CRASHED && has_a_failure(&store, row.id), "{flow} {dies_at}");
    start(flow, &path, &file, None);
    effects(&file).into_iter().collect()
}

fn once(bodies: &[&str]) -> Vec<(String, usize)> {
    bodies.iter().map(|body| ((*body).to_owned(), 1)).collect()
}

#[test]
fn a_failure_that_is_tried_again_stays_so() {
    for dies_at in [1, 2] {
        let expected = once(&["flaky 1 loop 1", "flaky 2 loop 1", "flaky 3 loop 1"]);
        assert_eq!(died_and_gone_on("flaky", dies_at), expected, "{dies_at}");
        assert_eq!(died_and_gone_on("mapped", dies_at), expected, "{dies_at}");
        let expected =
            once(&["turns 1 loop 1", "turns 1 loop 2", "turns 1 loop 3", "turns 2 loop 3", "turns 3 loop 3"]);
        assert_eq!(died_and_gone_on("turns", dies_at), expected, "{dies_at}");
    }
}

#[test]
fn a_failure_for_good_stays_so() {
    let bodies = [("last 1 loop 1".to_owned(), 2), ("stubborn 1 loop 1".to_owned(), 1)];
    assert_eq!(died_and_gone_on("stubborn", 1), bodies);
}
