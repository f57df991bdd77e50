//! Mistakes in tests: each is a panic that says what is wrong and what to write.
use prefect::prelude::*;
use prefect::testing::TestRun;

use crate::{double, nightly, total};
use prefect_tests::mistakes::panic_of;

#[test]
fn names_that_no_task_has() {
    let flow = nightly::flow();
    let text = panic_of(|| TestRun::of(&flow).given("downlaod", vec![1_u32]));
    assert_eq!(text, "flow `nightly` has no task `downlaod`: did you mean `download`?");
    let text = panic_of(|| TestRun::of(&flow).failing("something", "x"));
    assert_eq!(text, "flow `nightly` has no task `something`: it has `page`, `download`, `double`, `total`");
    let run = TestRun::of(&flow).given("download", vec![1_u32]).run();
    for text in [
        panic_of(|| run.state_of("totla")),
        panic_of(|| run.kinds_of("totla")),
        panic_of(|| run.assert_state("totla", Success)),
        panic_of(|| run.result::<u32>("totla")),
    ] {
        assert_eq!(text, "flow `nightly` has no task `totla`: did you mean `total`?");
    }
    let text = panic_of(|| run.state_of("double[1]"));
    assert!(
        text.starts_with("task `double` has 1 child, and none of number 1 (the first is 0)\nflow `nightly`"),
        "{text}"
    );
    let text = panic_of(|| TestRun::of(&flow!("empty", {})).failing("x", "x"));
    assert_eq!(text, "flow `empty` has no task `x`, and no other");
}

#[test]
fn names_that_several_tasks_have() {
    let flow = flow!("twice", { double(double(1)) });
    let text = panic_of(|| TestRun::of(&flow).given("double", 1_u32));
    assert_eq!(text, "flow `twice` has 2 tasks `double`: say which by its slug: `double-1`, `double-2`");
    assert_eq!(TestRun::of(&flow).given("double-1", 4_u32).run().output().unwrap(), 8);
}

#[test]
fn tasks_of_other_flows() {
    let mut node = None;
    flow!("other", { node = Some(double(1)) });
    let flow = flow!("one", { double(1) });
    assert_eq!(panic_of(|| TestRun::of(&flow).given(node.unwrap(), 1)), "this task belongs to another flow");
}

#[test]
fn results_of_another_type() {
    let flow = nightly::flow();
    let text = panic_of(|| TestRun::of(&flow).given("download", vec![1_i64]));
    assert_eq!(text, "task `download` gives a `Vec<u32>`, and was given a `Vec<i64>`");
    let text = panic_of(|| {
        TestRun::of(&flow).given_children("double", [State::success(1_u32), State::success("1".to_owned())])
    });
    assert_eq!(text, "task `double` gives a `u32`, and was given a `String`");
    let text = panic_of(|| TestRun::of(&flow).with_body("total", |_| Ok(1_i64)));
    assert_eq!(text, "task `total` gives a `u32`, and was given a `i64`");
    let run = TestRun::of(&flow).given("download", vec![1_u32]).run();
    let text = panic_of(|| run.result::<i64>("total"));
    assert!(
        text.starts_with("the result of task `total` is a `u32`, and not a `i64`\nflow `nightly`: Success"),
        "{text}"
    );
}

#[test]
fn tasks_without_a_result() {
    let run = TestRun::of(&nightly::flow()).failing("download", "503").run();
    let text = panic_of(|| run.result::<u32>("total"));
    assert!(text.starts_with("task `total` has no result: it is TriggerFailed\nflow `nightly`: Failed"), "{text}");
    assert!(text.contains("Error during execution of task: 503"), "{text}");
}

#[test]
fn mapped_tasks_and_others() {
    let flow = nightly::flow();
    let text = panic_of(|| TestRun::of(&flow).given("double", vec![1_u32]));
    assert_eq!(text, "task `double` is mapped: give its children their states by `given_children`");
    let text = panic_of(|| TestRun::of(&flow).given_children("total", []));
    assert_eq!(text, "task `total` is not mapped: give it its own state by `given_state`");
    let run = TestRun::of(&flow).given("download", vec![1_u32]).run();
    let text = panic_of(|| run.result::<Vec<u32>>("double"));
    assert!(text.starts_with("task `double` is mapped: the results of its children are"), "{text}");
    let text = panic_of(|| run.results::<u32>("total"));
    assert_eq!(text, "task `total` is not mapped: its result is `result`");
    let two = [State::success(1_u32), State::success(2_u32)];
    let text = panic_of(|| TestRun::of(&flow).given("download", vec![1_u32]).given_children("double", two).run());
    assert!(text.starts_with("task `double` was mapped to 1 child, and 2 were given states\n"), "{text}");
}

#[test]
fn assertions_show_the_run() {
    let run = TestRun::of(&flow!("sum", { total(vec![1]) })).run();
    let text = panic_of(|| run.assert_state("total", Failed));
    assert_eq!(text, format!("task `total` is Success, and not Failed\n{run}"));
    let text = panic_of(|| run.assert_ended(Failed));
    assert_eq!(text, format!("the flow run is Success, and not Failed\n{run}"));
}

#[test]
fn moments_configurations_and_schedules_that_are_none() {
    let flow = nightly::flow();
    assert!(panic_of(|| TestRun::of(&flow).now("tomorrow")).starts_with("`tomorrow` is no moment: "));
    let text = panic_of(|| TestRun::of(&flow).config("[tasks.defaults]\nmax_retries = \"many\"").run());
    assert!(text.starts_with("config.toml:2:"), "{text}");
    let text = panic_of(|| TestRun::of(&flow).run_scheduled(1));
    assert_eq!(text, "flow `nightly` has no schedule: give it one by `flow.schedule(..)`, or write `.run()`");
}

#[tokio::test]
async fn waiting_in_an_async_test() {
    let flow = nightly::flow();
    let text = panic_of(|| TestRun::of(&flow).run());
    assert_eq!(text, "this would hold up the async runtime that it is called in: write `.run_async().await`");
    let text = panic_of(|| TestRun::of(&flow).run_scheduled(1));
    assert!(text.ends_with("write `.run_scheduled_async(..).await`"), "{text}");
}
