//! Clocks that give parameters their values.
use std::sync::{Arc, Mutex};

use prefect::schedule::{DatesClock, Schedule};
use prefect::{
    Clock, Flow, FlowBuilder, FlowOptions, Parameter, RunSettings, StateKind, TaskBody, TaskDefinition, Value, built_in,
};
use serde_json::json;

use crate::mistakes;

type Seen = Arc<Mutex<Vec<(i64, i64)>>>;

/// A flow of `p: i64 = 1` and `q: i64`, and what its runs read.
fn flow() -> (Flow, Seen) {
    let seen = Seen::default();
    let mut flow = FlowBuilder::new(FlowOptions::new("scheduled"));
    let (definition, body) = built_in::parameter_or("p", 1_i64);
    let p = flow.task(definition, body);
    let (definition, body) = built_in::parameter::<i64>("q");
    let q = flow.task(definition, body);
    let witness = Arc::clone(&seen);
    let body = TaskBody::new([Parameter::of::<i64>("p"), Parameter::of::<i64>("q")], move |inputs| {
        witness.lock().unwrap().push((*inputs.take(0), *inputs.take(1)));
        Ok(Value::new(()))
    });
    let read = flow.task(TaskDefinition::new("read"), body);
    flow.edge(p, read, "p");
    flow.edge(q, read, "q");
    let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
    (flow.build().with(RunSettings::new().clock(clock)), seen)
}

fn at(moment: &str) -> DatesClock {
    DatesClock::new([moment]).unwrap()
}

#[test]
fn what_a_clock_gives_goes_before_what_the_run_was_given() {
    let (flow, seen) = flow();
    let schedule = Schedule::new(at("2026-01-02"))
        .clock(at("2026-01-03").parameter_default("p", 10).parameter_default("q", 20))
        .clock(at("2026-01-04").parameter_default("q", 30));
    let run = flow.schedule(schedule).with_parameter("p", 5).with_parameter("q", 6).run();
    assert_eq!(run.state().kind(), StateKind::Success);
    assert_eq!(*seen.lock().unwrap(), [(5, 6), (10, 20), (5, 30)]);
}

#[test]
fn a_required_parameter_may_be_left_to_the_clocks() {
    let (flow, seen) = flow();
    let clock = DatesClock::new(["2026-01-02", "2026-01-03"]).unwrap().parameter_default("q", 2);
    assert_eq!(flow.schedule(clock).run().state().kind(), StateKind::Success);
    assert_eq!(*seen.lock().unwrap(), [(1, 2), (1, 2)]);
}

/// Somebody who has written a wrong name for next month wants to know it today.
#[test]
fn mistakes_in_any_clock_are_told_before_the_first_wait() {
    let (flow, seen) = flow();
    let schedule = Schedule::new(at("2026-01-02").parameter_default("q", 1))
        .clock(at("2026-02-02").parameter_default("qq", "no").parameter_default("p", json!([])))
        .clock(at("2026-03-02").parameter_default("qq", "no"));
    let run = flow.schedule(schedule).run();
    assert_eq!(
        mistakes(&run),
        [
            "parameter `p` takes a `i64`: invalid type: sequence, expected i64",
            "parameter `q: i64` is missing",
            "there is no parameter `qq`",
        ]
    );
    assert!(seen.lock().unwrap().is_empty());
    assert_eq!(run.started().to_string(), "2026-01-01T00:00:00Z");
}
