//! What can be written with the macros, all of it, in one place: it compiles without a warning, and builds the graph.
#![deny(warnings)]
#![deny(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
#![allow(clippy::many_single_char_names, clippy::unnecessary_wraps, clippy::unused_async)]

use std::time::Duration;

use prefect::prelude::*;
use prefect::{Elements, FlowBuilder, FlowOptions, IntoInput, Parameter, TaskBody, TaskDefinition, Value};

/// Tasks of a library.
pub mod tasks {
    use super::*;

    /// Adds.
    #[task(name = "Add", max_retries = 2, retry_delay = exponential("1s", max = "5m"), tags = ["math"])]
    #[must_use]
    pub fn add(x: i64, #[default(1)] y: i64) -> i64 {
        x + y
    }

    /// Divides.
    ///
    /// # Errors
    /// If `y` is zero.
    #[task(max_retries = 1, retry_on = [DivisionByZero, std::io::Error], timeout = "1m30s")]
    pub fn div(x: i64, y: i64) -> Result<i64, DivisionByZero> {
        x.checked_div(y).ok_or(DivisionByZero)
    }

    /// No quotient.
    #[derive(Debug)]
    pub struct DivisionByZero;
    impl std::fmt::Display for DivisionByZero {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("division by zero")
        }
    }
    impl std::error::Error for DivisionByZero {}

    #[task]
    pub(crate) fn numbers() -> Vec<i64> {
        vec![1, 2]
    }

    #[task]
    pub(super) fn total(numbers: &[i64], label: &str) -> String {
        format!("{label}: {}", numbers.iter().sum::<i64>())
    }

    /// Waits.
    #[task(task_run_name = "waits {x} ({task_name}, {{}})")]
    pub async fn wait(x: i64) -> i64 {
        std::future::ready(x).await
    }

    const LIMIT: Duration = Duration::from_mins(1);
    const PAUSE: &str = "10s";
    const TAGS: [&str; 1] = ["a"];
    const NAME: &str = "timed";

    /// Options that are no literals.
    #[task(name = NAME, max_retries = 1, retry_delay = Duration::from_secs(1), timeout = LIMIT / 2, tags = TAGS)]
    pub fn timed() {}

    /// More of them.
    #[task(max_retries = timed_retries(), retry_delay = exponential(PAUSE, max = LIMIT), timeout = PAUSE)]
    pub fn timed_too() {}
    fn timed_retries() -> u32 {
        2
    }

    /// Keeps.
    #[task]
    pub fn same<T: Data>(x: T) -> T {
        x
    }

    /// Shows.
    #[task]
    pub fn show<T>(x: &T) -> String
    where
        T: Data + std::fmt::Debug,
    {
        format!("{x:?}")
    }

    /// A connection.
    #[derive(Debug)]
    pub struct Pool(pub i64);

    /// A handle that cannot be stored.
    #[derive(Debug)]
    pub struct Opaque;

    /// Asks.
    #[task]
    pub fn query(n: i64, #[shared] db: &Pool) -> i64 {
        db.0 + n
    }

    /// Asks later.
    #[task]
    pub async fn query_later(#[shared] db: &Pool, n: &i64) -> i64 {
        std::future::ready(db.0 + n).await
    }

    #[task(in_memory)]
    pub(crate) fn open() -> Result<Opaque, String> {
        Ok(Opaque)
    }

    #[task]
    pub(crate) fn close(db: &Opaque) -> String {
        format!("{db:?}")
    }
}

use tasks::{add, close, div, numbers, open, query, query_later, same, show, total, wait};

mod handlers {
    use super::*;

    #[allow(clippy::needless_pass_by_value)]
    fn veto(_: &Tracked, _: &State, new: State) -> Option<State> {
        (new.kind() == Running).then(|| State::failed("no"))
    }
    fn looks(_: &Tracked, _: &State, _: State) {}
    fn to(channel: &'static str) -> impl Fn(&Tracked, &State, State) {
        move |object, _, new| println!("{channel}: {} {new}", object.name())
    }
    async fn later(_: &Tracked, _: &State, new: State) -> State {
        new
    }
    struct Count;
    impl StateHandler for Count {
        fn handle(&self, _: &Tracked, _: &State, new: State) -> Result<State, TaskError> {
            Ok(new)
        }
    }
    fn tell(object: &Tracked, state: &State) {
        println!("{object} failed: {state}");
    }

    #[task(
        state_handlers = [
            veto,
            looks,
            to("#ops"),
            later,
            Count,
            callback_factory(tell, |state| state.kind().is_successful()),
            |_, _, new| new,
            async |_, _, new| new,
            |object, _, _| println!("{}", object.name()),
            |_, _, new| if new.kind() == Failed { Some(new) } else { None },
            |_, _, new| -> Result<State, String> { Err(new.message().unwrap_or_default().to_owned()) },
        ],
        on_failure = tell,
    )]
    fn watched() {}

    #[task(on_failure = |object, state| println!("{object} {state}"))]
    fn called() {}

    #[task(on_failure = |_, state| Err(TaskError::from(state.to_string())))]
    fn refused() {}

    #[test]
    fn on_tasks_and_flows() {
        let flow = flow!(
            "handlers",
            state_handlers = [veto, |_, _, new| new],
            on_failure = tell,
            terminal_state_handler = |_, state, references| references.is_empty().then(|| state.clone()),
            {
                watched();
                called();
                refused();
            }
        );
        assert_eq!(flow.name(), "handlers");
    }
}

mod outcomes {
    use super::*;

    fn mine(upstreams: &Upstreams<'_>) -> bool {
        upstreams.len() == upstreams.failed()
    }
    fn careful(upstreams: &Upstreams<'_>) -> Result<bool, TaskError> {
        if upstreams.is_empty() { Err(Signal::skip("nothing there").into()) } else { Ok(true) }
    }

    #[task(trigger = all_finished)]
    fn report(#[constant] title: String, x: Outcome<i64>, y: Option<i64>) -> String {
        format!("{title}: {x:?} {y:?}")
    }
    #[task(trigger = mine)]
    fn custom(x: &Outcome<String>) -> bool {
        x.is_failed()
    }
    #[task(trigger = careful)]
    fn fallible(x: Option<i64>) -> bool {
        x.is_none()
    }
    #[task(trigger = |u: &Upstreams<'_>| u.failed() == 1)]
    fn by_closure(x: Option<i64>) -> bool {
        x.is_none()
    }
    #[task(trigger = some_failed(at_least = 1, at_most = 0.5))]
    fn some(xs: Vec<Outcome<i64>>) -> usize {
        xs.len()
    }
    #[task(skip_on_upstream_skip = false)]
    fn unskipped(x: Option<i64>) -> i64 {
        x.unwrap_or(-1)
    }
    use all_successful as renamed;
    #[task(trigger = renamed)]
    fn safe(x: i64) -> i64 {
        x
    }
    #[task(trigger = prefect::trigger::not_all_skipped)]
    fn also_safe<T: Data>(x: T) -> T {
        x
    }
    #[task(trigger = any_failed)]
    fn generic<T: Data>(x: Outcome<T>) -> bool {
        x.is_success()
    }

    #[test]
    fn failures_arrive_as_values() {
        flow!("outcomes", {
            let bad = div(1, 0);
            let good = add(-1);
            report("t", bad, good);
            custom(show(bad));
            by_closure(bad);
            fallible(x = bad);
            report(title = "p", x = 3, y = -4);
            report("n", Outcome::Skipped, None);
            unskipped(None);
            some(vec![Outcome::Success(1)]);
            generic::<i64>(bad);
            safe(also_safe(good))
        });
    }
}

/// Adds up.
#[prefect::flow(name = "Sum")]
pub fn sum(x: i64, #[default(3)] n: u32, tag: Option<String>) -> i64 {
    #![allow(clippy::no_effect_underscore_binding)]
    let _unused = (n, tag);
    if false {
        return add(x);
    }
    add(x, y = add(1))
}

#[prefect::flow(on_failure = |flow, _| println!("{flow}"))]
fn outer() -> i64 {
    add(sum(1), y = sum(x = add(2), n = 4, tag = "t"))
}

#[prefect::flow]
fn nothing() {
    outer();
    5
}

#[test]
fn flows_in_flows() {
    assert_eq!(sum::flow().name(), "Sum");
    assert_eq!(outer::flow().name(), "outer");
    assert_eq!(nothing::flow().name(), "nothing");
}

#[test]
fn calls() {
    let flow = flow!("calls", {
        let a = add(-1);
        let b = add(x = a, y = 5);
        let c = div(b, y = a);
        let text = total(numbers(), "sum");
        let d: Node<i64> = same(c);
        let _ = (wait(d), query(1), query_later(n = 2), close(open()), same(5), same(x = 2.5), same::<u8>(5));
        let e = add(
            4,
            upstream_tasks = [a, text],
            task_args = options().name("n").max_retries(2).retry_delay("1s").tags(["y"]),
        );
        let f = add(5).after((a, text)).with(options().timeout(Duration::from_secs(1)));
        for i in 0..3 {
            add(i);
        }
        reference_tasks([e, f]);
        (vec![e, f], show(x = d), total(vec![1, 2], label = "x"))
    });
    assert_eq!(flow.name(), "calls");
}

#[test]
fn the_function_itself() {
    assert_eq!(add::run(1, 2), 3);
    assert_eq!(div::run(4, 2).unwrap(), 2);
    assert_eq!(query::run(1, &tasks::Pool(2)), 3);
    assert_eq!(same::run(4), 4);
    assert_eq!(total::run(&[1, 2], "t"), "t: 3");
}

#[test]
fn in_a_function() {
    #[task]
    fn double(x: i64) -> i64 {
        x * 2
    }
    fn helper(x: impl IntoInput<i64>) -> Node<i64> {
        double(x)
    }
    #[prefect::flow]
    fn twice(x: i64) -> i64 {
        double(x = double(x))
    }
    let flow = flow!("local", { [helper(1), helper(double(2)), twice(3)] });
    assert_eq!(flow.name(), "local");
}

#[track_caller]
fn panics(f: impl FnOnce() + std::panic::UnwindSafe, expected: &str) {
    let panic = std::panic::catch_unwind(f).expect_err("it did not panic");
    let text =
        panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
    let text = text.expect("a text");
    assert!(text.contains(expected), "{text}");
}

#[test]
fn mistakes_that_only_building_can_show() {
    panics(|| _ = add(1), "task `Add` called outside a flow");
    panics(|| _ = sum(1), "flow `sum` called outside a flow: `sum::flow()`");
    panics(
        || {
            let mut kept = None;
            flow!("one", {
                kept = Some(add(1));
            });
            flow!("two", {
                add(kept.expect("made before"));
            });
        },
        "this task result belongs to another flow",
    );
    panics(
        || {
            flow!("self", {
                let a = add(1);
                a.after(a);
            });
        },
        "to itself",
    );
    // Wired by name at run time.
    let wired = |wire: fn(&mut FlowBuilder, prefect::TaskRef)| {
        let mut flow = FlowBuilder::new(FlowOptions::new("built"));
        let body = TaskBody::new([Parameter::of::<i64>("rows")], |inputs| Ok(inputs.take_value(0)));
        let load = flow.task(TaskDefinition::new("load"), body);
        wire(&mut flow, load);
        drop(flow.build());
    };
    panics(|| wired(|_, _| {}), "flow `built`: task `load`: parameter `rows` is not bound");
    panics(
        || wired(|flow, load| flow.constant(load, "row", Value::new(1_i64))),
        "task `load` of flow `built` has no parameter `row`: did you mean `rows`?",
    );
    panics(
        || wired(|flow, load| flow.map_constant(load, "rows", Value::new(vec!["a".to_owned()]), Elements::of::<i64>())),
        "(parameter `rows` of task `load` in flow `built`)",
    );
    panics(|| drop(options().retry_delay("soon")), "not a duration");
    panics(|| reference_tasks(Vec::<Node<i64>>::new()), "no flow is being built");
}
