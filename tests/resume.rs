//! Runs that start from the states of another one, and tasks that wait for somebody.
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use prefect::{
    Clock, Elements, Executor, Flow, FlowBuilder, FlowOptions, KeepResults, Parameter, PauseAnswer, RunSettings,
    RunState, State, StateKind, TaskBody, TaskDefinition, TaskRef, Tracked, Trigger, Value,
};

fn executors() -> [Executor; 3] {
    [Executor::Local, Executor::threads(1), Executor::threads(8)]
}

fn settings(executor: Executor) -> RunSettings {
    RunSettings::new()
        .executor(executor)
        .keep_results(KeepResults::All)
        .clock(Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap()))
}

/// A list, a task mapped over it of which two children fail the first time, and a sum of what they give.
fn flaky(executor: Executor, calls: &Arc<Mutex<Vec<String>>>, healthy: &Arc<AtomicU32>) -> (Flow, TaskRef) {
    let mut flow = FlowBuilder::new(FlowOptions::new("flaky"));
    let told = Arc::clone(calls);
    let list = flow.task(
        TaskDefinition::new("list"),
        TaskBody::new([], move |_| {
            told.lock().unwrap().push("list".to_owned());
            Ok(Value::new(vec![1_i64, 2, 3, 4]))
        }),
    );
    let (told, healthy) = (Arc::clone(calls), Arc::clone(healthy));
    let double = flow.task(
        TaskDefinition::new("double"),
        TaskBody::new([Parameter::of::<i64>("x")], move |inputs| {
            let x = *inputs.take::<i64>(0);
            told.lock().unwrap().push(prefect::context().task_full_name().unwrap());
            if x % 2 == 0 && healthy.load(Ordering::SeqCst) == 0 {
                return Err("down".into());
            }
            Ok(Value::new(2 * x))
        }),
    );
    flow.map(list, double, "x", Elements::of::<i64>());
    let told = Arc::clone(calls);
    let sum = flow.task(
        TaskDefinition::new("sum"),
        TaskBody::new([Parameter::any("xs")], move |inputs| {
            told.lock().unwrap().push("sum".to_owned());
            let children = inputs.take::<Vec<Value>>(0);
            Ok(Value::new(children.iter().map(|x| x.downcast_ref::<i64>().unwrap()).sum::<i64>()))
        }),
    );
    flow.edge(double, sum, "xs");
    (flow.build().with(settings(executor)), sum)
}

#[test]
fn what_has_finished_is_not_run_again() {
    for executor in executors() {
        let (calls, healthy) = (Arc::default(), Arc::default());
        let (flow, sum) = flaky(executor, &calls, &healthy);
        let run = flow.run();
        assert_eq!(run.state().kind(), StateKind::Failed);
        calls.lock().unwrap().clear();
        healthy.store(1, Ordering::SeqCst);

        let mut states = run.run_state();
        assert_eq!(states.map_states("double-1").len(), 4);
        states.forget("sum-1");
        states.retry_failed();
        let run = flow.run_from(states);
        assert_eq!(run.state_of(sum).value::<i64>(), Some(&20), "{executor:?}");
        let mut called = std::mem::take(&mut *calls.lock().unwrap());
        called.sort();
        assert_eq!(called, ["double[1]", "double[3]", "sum"], "{executor:?}");

        // All has finished: nothing is left to do, and the run ends as that one did.
        let again = flow.run_from(run.run_state());
        assert_eq!(again.state().kind(), StateKind::Success);
        assert_eq!(again.state_of(sum).value::<i64>(), Some(&20));
        assert!(calls.lock().unwrap().is_empty());
    }
}

#[test]
fn states_of_another_flow_are_refused() {
    let (calls, healthy) = (Arc::default(), Arc::default());
    let (flow, _) = flaky(Executor::Local, &calls, &healthy);
    let mut states = RunState::new();
    states.set("duoble-1", State::success(1));
    let run = flow.run_from(states);
    let message = "Unexpected error: the states to start from are of another flow: `flaky` has no task `duoble-1`";
    assert_eq!(run.state().message(), Some(message));
    assert!(calls.lock().unwrap().is_empty());
}

/// Two tasks that wait for somebody, one of them a child of a mapped task, and one that reads them.
fn paused(executor: Executor) -> (FlowBuilder, TaskRef, RunSettings) {
    let mut flow = FlowBuilder::new(FlowOptions::new("paused"));
    let manual = |name: &'static str| TaskDefinition::new(name).trigger(Trigger::new(prefect::trigger::manual_only));
    let a = flow.task(manual("a"), TaskBody::new([], |_| Ok(Value::new(1_i64))));
    let b = flow
        .task(manual("b"), TaskBody::new([Parameter::of::<i64>("x")], |inputs| Ok(Value::new(*inputs.take::<i64>(0)))));
    flow.map_constant(b, "x", Value::new(vec![5_i64, 6]), Elements::of::<i64>());
    let last = flow.task(
        TaskDefinition::new("last"),
        TaskBody::new([Parameter::of::<i64>("x"), Parameter::any("all")], |inputs| {
            Ok(Value::new(*inputs.take::<i64>(0) + i64::try_from(inputs.take::<Vec<Value>>(1).len()).unwrap()))
        }),
    );
    flow.edge(a, last, "x");
    flow.edge(b, last, "all");
    (flow, last, settings(executor))
}

#[test]
fn somebody_is_asked_about_paused_tasks_and_may_say_not_yet() {
    for executor in executors() {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let keep = Arc::clone(&asked);
        let (flow, last, settings) = paused(executor);
        let ask = move |task: &Tracked| {
            let mut asked = keep.lock().unwrap();
            asked.push(task.full_name().into_owned());
            // The first time nobody is sure.
            if asked.len() <= 3 { PauseAnswer::AskAgain } else { PauseAnswer::Resume }
        };
        let run = flow.build().with(settings.on_pause(ask)).run();
        assert_eq!(run.state_of(last).value::<i64>(), Some(&3), "{executor:?}");
        assert_eq!(*asked.lock().unwrap(), ["a", "b[0]", "b[1]", "a", "b[0]", "b[1]"]);
    }
}

#[test]
fn without_an_answer_the_run_ends_paused_and_goes_on_from_its_states() {
    for executor in executors() {
        let (flow, last, settings) = paused(executor);
        let flow = flow.build().with(settings.on_pause(|_: &Tracked| PauseAnswer::Leave));
        let run = flow.run();
        assert_eq!(run.state().kind(), StateKind::Running);
        let mut states = run.run_state();
        states.approve("a-1");
        states.approve("b-1");
        let run = flow.run_from(states);
        assert_eq!(run.state_of(last).value::<i64>(), Some(&3), "{executor:?}");
    }
}

#[test]
fn a_question_that_panics_leaves_the_tasks_paused() {
    let (flow, _, settings) = paused(Executor::threads(2));
    let run = flow.build().with(settings.on_pause(|_: &Tracked| panic!("nobody is there"))).run();
    assert_eq!(run.state().kind(), StateKind::Running);
}
