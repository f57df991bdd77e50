//! Lists, maps and tuples that hold results of tasks.
use std::collections::{BTreeMap, HashMap};

use prefect::prelude::*;

#[task]
fn number(n: i64) -> i64 {
    n
}
#[task]
fn fails() -> Result<i64, String> {
    Err("boom".to_owned())
}
#[task]
fn skips() -> Result<i64, Signal> {
    Err(Signal::skip("not today"))
}
#[task]
fn total(numbers: Vec<i64>) -> i64 {
    numbers.iter().sum()
}
#[task]
fn borrowed(numbers: &[i64]) -> i64 {
    numbers.iter().sum()
}
#[task]
fn words(texts: Vec<String>) -> String {
    texts.concat()
}
#[task]
fn hashed(map: HashMap<String, i64>) -> i64 {
    map["a"] * 10 + map["b"]
}
#[task]
fn sorted(map: &BTreeMap<String, i64>) -> String {
    format!("{map:?}")
}
#[task]
fn by_number(map: BTreeMap<u8, String>) -> String {
    map.into_values().collect()
}
#[task]
fn pair(pair: (i64, String)) -> String {
    format!("{} {}", pair.0, pair.1)
}
#[task]
fn four(all: (i64, i64, String, bool)) -> String {
    format!("{all:?}")
}
#[task]
fn eight(all: (i64, i64, i64, i64, i64, i64, i64, i64)) -> i64 {
    [all.0, all.1, all.2, all.3, all.4, all.5, all.6, all.7].iter().sum()
}
#[task]
fn text(n: i64) -> String {
    format!("<{n}>")
}
#[task(trigger = all_finished, skip_on_upstream_skip = false)]
fn report(outcomes: Vec<Outcome<i64>>) -> String {
    outcomes
        .iter()
        .map(|o| {
            if o.is_success() {
                '+'
            } else if o.is_skipped() {
                's'
            } else {
                '-'
            }
        })
        .collect()
}
#[task(trigger = all_finished)]
fn by_name(outcomes: BTreeMap<String, Outcome<i64>>) -> String {
    let told = |(name, outcome): (&String, &Outcome<i64>)| format!("{name}:{} ", outcome.is_success());
    outcomes.iter().map(told).collect()
}
#[task(trigger = any_successful)]
fn some(values: Vec<Option<i64>>) -> i64 {
    values.into_iter().flatten().sum()
}

#[test]
fn lists() {
    let flow = flow!("lists", {
        let [a, b] = [number(1), number(2)];
        let many: Vec<_> = (0..100).map(number).collect();
        (
            (total(vec![a, b, a]), total([a, b]), borrowed(vec![a, b]), borrowed(numbers = [b]), total(many)),
            (total(vec![1, 2]), total([3, 4]), words(["a", "b"]), words(vec!["c"]), words([text(1), text(n = b)])),
            (
                total(list![a, -1, b]),
                borrowed(list![a, 5]),
                total(list![1, 2]),
                words(list![text(a), "x", "y".to_owned()]),
            ),
            (total([input(a), input(7)]), total(Vec::<Node<i64>>::new())),
        )
    });
    let run = flow.run();
    let (nodes, plain, mixed, more) = run.output().unwrap();
    assert_eq!(nodes, (4, 3, 3, 2, 4950));
    let text = |s: &str| s.to_owned();
    assert_eq!(plain, (3, 7, text("ab"), text("c"), text("<1><2>")));
    assert_eq!(mixed, (2, 6, 3, text("<1>xy")));
    assert_eq!(more, (8, 0));
}

#[test]
fn no_task_is_made_for_a_collection() {
    let flow = flow!("few", { total(vec![number(1), number(2)]) });
    let run = flow.run();
    let names: Vec<_> = run.task_runs().map(|task| task.name).collect();
    assert_eq!(names, ["number", "number", "total"]);
}

#[test]
fn maps() {
    let flow = flow!("maps", {
        let [a, b] = [number(1), number(2)];
        (
            (hashed([("a", a), ("b", b)]), hashed([("a", 3), ("b", 4)]), hashed(HashMap::from([("a", a), ("b", a)]))),
            hashed(HashMap::from([("a".to_owned(), b), ("b".to_owned(), a)])),
            hashed(HashMap::from([("a".to_owned(), input(5)), ("b".to_owned(), input(a))])),
            (hashed([("a", input(a)), ("b", input(9))]), hashed([("a".to_owned(), b), ("b".to_owned(), b)])),
            (
                sorted([("y", a), ("x", b)]),
                sorted(BTreeMap::from([("z", a)])),
                sorted([("k", input(a)), ("l", input(-1))]),
            ),
            (by_number([(2, text(a)), (1, text(b))]), by_number(BTreeMap::from([(1, text(a))])), sorted([("c", 1)])),
        )
    });
    let run = flow.run();
    let (first, owned, inputs, arrays, trees, numbers) = run.output().unwrap();
    assert_eq!((first, owned, inputs, arrays), ((12, 34, 11), 21, 51, (19, 22)));
    let text = |s: &str| s.to_owned();
    assert_eq!(trees, (text(r#"{"x": 2, "y": 1}"#), text(r#"{"z": 1}"#), text(r#"{"k": 1, "l": -1}"#)));
    assert_eq!(numbers, (text("<2><1>"), text("<1>"), text(r#"{"c": 1}"#)));
}

#[test]
fn tuples() {
    let flow = flow!("tuples", {
        let [a, b] = [number(1), number(2)];
        (
            (pair((a, text(b))), pair((a, "x".to_owned())), pair((5, text(a))), pair((6, "y".to_owned()))),
            (four((a, 2, text(a), true)), four((1, b, "z".to_owned(), false))),
            eight((a, b, a, b, a, b, a, b)),
        )
    });
    let text = |s: &str| s.to_owned();
    let (pairs, fours, eight) = flow.run().output().unwrap();
    assert_eq!(pairs, (text("1 <2>"), text("1 x"), text("5 <1>"), text("6 y")));
    assert_eq!(fours, (text(r#"(1, 2, "<1>", true)"#), text(r#"(1, 2, "z", false)"#)));
    assert_eq!(eight, 12);
}

#[test]
fn what_became_of_each() {
    let flow = flow!("outcomes", {
        let [good, bad, skipped] = [number(3), fails(), skips()];
        let all = vec![good, bad, skipped];
        (
            report(all.clone()),
            some([good, bad]),
            by_name(BTreeMap::from([("bad".to_owned(), bad), ("ok".to_owned(), good)])),
        )
    });
    let run = flow.run();
    assert_eq!(run.output().unwrap(), ("+-s".to_owned(), 3, "bad:false ok:true ".to_owned()));
}

/// The trigger and the rule of skips see every task of the collection, wherever it stands in it.
#[test]
fn each_is_upstream() {
    let flow = flow!("upstream", {
        [
            total(list![1, number(1), fails()]),
            hashed([("a", number(1)), ("b", skips())]),
            borrowed([fails(), number(2)]),
        ]
    });
    let run = flow.run();
    let states = flow.run();
    let kinds: Vec<_> = states
        .task_runs()
        .filter(|task| ["total", "hashed", "borrowed"].contains(&&*task.name))
        .map(|task| task.state.kind())
        .collect();
    assert_eq!(kinds, [TriggerFailed, Skipped, TriggerFailed]);
    assert!(run.output().is_err());
}

/// A list whose task gave something else than its type says fails its reader alone, which names both.
#[test]
fn a_part_of_another_type() {
    #[task]
    fn odd() -> Result<i64, Signal> {
        Err(Signal::success("odd").with_value(prefect::Value::new(vec![1_i64])))
    }
    let run = flow!("odd", { total(vec![number(1), odd()]) }).run();
    let error = run.output().unwrap_err();
    let message = error.state.message().unwrap().to_owned();
    assert!(
        message.contains("parameter `numbers` cannot be made of the `alloc::vec::Vec<i64>` that task `odd` gave"),
        "{message}"
    );
}
