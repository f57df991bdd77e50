//! Flows as parts of others. On record: `flow_update_and_merge`.
use std::collections::HashMap;

use prefect::prelude::*;
use prefect::{FlowBuilder, FlowOptions, TaskBody, TaskDefinition, Value, update};
use prefect_tests::seen::states;

#[task]
fn number(n: i64) -> i64 {
    n
}
#[task]
fn numbers() -> Vec<i64> {
    vec![1, 2]
}
#[task]
fn add(x: i64, y: i64) -> i64 {
    x + y
}
#[task]
fn total(numbers: Vec<i64>) -> i64 {
    numbers.iter().sum()
}
#[task(trigger = all_finished)]
fn kinds(outcomes: HashMap<String, Outcome<i64>>) -> usize {
    outcomes.len()
}
#[task]
fn fails() -> Result<i64, String> {
    Err("boom".to_owned())
}

type Outputs = (Node<i64>, Node<i64>, prefect::Mapped<i64>, Node<i64>);

/// Every kind of input: results, constants, lists, maps, mapped ones, edges without data.
fn part() -> prefect::Flow<Outputs> {
    flow!("part", {
        let [a, b] = [number(1), number(2)];
        let mapped = add::map(numbers(), unmapped(b));
        let listed = add::map([a, b], unmapped(10));
        let bad = fails();
        number(7).after((listed, bad));
        kinds(HashMap::from([("a".to_owned(), a), ("b".to_owned(), bad)]));
        (add(a, 5), total(list![a, 1, b]), mapped, total(listed))
    })
}

#[test]
fn every_kind_of_input() {
    let alone = part();
    let expected = alone.run();
    let flow = flow!("whole", {
        number(100);
        let first = update(&alone);
        number(101);
        (first, update(&alone))
    });
    let run = flow.run();
    let outputs = (6, 4, vec![3, 4], 23);
    assert_eq!(expected.output().unwrap(), outputs);
    assert_eq!(run.output().unwrap(), (outputs.clone(), outputs));
    let mut twice = [states(&expected), states(&expected)].concat();
    twice.extend(["number Success".to_owned(), "number Success".to_owned()]);
    let mut seen = states(&run);
    twice.sort();
    seen.sort();
    assert_eq!(seen, twice);
    // The part's own reference tasks do not decide alone.
    assert_eq!(run.state().kind(), expected.state().kind());
}

#[test]
fn what_comes_along() {
    fn called(_: &Tracked, _: &State, _: State) {
        panic!("the handlers of the part do not come along");
    }
    let part = flow!("part", state_handlers = [called], {
        let bad = fails();
        let good = number(1);
        reference_tasks([good]);
        (bad, good)
    });
    let run = flow!("whole", {
        let (bad, good) = update(&part);
        let _ = bad;
        add(good, 1)
    })
    .run();
    assert_eq!(states(&run), ["fails Failed", "number Success", "add Success"]);
    assert_eq!(run.state().kind(), Failed);
}

#[test]
fn inside_a_case() {
    let part = flow!("part", { add(number(1), 2) });
    let run = |cond: i64| flow!("case", { case(number(cond), 1, || update(&part)) }).run();
    assert_eq!(run(1).output().unwrap(), 3);
    assert_eq!(states(&run(2)), ["number Success", "case(1) Skipped", "number Skipped", "add Skipped"]);
}

#[test]
fn a_task_of_another_flow() {
    let make = |name: &'static str| {
        let mut flow = FlowBuilder::new(FlowOptions::new(name));
        let task = flow.task(TaskDefinition::new("one"), TaskBody::new([], |_| Ok(Value::new(1_i64))));
        (flow, task)
    };
    let ((part, _), (mut whole, own)) = (make("part"), make("whole"));
    let updated = whole.update(&part.build());
    let panic = std::panic::catch_unwind(|| updated.task(own)).unwrap_err();
    assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "this task belongs to another flow");
}
