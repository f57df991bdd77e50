//! Task runs that somebody lets go on in another process: where they were, and for good.
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use prefect::prelude::*;
use prefect::store::{RunFilter, RunId, StateCode, Store};
use prefect::{Approval, Executor, Flow, Limits, Retry, TaskError, Tracked};

use crate::{Folder, executors, settings};

/// Asks somebody in its third iteration.
#[task]
fn turns() -> Result<Vec<u32>, Signal> {
    let so_far: Vec<u32> = context().task_loop_result().unwrap_or_default();
    let so_far = [so_far, vec![context().task_loop_count()]].concat();
    match so_far.len() {
        3 if !context().resume() => Err(Signal::pause("shall I go on?")),
        4 => Ok(so_far),
        _ => Err(Signal::looping(so_far)),
    }
}

#[test]
fn a_loop_goes_on_in_the_iteration_that_was_asked_about() {
    for executor in executors() {
        let folder = Folder::new();
        let store = folder.store();
        let flow = flow!("turns", { turns() }).with(settings(&store, executor));
        let run = flow.run();
        assert_eq!(run.state().kind(), Running);
        assert_eq!(flow.resume(&store, run.id()).unwrap().output().unwrap(), [1, 2, 3, 4], "{executor:?}");
    }
}

/// What each iteration adds ten times; from 1 on it is started anew, and asks in its first iteration.
#[derive(Clone, Default)]
struct Start(Arc<AtomicU32>);

#[task]
fn asks_in_turns(#[shared] start: &Start) -> Result<Vec<u32>, Signal> {
    let start = start.0.load(Ordering::SeqCst);
    let so_far: Vec<u32> = context().task_loop_result().unwrap_or_default();
    let so_far = [so_far, vec![10 * start + context().task_loop_count()]].concat();
    let asks_in = if start == 0 { 3 } else { 1 };
    match so_far.len() {
        len if len == asks_in && !context().resume() => Err(Signal::pause("shall I go on?")),
        4 => Ok(so_far),
        _ => Err(Signal::looping(so_far)),
    }
}

/// What is recorded of it from then on knows nothing of the iteration in which it was before.
#[test]
fn a_loop_that_starts_anew_forgets_where_it_was() {
    for executor in executors() {
        let folder = Folder::new();
        let store = folder.store();
        let start = Start::default();
        let flow = flow!("turns", { asks_in_turns() }).share(start.clone()).with(settings(&store, executor));
        let run = flow.run();
        start.0.store(1, Ordering::SeqCst);
        let retry = Retry::From("asks_in_turns".to_owned());
        assert_eq!(flow.retry(&store, run.id(), &retry).unwrap().state().kind(), Running);
        assert_eq!(flow.resume(&store, run.id()).unwrap().output().unwrap(), [11, 12, 13, 14], "{executor:?}");
    }
}

/// Fails twice, asks somebody twice, and fails.
#[task(max_retries = 2, retry_delay = "1h")]
fn asks_at_last(#[shared] attempts: &Attempts) -> Result<(), TaskError> {
    let mut attempts = attempts.0.lock().unwrap();
    attempts.push(context().task_run_count());
    if (3..5).contains(&attempts.len()) {
        return Err(Signal::pause("once more?").into());
    }
    Err("no".into())
}

#[derive(Clone, Default)]
struct Attempts(Arc<Mutex<Vec<u32>>>);

#[test]
fn a_task_that_was_asked_about_has_no_more_attempts_than_before() {
    for executor in executors() {
        let folder = Folder::new();
        let store = folder.store();
        let attempts = Attempts::default();
        let flow = flow!("attempts", { asks_at_last() }).share(attempts.clone()).with(settings(&store, executor));
        let run = flow.run();
        assert_eq!(flow.resume(&store, run.id()).unwrap().state().kind(), Running);
        assert_eq!(flow.resume(&store, run.id()).unwrap().state().kind(), Failed);
        assert_eq!(*attempts.0.lock().unwrap(), [1, 2, 3, 3, 3], "{executor:?}");
    }
}

/// The process dies before it begins or is rejected, in its body, or while it waits for a place, if it is to.
#[task(trigger = manual_only, record_start = Await, tags = ["door"], state_handlers = [dies_at_once])]
fn deploy() -> String {
    if std::env::var_os("STORE").is_some() {
        std::process::abort();
    }
    "deployed".to_owned()
}

fn dies_at_once(_: &Tracked, _: &State, new: State) -> State {
    if std::env::var("DIES").is_ok_and(|dies| dies == "at once") {
        std::process::abort();
    }
    new
}

/// Has the only place until somebody waits for it; then the process dies.
#[task(tags = ["door"])]
fn keeper(#[shared] begun: &Begun) {
    let store = crate::open(&store_path());
    begun.0.lock().unwrap().send(()).unwrap();
    while !is(&store, StateCode::QUEUED) {
        std::thread::yield_now();
    }
    std::process::abort();
}

struct Begun(Mutex<Sender<()>>);

fn store_path() -> PathBuf {
    PathBuf::from(std::env::var_os("STORE").unwrap())
}

fn release() -> Flow<Node<String>> {
    flow!("release", { deploy() })
}

/// The run of `release`: the oldest one.
fn run_of_release(store: &Store) -> RunId {
    store.runs(&RunFilter::default()).unwrap().last().unwrap().id
}

/// Whether `deploy` is recorded to be in this state.
fn is(store: &Store, state: StateCode) -> bool {
    store.task_runs(run_of_release(store)).unwrap()[0].state == state
}

#[test]
#[ignore = "what the other test starts"]
fn process() {
    if std::env::var_os("STORE").is_none() {
        return;
    }
    let store = crate::open(&store_path());
    let release = release().with(settings(&store, Executor::threads(1)).limits(Limits::new().tag("door", 1)));
    if std::env::var("DIES").unwrap() == "in line" {
        let (begun, has_begun) = channel();
        let keeper = flow!("keeper", { keeper() }).share(Begun(Mutex::new(begun)));
        let keeper = keeper.with(settings(&store, Executor::threads(1)).limits(Limits::new().tag("door", 1)));
        std::thread::spawn(move || keeper.run());
        has_begun.recv().unwrap();
    }
    let answer = match std::env::var("REJECTED") {
        Ok(note) => Approval::default().reject().note(note),
        Err(_) => Approval::default(),
    };
    release.resume_with(&store, &run_of_release(&store).to_string(), &answer).unwrap();
}

fn dies(dies: &str, rejected: Option<&str>, store: &Path) {
    let mut command = crate::child("approved::process", store, store);
    command.env("DIES", dies).envs(rejected.map(|note| ("REJECTED", note)));
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Somebody said yes, and is not asked once more because a process died.
#[test]
fn an_approval_counts_until_the_body_has_ended() {
    // Of a process that is gone nothing runs any more.
    let ways = [("at once", StateCode::RESUME), ("in its body", StateCode::PENDING), ("in line", StateCode::QUEUED)];
    for (how, state) in ways {
        for executor in executors() {
            let folder = Folder::new();
            let store = folder.store();
            let run = release().with(settings(&store, executor)).run();
            assert_eq!(store.run(run.id()).unwrap().state, StateCode::PAUSED);
            // Twice: it is not forgotten by the second process either.
            for _ in 0..2 {
                dies(how, None, &folder.path());
                store.reap().unwrap();
                let row = &store.task_runs(run_of_release(&store)).unwrap()[0];
                assert_eq!(row.state, state, "{how}: {row:?}");
            }
            let run = release().with(settings(&store, executor)).resume(&store, run.id()).unwrap();
            assert_eq!(run.output().unwrap(), "deployed", "{how} {executor:?}");
        }
    }
}

/// What is said with an answer is kept, and a no counts as much as a yes.
#[test]
fn a_rejection_counts_if_the_process_dies_before_the_task_is_told() {
    for executor in executors() {
        let folder = Folder::new();
        let store = folder.store();
        let run = release().with(settings(&store, executor)).run();
        dies("at once", Some("not on a Friday"), &folder.path());
        store.reap().unwrap();
        let row = &store.task_runs(run_of_release(&store)).unwrap()[0];
        assert_eq!((row.state, row.message.as_deref()), (StateCode::RESUME, Some("Rejected: not on a Friday")));
        let run = release().with(settings(&store, executor)).resume(&store, run.id()).unwrap();
        assert_eq!(run.state().kind(), Failed, "{executor:?}");
        let row = &store.task_runs(run_of_release(&store)).unwrap()[0];
        assert_eq!((row.state, row.message.as_deref()), (StateCode::FAILED, Some("Rejected: not on a Friday")));
    }
}
