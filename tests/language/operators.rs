//! Operators, comparisons and indexing on results of tasks.
use std::collections::{BTreeMap, HashMap};

use prefect::prelude::*;
use prefect_tests::seen::states;

#[task]
fn number(n: i64) -> i64 {
    n
}
#[task]
fn half() -> f64 {
    0.5
}
#[task]
fn flag(is: bool) -> bool {
    is
}
#[task]
fn scores() -> Vec<i64> {
    vec![5, 6]
}
#[task]
fn place() -> usize {
    1
}
#[task]
fn ages() -> HashMap<String, u8> {
    HashMap::from([("ann".to_owned(), 30)])
}
#[task]
fn names() -> BTreeMap<u8, String> {
    BTreeMap::from([(1, "ann".to_owned())])
}

#[test]
fn arithmetic() {
    let flow = flow!("arithmetic", {
        let [a, b] = [number(7), number(2)];
        (
            [a + b, a - b, a * b, a / b, a % b, -a],
            [a + 1, 1 + a, a - 1, 10 - a, a * 3, 3 * a, a / 3, 100 / a, a % 4, 100 % a],
            [half() + 0.25, 1.0 - half()],
            (a + b) * (a - b) + number(n = b),
        )
    });
    let (nodes, plain, floats, nested) = flow.run().output().unwrap();
    assert_eq!(nodes, [9, 5, 14, 3, 1, -7]);
    assert_eq!(plain, [8, 8, 6, 3, 21, 21, 2, 14, 3, 2]);
    #[allow(clippy::float_cmp, reason = "quarters are exact")]
    let exact = floats == [0.75, 0.5];
    assert!(exact);
    assert_eq!(nested, 47);
}

#[test]
fn logic_and_comparisons() {
    let flow = flow!("logic", {
        let [yes, no] = [flag(true), flag(false)];
        let [a, b] = [number(7), number(2)];
        (
            [!yes, yes & no, yes | no, yes & true, no | false],
            [
                a.lt(b),
                b.lt(a),
                a.le(7),
                a.lt(7),
                a.gt(b),
                a.gt(7),
                a.ge(7),
                b.ge(a),
                a.eq(7),
                a.eq(b),
                a.ne(b),
                a.ne(7),
            ],
        )
    });
    let (logic, comparisons) = flow.run().output().unwrap();
    assert_eq!(logic, [false, false, true, true, false]);
    assert_eq!(comparisons.map(u8::from), [0, 1, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
}

#[test]
fn prefects_names() {
    let run = flow!("names", {
        let [a, yes] = [number(7).gt(1), flag(true)];
        let b = number(1);
        let scores = scores();
        _ = (b + b, b - b, b * b, b / b, b % b, a & yes, a | yes, !a, -b);
        _ = (b.lt(1), b.le(1), b.gt(1), b.ge(1), b.eq(1), b.ne(1));
        _ = (scores.get(0), scores.get(place()), ages().get("ann"), names().get(1));
    })
    .run();
    let names: Vec<_> = run.task_runs().map(|task| task.name).collect();
    let made = [
        ["GreaterThan", "Add", "Sub", "Mul", "Div", "Mod", "And", "Or", "Not", "Neg"].as_slice(),
        &["LessThan", "LessThanOrEqual", "GreaterThan", "GreaterThanOrEqual", "Equal", "NotEqual"],
        &["scores[0]", "scores[<Task: place>]", "ages[\"ann\"]", "names[1]"],
    ];
    let own = ["number", "flag", "scores", "place", "ages", "names"];
    let seen: Vec<_> = names.iter().filter(|name| !own.contains(&name.as_str())).collect();
    assert_eq!(seen, made.concat());
}

#[test]
fn items() {
    let flow = flow!("items", {
        let scores = scores();
        (scores.get(0), scores.get(place()), ages().get("ann"), names().get(1))
    });
    assert_eq!(flow.run().output().unwrap(), (5, 6, 30, "ann".to_owned()));
}

#[test]
fn failures_end_one_task_run() {
    let run = flow!("failures", {
        let missing = [scores().get(2)];
        let zero = 1 / number(0);
        (missing, zero, ages().get("bob"), names().get(9), zero + 1)
    })
    .run();
    let failed = |name: &str| {
        let task = run.task_runs().find(|task| task.name == name).unwrap();
        assert_eq!(task.state.kind(), Failed, "{name}");
        task.state.message().unwrap().to_owned()
    };
    assert_eq!(failed("scores[2]"), "Error during execution of task: no element 2: the list has 2");
    assert_eq!(failed("ages[\"bob\"]"), "Error during execution of task: no key \"bob\"");
    assert_eq!(failed("names[9]"), "Error during execution of task: no key 9");
    assert!(failed("Div").contains("attempt to divide by zero"), "{}", failed("Div"));
    assert!(states(&run).contains(&"Add TriggerFailed".to_owned()));
}
