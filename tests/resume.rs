//! Runs that start from the states of another one, and tasks that wait for somebody.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prefect::prelude::*;
use prefect::testing::TestRun;
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

/// A state that goes on in an hour.
fn in_an_hour(kind: StateKind) -> State {
    State::new(kind).start_in(HOUR)
}

const HOUR: Duration = Duration::from_hours(1);

#[task(in_memory)]
fn rows() -> Vec<u32> {
    vec![1, 2, 3]
}

#[task(in_memory)]
fn double(n: u32) -> u32 {
    2 * n
}

#[task]
fn sum(ns: Vec<u32>) -> u32 {
    ns.iter().sum()
}

/// What it reads is computed again, at once: that takes nothing off the time that it waits.
#[test]
fn who_waits_for_a_moment_waits_for_it_though_an_input_is_computed_again() {
    for executor in executors() {
        for kind in [Retrying, Scheduled, Paused] {
            let run = TestRun::of(&flow!("sum", { sum(rows()) })).executor(executor);
            let run = run.given_state("sum", in_an_hour(kind)).run();
            assert_eq!((run.output().unwrap(), run.flow_run().duration()), (6, HOUR), "{executor:?} {kind}");
            let children = || [in_an_hour(kind), State::new(Pending), State::success(100_u32)];
            // Mapped over a list, and over children that run again.
            let flow = flow!("sum", { sum(double::map(rows())) });
            let run = TestRun::of(&flow).executor(executor).given_children("double", children()).run();
            assert_eq!((run.output().unwrap(), run.flow_run().duration()), (106, HOUR), "{executor:?} {kind}");
            let flow = flow!("sum", { sum(double::map(double::map(rows()))) });
            let run = TestRun::of(&flow).executor(executor).given_children("double-2", children()).run();
            assert_eq!((run.output().unwrap(), run.flow_run().duration()), (112, HOUR), "{executor:?} {kind}");
        }
    }
}

/// How often each resource was set up.
#[derive(Clone, Default)]
struct SetUps(Arc<Mutex<BTreeMap<String, u32>>>);

impl SetUps {
    fn taken(&self) -> Vec<(String, u32)> {
        std::mem::take(&mut *self.0.lock().unwrap()).into_iter().collect()
    }

    fn open(&self, name: &str) -> String {
        let mut set_ups = self.0.lock().unwrap();
        let count = set_ups.entry(name.to_owned()).or_default();
        *count += 1;
        format!("{name} {count}")
    }
}

/// Gives the name with the number of the set-up.
#[task]
fn open(#[shared] set_ups: &SetUps, name: String) -> String {
    set_ups.open(&name)
}

#[task]
fn close(name: &str) {
    let _ = name;
}

#[task(max_retries = 3, retry_delay = "1h")]
fn query(resource: String, n: u32) -> Result<String, String> {
    if context().task_run_count() <= n { Err("not yet".to_owned()) } else { Ok(resource) }
}

#[task]
fn joined(all: Vec<String>) -> String {
    all.join(", ")
}

#[test]
fn who_was_tried_before_the_set_up_needs_no_other_one() {
    for executor in executors() {
        for retrying in [State::new(Retrying), in_an_hour(Retrying)] {
            let set_ups = SetUps::default();
            let flow = flow!("one", { resource(open("db"), close, |db| query(db, 0)) }).share(set_ups.clone());
            let run = TestRun::of(&flow).executor(executor).given_state("query", retrying.clone()).run();
            assert_eq!((run.output().unwrap(), set_ups.taken()), ("db 1".to_owned(), vec![("db".to_owned(), 1)]));
            // Its brothers see the same one.
            let flow =
                flow!("some", { resource(open("db"), close, |db| joined(query::map(unmapped(db), vec![0, 0]))) });
            let children = [retrying.clone(), State::new(Pending)];
            let run =
                TestRun::of(&flow.share(set_ups.clone())).executor(executor).given_children("query", children).run();
            let expected = ("db 1, db 1".to_owned(), vec![("db".to_owned(), 1)]);
            assert_eq!((run.output().unwrap(), set_ups.taken()), expected, "{executor:?}");
        }
    }
}

#[test]
fn a_set_up_of_an_earlier_process_or_of_a_try_in_this_one_is_made_again() {
    for executor in executors() {
        let set_ups = SetUps::default();
        let flow = |n: u32| flow!("one", { resource(open("db"), close, |db| query(db, n)) }).share(set_ups.clone());
        let before = State::success("db 0".to_owned());
        let run = TestRun::of(&flow(0)).executor(executor).given_state("open", before);
        let run = run.given_state("query", in_an_hour(Retrying)).run();
        assert_eq!((run.output().unwrap(), set_ups.taken()), ("db 1".to_owned(), vec![("db".to_owned(), 1)]));
        // The second attempt is made with the first set-up of this process, and fails.
        let run = TestRun::of(&flow(2)).executor(executor).given_state("query", in_an_hour(Retrying)).run();
        assert_eq!((run.output().unwrap(), set_ups.taken()), ("db 2".to_owned(), vec![("db".to_owned(), 2)]));
        // The inner one is there from before, the outer one is not.
        let nested = flow!("nested", {
            resource(open("outer"), close, |outer| {
                resource(open("inner", upstream_tasks = [outer]), close, |inner| query(inner, 0))
            })
        });
        let run = TestRun::of(&nested.share(set_ups.clone())).executor(executor);
        let run = run.given_state("open-2", State::success("inner 0".to_owned()));
        let run = run.given_state("query", in_an_hour(Retrying)).run();
        let once = vec![("inner".to_owned(), 1), ("outer".to_owned(), 1)];
        assert_eq!((run.output().unwrap(), set_ups.taken()), ("inner 1".to_owned(), once), "{executor:?}");
    }
}

/// Each was tried with what an earlier process had set up, and is not to see that again because another one came first.
#[test]
fn two_that_wait_for_different_moments_have_it_set_up_each() {
    let after = |seconds| State::new(Retrying).start_in(Duration::from_secs(seconds));
    for executor in executors() {
        let set_ups = SetUps::default();
        let flow = flow!("two", {
            resource(open("db"), close, |db| {
                let (first, second) = (query(db, 0), query(db, 0));
                (first, second, query(db, 0).after(first), query(db, 0).after(second))
            })
        });
        let run = TestRun::of(&flow.share(set_ups.clone())).executor(executor);
        let run = run.given_state("open", State::success("db 0".to_owned()));
        let run = run.given_state("query-1", after(1)).given_state("query-2", after(2)).run();
        let seen = ["db 1", "db 2", "db 1", "db 2"].map(str::to_owned);
        let twice = vec![("db".to_owned(), 2)];
        assert_eq!((run.output().unwrap(), set_ups.taken()), (seen.into(), twice), "{executor:?}");
        // The second one takes nothing of it, and what follows on that does.
        let flow = flow!("beside", {
            resource(open("db"), close, |db| {
                let (first, second) = (query(db, 0), query(resource = "none", n = 0, upstream_tasks = [db]));
                (first, second, query(db, 0).after(second))
            })
        });
        let run = TestRun::of(&flow.share(set_ups.clone())).executor(executor);
        let run = run.given_state("open", State::success("db 0".to_owned()));
        let run = run.given_state("query-1", after(1)).given_state("query-2", after(2)).run();
        let seen = ["db 1", "none", "db 2"].map(str::to_owned);
        let twice = vec![("db".to_owned(), 2)];
        assert_eq!((run.output().unwrap(), set_ups.taken()), (seen.into(), twice), "{executor:?}");
    }
}

#[task]
fn open_within(#[shared] set_ups: &SetUps, outer: String, name: String) -> String {
    format!("{} in {outer}", set_ups.open(&name))
}

#[task(max_retries = 1, retry_delay = "1h")]
fn both(outer: &str, inner: &str) -> String {
    format!("{outer}, {inner}")
}

/// The outer one is there from before. The inner one is not, and was made of it when the run went on.
#[test]
fn what_lies_in_a_resource_that_is_made_again_is_made_again_too() {
    for executor in executors() {
        let set_ups = SetUps::default();
        let flow = flow!("nested", {
            resource(open("outer"), close, |outer| {
                resource(open_within(outer, "inner"), close, |inner| both(outer, inner))
            })
        });
        let run = TestRun::of(&flow.share(set_ups.clone())).executor(executor);
        let run = run.given_state("open", State::success("outer 0".to_owned()));
        let run = run.given_state("both", in_an_hour(Retrying)).run();
        assert_eq!(run.output().unwrap(), "outer 1, inner 2 in outer 1", "{executor:?}");
        assert_eq!(set_ups.taken(), [("inner".to_owned(), 2), ("outer".to_owned(), 1)], "{executor:?}");
    }
}

/// Waits an hour in its first attempt.
#[task]
fn pauses(resource: String) -> Result<String, Signal> {
    if context().resume() { Ok(resource) } else { Err(Signal::pause("in an hour").start_in(HOUR)) }
}

#[test]
fn a_pause_that_is_over_sets_nothing_up() {
    for executor in executors() {
        let set_ups = SetUps::default();
        let flow = flow!("one", { resource(open("db"), close, |db| pauses(db)) }).share(set_ups.clone());
        let run = TestRun::of(&flow).executor(executor).run();
        assert_eq!((run.output().unwrap(), set_ups.taken()), ("db 1".to_owned(), vec![("db".to_owned(), 1)]));
        assert_eq!(run.flow_run().duration(), HOUR, "{executor:?}");
    }
}

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

/// Fails twice, asks somebody, and fails.
#[task(max_retries = 2, retry_delay = "1h")]
fn asks_at_last(#[shared] attempts: &Arc<Mutex<Vec<u32>>>) -> Result<(), TaskError> {
    attempts.lock().unwrap().push(context().task_run_count());
    if context().task_run_count() == 3 && !context().resume() {
        return Err(Signal::pause("once more?").into());
    }
    Err("no".into())
}

/// Says yes so often, and then nothing.
fn yes(times: u32) -> impl Fn(&Tracked) -> PauseAnswer + Send + Sync {
    let left = AtomicU32::new(times);
    move |_| match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
        Ok(_) => PauseAnswer::Resume,
        Err(_) => PauseAnswer::Leave,
    }
}

#[test]
fn who_was_asked_goes_on_in_the_same_iteration_and_attempt() {
    for executor in executors() {
        let flow = || flow!("turns", { turns() });
        let asked = flow().with(settings(executor).on_pause(yes(1))).run();
        assert_eq!(asked.output().unwrap(), [1, 2, 3, 4], "{executor:?}");
        let flow = flow().with(settings(executor));
        let mut states = flow.run().run_state();
        states.approve("turns-1");
        assert_eq!(flow.run_from(states).output().unwrap(), [1, 2, 3, 4], "{executor:?}");

        let attempts = Arc::new(Mutex::new(Vec::<u32>::new()));
        let flow = || flow!("attempts", { asks_at_last() }).share(Arc::clone(&attempts));
        let asked = flow().with(settings(executor).on_pause(yes(1))).run();
        assert_eq!(asked.state().kind(), Failed);
        assert_eq!(std::mem::take(&mut *attempts.lock().unwrap()), [1, 2, 3, 3], "{executor:?}");
        let flow = flow().with(settings(executor));
        let mut states = flow.run().run_state();
        states.approve("asks_at_last-1");
        assert_eq!(flow.run_from(states).state().kind(), Failed);
        assert_eq!(std::mem::take(&mut *attempts.lock().unwrap()), [1, 2, 3, 3], "{executor:?}");
    }
}
