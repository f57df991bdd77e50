//! Flows that are built at run time.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use prefect::trigger::Trigger;
use prefect::{
    Elements, Executor, Flow, FlowBuilder, FlowOptions, Parameter, RunSettings, SignalKind, State, StateKind,
    StateResult, TaskBody, TaskDefinition, TaskRef, Tracked, Value, built_in,
};
use prefect_tests::mistakes::panic_of;
use prefect_tests::seen::{message_of, states};
use serde_json::{Map, Value as Json, json};

use crate::{declared, mistakes};

/// `x: i64`, `rows: u32 = 3`, `tag: Option<String>`.
fn three() -> (Flow, [TaskRef; 3]) {
    let mut flow = FlowBuilder::new(FlowOptions::new("three"));
    let (definition, body) = built_in::parameter::<i64>("x");
    let x = flow.task(definition, body);
    let (definition, body) = built_in::parameter_or("rows", 3_u32);
    let rows = flow.task(definition, body);
    let (definition, body) = built_in::parameter::<Option<String>>("tag");
    let tag = flow.task(definition, body);
    (flow.build(), [x, rows, tag])
}

fn same(name: &'static str) -> (TaskDefinition, TaskBody) {
    let body = TaskBody::new([Parameter::any("value")], |inputs| Ok(inputs.take_value(0)));
    (TaskDefinition::new(name), body)
}

#[test]
fn a_parameter_gives_what_the_run_is_given_or_its_default() {
    let (flow, [x, rows, tag]) = three();
    assert_eq!(declared(&flow), ["x: i64", "rows: u32 = 3", "tag: Option<String> = null"]);
    for executor in [Executor::Local, Executor::threads(2)] {
        let (flow, [x, rows, tag]) = three();
        let run = flow.with(RunSettings::new().executor(executor)).with_parameter("x", -2).run();
        assert_eq!(states(&run), ["x Success", "rows Success", "tag Success"]);
        assert_eq!(run.state_of(x).value(), Some(&-2_i64));
        assert_eq!(run.state_of(rows).value(), Some(&3_u32));
        assert_eq!(run.state_of(tag).value(), Some(&None::<String>));
        assert_eq!(run.task_runs().map(|run| run.slug).collect::<Vec<_>>(), ["x", "rows", "tag"]);
    }
    // Values stay with the flow, and the last one for a name holds.
    let given: [(&str, Json); 3] = [("x", json!(1)), ("tag", json!("t")), ("x", json!(2))];
    let run = flow.with_parameters(given).with_parameter("rows", 9).with(RunSettings::new()).run();
    assert_eq!(run.state_of(x).value(), Some(&2_i64));
    assert_eq!(run.state_of(rows).value(), Some(&9_u32));
    assert_eq!(run.state_of(tag).value(), Some(&Some("t".to_owned())));
}

/// To JSON `2.0` and `2` are one number. What takes a float, or any JSON, gets it as it was written.
#[test]
fn a_whole_number_is_an_integer_however_it_is_written() {
    let (flow, [x, rows, _]) = three();
    let run = flow.with_parameters([("x", json!(-2.0)), ("rows", json!(1e3))]).run();
    assert_eq!((run.state_of(x).value(), run.state_of(rows).value()), (Some(&-2_i64), Some(&1_000_u32)));
    let mut flow = FlowBuilder::new(FlowOptions::new("any"));
    let (definition, body) = built_in::parameter::<Json>("any");
    let any = flow.task(definition, body);
    let (definition, body) = built_in::parameter::<Vec<f64>>("shares");
    let shares = flow.task(definition, body);
    let run = flow.build().with_parameters([("any", json!([2.0])), ("shares", json!([2, 0.5]))]).run();
    assert_eq!(run.state_of(any).value(), Some(&json!([2.0])));
    assert_eq!(run.state_of(shares).value(), Some(&vec![2.0, 0.5]));
    let (flow, _) = three();
    let run = flow.with_parameter("x", 2.5).run();
    assert_eq!(mistakes(&run), ["parameter `x` takes a `i64`: invalid type: floating point `2.5`, expected i64"]);
}

#[test]
fn all_mistakes_are_told_at_once_and_nothing_runs() {
    let handled = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&handled);
    let options = FlowOptions::new("etl").state_handler(move |_: &Tracked, _: &State, new: State| {
        counted.fetch_add(1, Ordering::SeqCst);
        new
    });
    let mut flow = FlowBuilder::new(options);
    for (definition, body) in [
        built_in::parameter::<String>("path"),
        built_in::parameter::<u8>("small"),
        built_in::parameter::<Vec<String>>("names"),
        built_in::parameter_or("rows", 1_u32),
    ] {
        flow.task(definition, body);
    }
    let flow = flow.build().with_parameters([("small", json!(300)), ("rows", json!("many")), ("nmaes", json!([]))]);
    let run = flow.with_parameter("hello", Json::Null).run();
    assert_eq!(
        mistakes(&run),
        [
            "parameter `path: String` is missing",
            "parameter `small` takes a `u8`: invalid value: integer `300`, expected u8",
            "parameter `names: Vec<String>` is missing",
            "parameter `rows` takes a `u32`: invalid type: string \"many\", expected u32",
            "there is no parameter `hello`",
            "there is no parameter `nmaes`: did you mean `names`?",
        ]
    );
    assert_eq!(
        run.state().message().unwrap(),
        "Flow.run did not receive the following required parameters: path, names; \
         Flow.run received the following unexpected parameters: hello, nmaes (did you mean `names`?); \
         parameter `small` takes a `u8`: invalid value: integer `300`, expected u8; \
         parameter `rows` takes a `u32`: invalid type: string \"many\", expected u32"
    );
    assert_eq!(run.state().kind(), StateKind::Failed);
    assert_eq!(handled.load(Ordering::SeqCst), 0);
    assert!(run.task_runs().all(|task| task.state.kind() == StateKind::Pending));
}

/// One pass is `FlowRunner.run`, which does not look at them before.
#[test]
fn in_one_pass_a_parameter_without_a_value_fails() {
    let (flow, [x, ..]) = three();
    let run = flow.with_parameters([("rows", json!(-1)), ("what", json!(1))]).run_once();
    assert_eq!(states(&run), ["x Failed", "rows Failed", "tag Success"]);
    assert_eq!(message_of(&run, "x"), "Parameter \"x\" was required but not provided.");
    assert!(matches!(run.state_of(x).result(), StateResult::Signal(SignalKind::Fail, _)));
    assert!(message_of(&run, "rows").starts_with("parameter `rows` takes a `u32`: invalid value: integer `-1`"));
}

#[test]
fn a_parameter_is_a_task_like_others() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut flow = FlowBuilder::new(FlowOptions::new("task"));
    let (definition, body) = built_in::parameter::<Json>("list");
    let witness = Arc::clone(&seen);
    let definition = definition.tags(["web"]).state_handler(move |of: &Tracked, old: &State, new: State| {
        witness.lock().unwrap().push(format!("{}: {} -> {}", of.slug(), old.kind(), new.kind()));
        new
    });
    let list = flow.task(definition, body);
    let (definition, body) = same("each");
    let each = flow.task(definition, body);
    flow.map(list, each, "value", Elements::json());
    let run = flow.build().with_parameter("list", json!([1, 2])).run();
    assert_eq!(run.map_states(each).len(), 2);
    assert_eq!(*seen.lock().unwrap(), ["list: Pending -> Running", "list: Running -> Success"]);
}

/// A task whose slug would be a parameter's has the next number.
#[test]
fn slugs_stay_apart() {
    let mut flow = FlowBuilder::new(FlowOptions::new("slugs"));
    for _ in 0..2 {
        flow.task(TaskDefinition::new("a"), TaskBody::new([], |_| Ok(Value::new(()))));
    }
    let (definition, body) = built_in::parameter_or("a-1", 0_u8);
    flow.task(definition, body);
    let slugs: Vec<_> = flow.build().run().task_runs().map(|run| run.slug).collect();
    assert_eq!(slugs, ["a-2", "a-3", "a-1"]);
}

#[test]
fn two_parameters_of_one_name_are_refused() {
    let mut flow = FlowBuilder::new(FlowOptions::new("twice"));
    let (definition, body) = built_in::parameter::<u8>("p");
    flow.task(definition, body);
    let (definition, body) = built_in::parameter::<u8>("q");
    assert_eq!(
        panic_of(|| flow.task(definition.named("p"), body)),
        "A task with the slug \"p\" already exists in this flow. (flow `twice` has two parameters named `p`)"
    );
}

/// Prefect's `flow.update`.
#[test]
fn the_parameters_of_a_part_are_those_of_the_whole() {
    let (part, [x, rows, _]) = three();
    let mut flow = FlowBuilder::new(FlowOptions::new("whole"));
    let (definition, body) = built_in::parameter_or("first", 7_i64);
    let first = flow.task(definition, body);
    let updated = flow.update(&part);
    let (definition, body) = same("read");
    let read = flow.task(definition, body);
    flow.edge(updated.task(rows), read, "value");
    let flow = flow.build();
    assert_eq!(declared(&flow), ["first: i64 = 7", "x: i64", "rows: u32 = 3", "tag: Option<String> = null"]);
    let run = flow.with_parameters([("x", json!(1)), ("rows", json!(2))]).run();
    assert_eq!(run.state_of(first).value(), Some(&7_i64));
    assert_eq!(run.state_of(updated.task(x)).value(), Some(&1_i64));
    assert_eq!(run.state_of(read).value(), Some(&2_u32));

    let mut flow = FlowBuilder::new(FlowOptions::new("twice"));
    flow.update(&part);
    assert!(panic_of(|| flow.update(&part)).contains("flow `twice` has two parameters named `x`"));
}

/// What has finished is not asked for again.
#[test]
fn a_run_that_goes_on_keeps_its_values() {
    let (flow, _) = three();
    let mut of_x = flow.with_parameter("x", 5).run().run_state();
    let mut flow = FlowBuilder::new(FlowOptions::new("three"));
    for (definition, body) in [built_in::parameter::<i64>("x"), built_in::parameter::<i64>("new")] {
        flow.task(definition, body);
    }
    let flow = flow.build();
    of_x.forget("rows");
    of_x.forget("tag");
    assert_eq!(mistakes(&flow.run_from(of_x.clone())), ["parameter `new: i64` is missing"]);
    let run = flow.with_parameter("new", 1).run_from(of_x);
    assert_eq!(states(&run), ["x Success", "new Success"]);
    let x = run.task_runs().find(|task| task.slug == "x").unwrap().state.value::<i64>().copied();
    assert_eq!(x, Some(5));
}

#[test]
fn a_parameter_waits_for_nothing() {
    let expected = "Parameters must be root tasks and can not have upstream dependencies. \
                    (parameter `p` of flow `roots` after task `a`)";
    let build = |connect: fn(&mut FlowBuilder, TaskRef, TaskRef)| {
        let mut flow = FlowBuilder::new(FlowOptions::new("roots"));
        let a = flow.task(TaskDefinition::new("a"), TaskBody::new([], |_| Ok(Value::new(()))));
        let (definition, body) = built_in::parameter_or("p", 1_u8);
        let p = flow.task(definition.trigger(Trigger::default()), body);
        panic_of(|| {
            connect(&mut flow, a, p);
            flow.build()
        })
    };
    assert_eq!(build(|flow, a, p| flow.edge(a, p, "x")), expected);
    assert_eq!(build(|flow, a, p| flow.order(a, p)), expected);
    assert_eq!(build(|flow, a, p| flow.map(a, p, "x", Elements::json())), expected);
}

#[test]
fn hostile_values_are_errors() {
    let (flow, _) = three();
    let mut names: Map<String, Json> = (0..10_000).map(|i| (format!("nothing {i}"), json!(i))).collect();
    names.insert("y".repeat(1_000_000), json!("z".repeat(1_000_000)));
    names.insert("x".to_owned(), json!("z".repeat(1_000_000)));
    names.insert("rows".to_owned(), json!(f64::MAX));
    let run = flow.with_parameters(names).run();
    let text = run.state().message().unwrap();
    assert!(text.len() < 2_000, "{} characters", text.len());
    assert!(
        text.contains("parameter `x` takes a `i64`: invalid type: string \"..\", expected i64")
            && text.contains("and 9981 more")
    );
    // Deeper than a stack would bear, if it were read as text.
    let deep = (0..100).fold(json!(1), |deep, _| json!([deep]));
    let (flow, _) = three();
    let run = flow.with_parameter("x", deep).run();
    assert_eq!(mistakes(&run), ["parameter `x` takes a `i64`: invalid type: sequence, expected i64"]);
}
