//! Tasks that are given results, states and other bodies.
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use prefect::prelude::*;
use prefect::testing::TestRun;
use prefect::{Executor, FlowBuilder, FlowOptions, Parameter, PauseAnswer, TaskBody, TaskDefinition, Value};

use crate::{double, download, nightly, total};

#[test]
fn a_given_result_is_read_and_its_task_is_not_run() {
    for executor in [Executor::Local, Executor::threads(4)] {
        let run = TestRun::of(&nightly::flow()).given("download", vec![1_u32, 2]).executor(executor).run();
        assert_eq!(run.output().unwrap(), 6);
        assert_eq!(run.result::<Vec<u32>>("download"), [1, 2]);
        assert_eq!(run.results::<u32>("double"), [2, 4]);
        assert_eq!(run.result::<u32>("double[1]"), 4);
        assert_eq!((run.attempts("download"), run.attempts("double[0]")), (0, 1));
        assert_eq!(run.kinds_of("download"), []);
        assert_eq!(run.kinds_of("total"), [Running, Success]);
    }
}

#[test]
fn a_given_failure_is_no_attempt_and_a_failing_body_is_one() {
    let flow = nightly::flow();
    let given = TestRun::of(&flow).given_state("download", State::failed("503")).run();
    assert_eq!(given.flow_run().duration().as_secs(), 0);
    let failing = TestRun::of(&flow).failing("download", "503").run();
    assert_eq!(failing.flow_run().duration().as_secs(), 2 * 3600);
    assert_eq!(failing.attempts("download"), 3);
    let told = |run: &prefect::testing::Recording<_>| {
        run.notifications().iter().filter(|sent| sent.name == "download").count()
    };
    assert_eq!((told(&given), told(&failing)), (0, 3));
    for run in [given, failing] {
        run.assert_ended(Failed).assert_state("download", Failed).assert_state("total", TriggerFailed);
    }
}

#[test]
fn a_body_is_called_with_the_inputs_of_each_attempt() {
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let run = TestRun::of(&nightly::flow())
        .parameter("page", 7)
        .with_body("download", move |inputs| {
            assert_eq!(*inputs.take::<u32>(0), 7);
            match count.fetch_add(1, Ordering::SeqCst) {
                0 => panic!("at first"),
                n => Ok(vec![n, context().task_run_count()]),
            }
        })
        .run();
    assert_eq!(run.output().unwrap(), 2 * (1 + 2));
    assert_eq!(run.kinds_of("download"), [Running, Failed, Retrying, Running, Success]);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[test]
fn the_flow_itself_stays_as_it_was() {
    let flow = flow!("one", { double(1) });
    assert_eq!(TestRun::of(&flow).with_body("double", |_| Ok(7_u32)).run().output().unwrap(), 7);
    assert_eq!(TestRun::of(&flow).given("double", 8_u32).run().output().unwrap(), 8);
    assert_eq!(TestRun::of(&flow).run().output().unwrap(), 2);
}

#[test]
fn children_are_given_their_states() {
    let states = || [State::success(5_u32), State::failed("no"), State::skipped("not today")];
    let flow = flow!("pages", { total(double::map([1, 2, 3])) });
    let run = TestRun::of(&flow).given_children("double", states()).run();
    let kinds = [("double", Mapped), ("double[0]", Success), ("double[1]", Failed), ("double[2]", Skipped)];
    assert_eq!(run.kinds()[..4], kinds);
    assert_eq!(run.children_of("double")[1].message(), Some("no"));
    assert!(run.to_string().contains("double[1]  Failed   given  no"), "{run}");
}

#[test]
fn a_pause_can_be_given_and_answered() {
    let flow = flow!("release", { double(1) });
    let run = TestRun::of(&flow).given_state("double", State::new(Paused)).run();
    run.assert_ended(Running).assert_state("double", Paused);
    let run = TestRun::of(&flow).given_state("double", State::new(Paused)).on_pause(|_| PauseAnswer::Resume).run();
    assert_eq!(run.output().unwrap(), 2);
}

#[test]
fn nodes_say_which_task_is_meant_and_of_what_type_it_is() {
    let mut nodes = None;
    let flow = flow!("twice", {
        let first = double(1);
        let second = double(first);
        let pages = double::map([1, 2]);
        nodes = Some((first, second, pages));
    });
    let (first, second, pages) = nodes.unwrap();
    let run = TestRun::of(&flow).given(first, 5).failing(pages, "no").run();
    let result = run.result(second);
    assert_eq!(result, 10);
    run.assert_state(first, Success).assert_state("double-1", Success).assert_state("double-3[1]", Failed);
    assert_eq!(run.children_of(pages).len(), 2);
}

#[test]
fn flows_that_are_built_at_run_time() {
    let mut flow = FlowBuilder::new(FlowOptions::new("built"));
    let one = flow.task(TaskDefinition::new("one"), TaskBody::new([], |_| Err("no".into())));
    let next = flow.task(
        TaskDefinition::new("next"),
        TaskBody::new([Parameter::of::<i64>("x")], |inputs| Ok(Value::new(*inputs.take::<i64>(0) + 1))),
    );
    flow.edge(one, next, "x");
    let flow = flow.build();
    let run = TestRun::of(&flow).given(one, 4_i64).run();
    assert_eq!(run.result::<i64>(next), 5);
    // Only the reader knows that this is the wrong type.
    let run = TestRun::of(&flow).given("one", "4".to_owned()).run();
    let message = run.state_of("next").message().unwrap().to_owned();
    assert!(
        message.contains("parameter `x` takes a `i64`, but task `one` gave a `alloc::string::String`"),
        "{message}"
    );
}

#[test]
fn one_task_alone() {
    let run = TestRun::of_task(|| download(3)).run();
    assert_eq!(run.attempts("download"), 3);
    assert_eq!(run.output().unwrap_err().task, "download");
    let run = TestRun::of_task(|| double(3)).run();
    assert_eq!(run.output().unwrap(), 6);
}

#[test]
fn what_a_flow_shares_and_its_parameters_come_along() {
    #[task]
    fn read(#[shared] pool: &String, n: u32) -> String {
        format!("{pool} {n}")
    }
    #[prefect::flow]
    fn reads(n: u32) -> String {
        read(n)
    }
    let flow = reads::parameters().n(3).flow().share("pool".to_owned());
    assert_eq!(TestRun::of(&flow).run().output().unwrap(), "pool 3");
    assert_eq!(TestRun::of(&flow).parameter("n", 4).run().output().unwrap(), "pool 4");
    let flow = reads::flow().share(String::new());
    let message = TestRun::of(&flow).parameter("m", 4).run().state().message().unwrap().to_owned();
    assert!(message.contains("did not receive the following required parameters: n"), "{message}");
}
