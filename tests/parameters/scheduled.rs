//! Clocks that give parameters their values.
use prefect::schedule::{DatesClock, Schedule};
use prefect::testing::{Recording, START, TestRun};
use prefect::{Flow, FlowBuilder, FlowOptions, Parameter, TaskBody, TaskDefinition, Value, built_in};
use serde_json::json;

use crate::mistakes;

/// A flow of `p: i64 = 1` and `q: i64`, and of a task that gives both.
fn flow() -> Flow {
    let mut flow = FlowBuilder::new(FlowOptions::new("scheduled"));
    let (definition, body) = built_in::parameter_or("p", 1_i64);
    let p = flow.task(definition, body);
    let (definition, body) = built_in::parameter::<i64>("q");
    let q = flow.task(definition, body);
    let body = TaskBody::new([Parameter::of::<i64>("p"), Parameter::of::<i64>("q")], |inputs| {
        Ok(Value::new((*inputs.take::<i64>(0), *inputs.take::<i64>(1))))
    });
    let read = flow.task(TaskDefinition::new("read"), body);
    flow.edge(p, read, "p");
    flow.edge(q, read, "q");
    flow.build()
}

/// What the runs read, all there are.
fn read(runs: &[Recording]) -> Vec<(i64, i64)> {
    runs.iter().map(|run| run.result("read")).collect()
}

fn at(moment: &str) -> DatesClock {
    DatesClock::new([moment]).unwrap()
}

#[test]
fn what_a_clock_gives_goes_before_what_the_run_was_given() {
    let schedule = Schedule::new(at("2026-01-02"))
        .clock(at("2026-01-03").parameter_default("p", 10).parameter_default("q", 20))
        .clock(at("2026-01-04").parameter_default("q", 30));
    let runs = TestRun::of(&flow().schedule(schedule)).parameter("p", 5).parameter("q", 6).run_scheduled(9);
    assert_eq!(read(&runs), [(5, 6), (10, 20), (5, 30)]);
}

#[test]
fn a_required_parameter_may_be_left_to_the_clocks() {
    let clock = DatesClock::new(["2026-01-02", "2026-01-03"]).unwrap().parameter_default("q", 2);
    assert_eq!(read(&TestRun::of(&flow().schedule(clock)).run_scheduled(9)), [(1, 2), (1, 2)]);
}

/// Somebody who has written a wrong name for next month wants to know it today.
#[test]
fn mistakes_in_any_clock_are_told_before_the_first_wait() {
    let schedule = Schedule::new(at("2026-01-02").parameter_default("q", 1))
        .clock(at("2026-02-02").parameter_default("qq", "no").parameter_default("p", json!([])))
        .clock(at("2026-03-02").parameter_default("qq", "no"));
    let runs = TestRun::of(&flow().schedule(schedule)).run_scheduled(9);
    let [run] = &runs[..] else { panic!("one run: {runs:?}") };
    assert_eq!(
        mistakes(run.flow_run()),
        [
            "parameter `p` takes a `i64`: invalid type: sequence, expected i64",
            "parameter `q: i64` is missing",
            "there is no parameter `qq`",
        ]
    );
    assert!(run.changes().is_empty());
    assert_eq!(run.flow_run().started(), START);
}
