//! What runs again when a recorded run goes on.
use std::sync::atomic::{AtomicU32, Ordering};

use prefect::prelude::*;
use prefect::store::{ClaimRefused, RunId, StateCode, Store};
use prefect::{Approval, Flow, FlowRun, Outcome, ResumeError, Retry};

use crate::changes::changes;
use crate::{Folder, executors, settings};

/// What is recorded of a run from here on.
fn since(store: &Store, run: &str, before: usize) -> Vec<String> {
    changes(store, run.parse::<RunId>().unwrap()).split_off(before)
}

fn recorded(store: &Store, run: &str) -> usize {
    changes(store, run.parse::<RunId>().unwrap()).len()
}

#[task]
fn build() -> u32 {
    7
}

#[task(trigger = manual_only)]
fn deploy(version: Option<u32>) -> String {
    format!("version {} is out", version.unwrap_or(0))
}

#[task(trigger = manual_only)]
fn announce(said: Option<String>) -> String {
    said.unwrap_or_default() + "!"
}

fn release() -> Flow<Node<String>> {
    flow!("release", { announce(deploy(build())) })
}

#[test]
fn each_call_lets_one_waiting_task_go_on() {
    for executor in executors() {
        let folder = Folder::new();
        let store = folder.store();
        let run = release().with(settings(&store, executor)).run();
        assert_eq!(run.state().kind(), Running);
        assert_eq!(store.run(run.id()).unwrap().state, StateCode::PAUSED);
        let id = run.id().to_owned();
        let flow = release().with(settings(&store, executor));
        let before = recorded(&store, &id);
        let second = flow.resume(&store, &id).unwrap();
        assert_eq!((second.id(), second.state().kind()), (id.as_str(), Running));
        let expected = [
            "flow: Running",
            "deploy-1 1: Resume",
            "deploy-1 1: Running",
            "deploy-1 1: Success",
            "announce-1 1: Paused",
            "flow: Paused",
        ];
        assert_eq!(since(&store, &id, before), expected, "{executor:?}");
        let third = flow.resume_with(&store, &id, &Approval::of("announce").note("tell them")).unwrap();
        assert_eq!(third.output().unwrap(), "version 7 is out!");
        let changes = store.transitions(id.parse().unwrap(), 0, u32::MAX).unwrap();
        let said = changes.into_iter().rfind(|change| change.state == StateCode::RESUME).unwrap().message;
        assert_eq!(said.as_deref(), Some("Approval given to resume: tell them"));
        assert_eq!(store.run(&id).unwrap().state, StateCode::SUCCESS);
        let error = flow.resume(&store, &id).unwrap_err();
        assert!(matches!(&error, ResumeError::Refused(ClaimRefused::Ended { .. })), "{error}");
    }
}

#[test]
fn who_is_asked_may_say_no() {
    let folder = Folder::new();
    let store = folder.store();
    for executor in executors() {
        let flow = release().with(settings(&store, executor));
        let run = flow.run();
        let no = Approval::of("deploy-1").reject().note("not on a Friday");
        let run = flow.resume_with(&store, run.id(), &no).unwrap();
        let row = &store.task_runs(run.id().parse().unwrap()).unwrap()[1];
        assert_eq!((row.state, row.message.as_deref()), (StateCode::FAILED, Some("Rejected: not on a Friday")));
    }
}

#[test]
fn an_answer_that_nobody_waits_for_is_an_error() {
    let folder = Folder::new();
    let store = folder.store();
    let flow = release().with(settings(&store, prefect::Executor::Local));
    let run = flow.run();
    let short = store.run(run.id()).unwrap().id.short();
    let error = flow.resume_with(&store, run.id(), &Approval::of("build")).unwrap_err();
    let text = format!("task `build` of run {short} does not wait for anybody: those that do are `deploy-1`");
    assert_eq!(error.to_string(), text);
    assert_eq!(store.run(run.id()).unwrap().state, StateCode::PAUSED, "nothing has changed");
}

/// Fails until it was called so often.
static CALLS: AtomicU32 = AtomicU32::new(0);

#[task]
fn works_later(x: u32) -> Result<u32, String> {
    if CALLS.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) { Err("not yet".to_owned()) } else { Ok(x) }
}

#[task]
fn uses(x: u32) -> u32 {
    x + 1
}

#[task(trigger = all_finished)]
fn tells(x: Outcome<u32>) -> String {
    match x {
        Outcome::Success(x) => format!("it gave {x}"),
        _ => "it gave nothing".to_owned(),
    }
}

fn fails_first() -> Flow<(Node<u32>, Node<String>)> {
    flow!("fails first", {
        let x = works_later(build());
        (uses(x), tells(x))
    })
}

fn went_on(
    how: impl Fn(&Flow<(Node<u32>, Node<String>)>, &Store, &str) -> FlowRun<(Node<u32>, Node<String>)>,
) -> (String, Vec<String>) {
    let folder = Folder::new();
    let store = folder.store();
    let flow = fails_first().with(settings(&store, prefect::Executor::Local));
    let run = flow.run();
    assert_eq!(run.state().kind(), Failed);
    let before = recorded(&store, run.id());
    let run = how(&flow, &store, run.id());
    let ran = since(&store, run.id(), before).into_iter().filter(|change| change.ends_with("Running"));
    let ran = ran.map(|change| change.split(' ').next().unwrap().to_owned()).collect();
    (run.output().unwrap().1, ran)
}

#[test]
fn what_failed_runs_again_with_or_without_what_is_downstream() {
    let (told, ran) = went_on(|flow, store, run| flow.resume(store, run).unwrap());
    assert_eq!(
        (told.as_str(), &ran[..]),
        ("it gave 7", &["flow:", "works_later-1", "uses-1", "tells-1"].map(String::from)[..])
    );
    let (told, ran) = went_on(|flow, store, run| flow.retry(store, run, &Retry::OnlyFailed).unwrap());
    assert_eq!(
        (told.as_str(), &ran[..]),
        ("it gave nothing", &["flow:", "works_later-1", "uses-1"].map(String::from)[..])
    );
    let (_, ran) = went_on(|flow, store, run| flow.retry(store, run, &Retry::From("build".into())).unwrap());
    assert_eq!(ran, ["flow:", "build-1", "works_later-1", "uses-1", "tells-1"]);
}

#[test]
fn a_flow_that_has_changed_is_refused_with_the_difference() {
    let folder = Folder::new();
    let store = folder.store();
    let run = release().with(settings(&store, prefect::Executor::Local)).run();
    let other = flow!("release", {
        let built = build();
        uses(built);
        announce(deploy(built), upstream_tasks = [built])
    });
    let short = store.run(run.id()).unwrap().id.short();
    let error = other.resume(&store, run.id()).unwrap_err();
    let text = format!(
        "run {short} cannot go on: the flow has changed since it was started\n\
         \x20 ~ task `announce-1` waited for `deploy-1`, and waits for `deploy-1`, `build-1`\n\
         \x20 + task `uses-1` is new\n\
         start a new run, go on with the program that started this one, or say `--force`: what has changed starts anew, and \
         everything downstream of it"
    );
    assert_eq!(error.to_string(), text);
    let error = flow!("another", { build() }).resume(&store, run.id()).unwrap_err();
    assert_eq!(error.to_string(), format!("run {short} is one of the flow `release`, not of `another`"));
    assert_eq!(store.run(run.id()).unwrap().state, StateCode::PAUSED, "nothing has changed");
}

/// The order of independent tasks is none of the flow's business.
#[test]
fn tasks_may_be_written_in_another_order() {
    let folder = Folder::new();
    let store = folder.store();
    let flow = flow!("order", {
        let one = uses(build());
        let two = tells(build());
        (deploy(one), two)
    });
    let run = flow.with(settings(&store, prefect::Executor::Local)).run();
    let flow = flow!("order", {
        let (first, second) = (build(), build());
        let two = tells(second);
        let one = uses(first);
        (deploy(one), two)
    });
    let run = flow.with(settings(&store, prefect::Executor::Local)).resume(&store, run.id()).unwrap();
    assert_eq!(run.output().unwrap(), ("version 8 is out".to_owned(), "it gave 7".to_owned()));
    assert_eq!(store.run(run.id()).unwrap().n_ok, 5);
}

/// The store tells whoever runs the tasks now how far it is, and not who ran them before somebody was asked.
#[test]
fn a_run_that_asks_somebody_goes_on_in_the_same_process() {
    #[task]
    fn double(n: u32) -> u32 {
        2 * n
    }
    #[task(trigger = manual_only)]
    fn approve(n: Option<u32>) -> u32 {
        n.unwrap_or_default()
    }
    for executor in executors() {
        let folder = Folder::new();
        let store = folder.store();
        let settings = settings(&store, executor).on_pause(|_| prefect::PauseAnswer::Resume);
        let flow = flow!("asks", { double(double(approve(double(5)))) }).with(settings);
        let (done, result) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(flow.run().output().unwrap()));
        assert_eq!(result.recv_timeout(std::time::Duration::from_mins(1)), Ok(40), "{executor:?}");
    }
}
