//! Tasks and flows made by the macros, run.
#![allow(
    clippy::unnecessary_wraps,
    clippy::duration_suboptimal_units,
    clippy::items_after_statements,
    reason = "the shapes are what is tested"
)]
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use prefect::prelude::*;

#[task]
fn add(x: i64, #[default(1)] y: i64) -> i64 {
    x + y
}

#[task]
fn div(x: i64, y: i64) -> Result<i64, String> {
    x.checked_div(y).ok_or_else(|| "division by zero".to_owned())
}

#[test]
fn the_seed_example() {
    #[task(name = "Add 1 task")]
    fn add(x: i64) -> i64 {
        x + 1
    }
    #[task(name = "1/x task")]
    fn div(x: i64) -> i64 {
        1 / x
    }
    let run = flow!("Add Divide Flow", { div(x = add(-1)) }).run();
    assert_eq!(run.state().kind(), Failed);
    let error = run.output().unwrap_err();
    assert_eq!(error.state.kind(), Failed);
    let text = error.state.error().unwrap().to_string();
    assert!(text.contains("attempt to divide by zero") && text.contains("tests/tasks.rs"), "{text}");
    let run = flow!("Add Divide Flow", { div(x = add(1)) }).run();
    assert_eq!(run.output().unwrap(), 0);
}

#[test]
fn values_by_value_by_reference_and_as_constants() {
    #[task]
    fn words(n: usize, word: &str, sep: String) -> Vec<String> {
        vec![format!("{word}{sep}"); n]
    }
    #[task]
    fn join(words: &[String], also: Vec<String>) -> String {
        words.concat() + &also.concat()
    }
    #[task]
    async fn later(text: &str, n: i64) -> Result<String, std::num::ParseIntError> {
        std::future::ready(()).await;
        Ok(format!("{text}{}", "1".parse::<i64>()? + n))
    }
    #[task]
    fn same<T: Data>(x: T) -> T {
        x
    }
    #[task]
    fn show<T: Data + std::fmt::Debug>(x: &T) -> String {
        format!("{x:?}")
    }
    let flow = flow!("values", {
        let list = words(2, "a", sep = "b");
        let text = join(list, also = list);
        (list, later(text = text, n = add(1)), show(same(list)), [show(same(5)), show(x = same(2.5))])
    });
    let (list, text, shown, numbers) = flow.run().output().unwrap();
    assert_eq!(list, ["ab", "ab"]);
    assert_eq!(text, "abababab3");
    assert_eq!(shown, r#"["ab", "ab"]"#);
    assert_eq!(numbers, ["5", "2.5"]);
}

#[test]
fn outcomes() {
    #[task(trigger = all_finished)]
    fn report(#[constant] title: String, x: Outcome<i64>, y: Option<i64>) -> String {
        format!("{title} {} {y:?}", x.success().map_or("none".to_owned(), |x| x.to_string()))
    }
    #[task(trigger = any_failed)]
    fn why(x: &Outcome<i64>) -> String {
        match x {
            Outcome::Success(x) => x.to_string(),
            Outcome::Skipped => "skipped".to_owned(),
            Outcome::Failed(failure) => failure.to_string(),
        }
    }
    #[task]
    fn skips() -> Result<i64, Signal> {
        Err(Signal::skip("no"))
    }
    #[task(skip_on_upstream_skip = false)]
    fn unskipped(x: Option<i64>, y: Outcome<i64>) -> bool {
        x.is_none() && y.is_skipped()
    }
    let flow = flow!("outcomes", {
        let (bad, good) = (div(1, 0), add(-1));
        let skipped = skips();
        (
            report("a", bad, good),
            report("b", x = good, y = bad),
            report("c", 3, None),
            why(bad),
            unskipped(skipped, skipped),
        )
    });
    let (a, b, c, why, unskipped) = flow.run().output().unwrap();
    assert_eq!([a, b, c], ["a none Some(0)", "b 0 None", "c 3 None"]);
    assert_eq!(why, "division by zero");
    assert!(unskipped);
}

#[test]
fn shared_values() {
    struct Pool(i64);
    #[task]
    fn query(n: i64, #[shared] db: &Pool) -> i64 {
        db.0 + n
    }
    #[task]
    async fn query_later(#[shared] db: &Pool, n: &i64) -> i64 {
        std::future::ready(db.0 + n).await
    }
    let flow = flow!("shared", { query_later(n = query(1)) }).share(Pool(10));
    assert_eq!(flow.run().output().unwrap(), 21);

    let flow = flow!("shared", { query(1) });
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| flow.run())).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("query") && text.contains("Pool"), "{text}");
}

#[test]
fn results_kept_in_memory() {
    #[derive(Debug)]
    struct Opaque(i64);
    #[allow(clippy::unnecessary_wraps)]
    #[task(in_memory)]
    fn open(x: i64) -> Result<Opaque, String> {
        Ok(Opaque(x))
    }
    #[task]
    fn read(db: &Opaque) -> i64 {
        db.0
    }
    let run = flow!("memory", {
        let db = open(3);
        read(db)
    })
    .run();
    assert_eq!(run.output().unwrap(), 3);
}

#[test]
fn retries() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    #[task(max_retries = 3, retry_on = [std::num::ParseIntError, std::io::Error])]
    fn flaky() -> Result<u32, TaskError> {
        match CALLS.fetch_add(1, Ordering::SeqCst) {
            0 => Err("x".parse::<u8>().unwrap_err().into()),
            1 => Err(std::io::Error::other("down").into()),
            n => Ok(n),
        }
    }
    #[task(max_retries = 3, retry_on = |error| error.is::<std::io::Error>())]
    fn never_again() -> Result<u32, String> {
        CALLS.fetch_add(100, Ordering::SeqCst);
        Err("no".into())
    }
    assert_eq!(flow!("retries", { flaky() }).run().output().unwrap(), 2);
    assert!(flow!("no retries", { never_again() }).run().output().is_err());
    assert_eq!(CALLS.load(Ordering::SeqCst), 103);
}

#[test]
fn handlers_in_their_order() {
    static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    fn hear(who: &str, object: &Tracked, state: &State) {
        HEARD.lock().unwrap().push(format!("{who} {object} {}", state.kind()));
    }
    fn on_failure(object: &Tracked, state: &State) {
        hear("on_failure", object, state);
    }
    #[task(
        on_failure = on_failure,
        state_handlers = [|o, _, new| hear("first", o, &new), async |o, _, new| { hear("second", o, &new); new }],
    )]
    fn fails() -> Result<(), String> {
        Err("boom".into())
    }
    let last = |flow: &Tracked, state: &State, references: &[State]| {
        hear("terminal", flow, state);
        assert_eq!(references.len(), 1);
        Some(State::new(Success).with_message("all the same"))
    };
    let flow = flow!("handlers", on_failure = on_failure, terminal_state_handler = last, {
        fails();
    });
    let run = flow.run();
    assert_eq!((run.state().kind(), run.state().message()), (Success, Some("all the same")));
    let task = "<Task: fails>";
    let expected = [
        format!("first {task} Running"),
        format!("second {task} Running"),
        format!("first {task} Failed"),
        format!("second {task} Failed"),
        format!("on_failure {task} Failed"),
        "terminal <Flow: name=\"handlers\"> Failed".to_owned(),
    ];
    assert_eq!(*HEARD.lock().unwrap(), expected);
}

#[test]
fn options_of_one_call() {
    let flow = flow!("options", {
        let first = add(1);
        let second = add(2, task_args = options().name("other").tags(["b", "a"]), upstream_tasks = [first]);
        let third = add(3).after(second);
        (first, second, third)
    });
    let run = flow.run();
    let slugs: Vec<_> = run.task_runs().map(|task| task.slug).collect();
    assert_eq!(slugs, ["add-1", "other-a-b-1", "add-2"]);
    assert_eq!(run.output().unwrap(), (2, 3, 4));
}

#[test]
fn reference_tasks_decide() {
    let flow = flow!("reference", {
        let good = add(1);
        div(good, 0);
        reference_tasks([good]);
    });
    assert_eq!(flow.run().state().kind(), Success);
}

/// Adds.
#[prefect::flow(name = "Sum")]
fn sum(x: i64, #[default(3)] n: i64, tag: Option<String>) -> i64 {
    #[task]
    fn length(tag: Option<String>) -> i64 {
        tag.map_or(0, |tag| i64::try_from(tag.len()).unwrap_or(0))
    }
    add(add(x, y = n), y = length(tag))
}

#[test]
fn flows_with_parameters() {
    #[prefect::flow]
    fn all(#[default(1)] x: i64) -> i64 {
        if false {
            return add(x);
        }
        sum(sum(x), n = 10, tag = "four")
    }
    #[prefect::flow]
    fn constant() -> i64 {
        7
    }
    assert_eq!(all::flow().run().output().unwrap(), 1 + 3 + 10 + 4);
    assert_eq!(constant::flow().run().output().unwrap(), 7);
    let flow = flow!("outer", { sum(x = constant(), n = 0) });
    assert_eq!(flow.run().output().unwrap(), 7);

    let run = sum::flow().run();
    let text = "Flow.run did not receive the following required parameters: x";
    assert_eq!((run.state().kind(), run.state().message()), (Failed, Some(text)));
    // One pass is Prefect's `FlowRunner.run`.
    let run = sum::flow().run_once();
    let parameter = run.task_runs().next().unwrap();
    assert_eq!((parameter.name.as_str(), parameter.state.kind()), ("x", Failed));
    assert_eq!(parameter.state.message(), Some("Parameter \"x\" was required but not provided."));
}

#[test]
fn closures() {
    let factor = 3;
    let times = task_fn("times", move |x: i64| x * factor);
    let flow = flow!("closure", { times(times(add(0))) });
    let run = flow.run();
    assert_eq!(run.output().unwrap(), 9);
    assert_eq!(run.task_runs().map(|task| task.slug).collect::<Vec<_>>(), ["add-1", "times-1", "times-2"]);
}

#[test]
fn a_flow_with_nothing_in_it() {
    assert_eq!(flow!("nothing", {}).run().state().kind(), Success);
}

#[test]
fn the_run_name_knows_the_attempt() {
    #[task(max_retries = 2, task_run_name = "row {x}, attempt {task_run_count}")]
    fn named(x: i64) -> Result<String, TaskError> {
        let context = context();
        let name = context.task_run_name().unwrap_or_default().to_owned();
        if context.task_run_count() < 3 { Err("again".into()) } else { Ok(format!("{name} of {x}")) }
    }
    let run = flow!("names", { named(7) }).run();
    assert_eq!(run.output().unwrap(), "row 7, attempt 3 of 7");
}

/// Every name that the macro takes in a template is one that a run knows.
#[test]
fn templates_know_the_run() {
    #[task(
        tags = ["nightly"],
        task_run_name = "{date}|{today}|{yesterday}|{tomorrow}|{today_nodash}|{yesterday_nodash}|{tomorrow_nodash}|\
                         {flow_name}|{flow_run_id}|{task_name}|{task_full_name}|{task_slug}|{map_index}|{task_run_count}"
    )]
    fn named(x: i64) -> String {
        let _ = x;
        context().task_run_name().unwrap().to_owned()
    }
    let flow = flow!("names", { (named(1), named::map(vec![2])) });
    let clock = prefect::Clock::virtual_from("2026-03-01T23:59:59Z".parse().unwrap());
    let run = flow.with(prefect::RunSettings::new().clock(clock)).run();
    let (alone, mapped) = run.output().unwrap();
    let days = "2026-03-01T23:59:59Z|2026-03-01|2026-02-28|2026-03-02|20260301|20260228|20260302";
    let id = run.id();
    assert_eq!(alone, format!("{days}|names|{id}|named|named|named-nightly-1||1"));
    assert_eq!(mapped, [format!("{days}|names|{id}|named|named[0]|named-nightly-2|0|1")]);
}
