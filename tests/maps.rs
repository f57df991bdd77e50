//! `task::map(..)`, as users write it.
use prefect::prelude::*;
use prefect::{Mapped as MappedTask, RunSettings};

#[task]
fn div(x: i64) -> i64 {
    12 / x
}

#[task]
fn add(x: i64, y: i64) -> i64 {
    x + y
}

#[task]
fn numbers(n: i64) -> Vec<i64> {
    (1..=n).collect()
}

#[task]
fn total(xs: &[i64]) -> i64 {
    xs.iter().sum()
}

#[task(trigger = all_finished)]
fn report(xs: Vec<Outcome<i64>>) -> String {
    let of = |x: &Outcome<i64>| x.as_ref().success().map_or("-".to_owned(), ToString::to_string);
    xs.iter().map(of).collect::<Vec<_>>().join(",")
}

#[task]
fn same<T: Data>(x: T) -> T {
    x
}

#[test]
fn over_lists_of_every_kind() {
    let flow = flow!("lists", {
        let three: MappedTask<i64> = div::map(vec![1, 2, 3]);
        let (a, b) = (add(1, 2), add(3, 1));
        (
            three,
            div::map([4, 6]),
            div::map(1..3),
            div::map(x = 1..=2),
            div::map(numbers(3)),
            div::map(vec![a, b]),
            div::map([a, b]),
            add::map(three, numbers(2)),
        )
    });
    let expected: (_, _, _, _, _, _, _, Vec<i64>) =
        (vec![12, 6, 4], vec![3, 2], vec![12, 6], vec![12, 6], vec![12, 6, 4], vec![4, 3], vec![4, 3], vec![13, 8]);
    assert_eq!(flow.run().output().unwrap(), expected);
}

#[test]
fn what_is_unmapped_is_the_same_for_every_child() {
    let flow = flow!("unmapped", {
        let ten = add(4, 6);
        (
            add::map(x = [1, 2], y = unmapped(ten)),
            add::map([1, 2], unmapped(5)),
            total(xs = add::map(y = unmapped(1), x = numbers(n = 3))),
        )
    });
    assert_eq!(flow.run().output().unwrap(), (vec![11, 12], vec![6, 7], 9));
}

#[test]
fn lists_of_lists_are_flattened() {
    let flow = flow!("flat", {
        let lists = numbers::map([1, 3]);
        (div::map(flatten(lists)), total(flatten(lists)), div::map(x = flatten(vec![vec![1], vec![2, 3]])))
    });
    assert_eq!(flow.run().output().unwrap(), (vec![12, 12, 6, 4], 7, vec![12, 6, 4]));
}

#[test]
fn a_generic_task_takes_its_type_from_the_list() {
    let flow = flow!("generic", {
        (same::map(vec!["a".to_owned()]), same::<i64>::map(x = numbers(2)), same::<u8>::map(x = [7]))
    });
    assert_eq!(flow.run().output().unwrap(), (vec!["a".to_owned()], vec![1, 2], vec![7]));
}

#[test]
fn failures_are_outcomes_of_a_reader_that_can_see_them() {
    let flow = flow!("outcomes", {
        let parts = div::map([3, 0, 4]);
        let after = add::map(parts, unmapped(1));
        (report(parts), report(after), after)
    });
    let run = flow.run();
    let (parts, after, missing) = run_outputs(&run);
    assert_eq!((parts.as_str(), after.as_str()), ("4,-,3", "5,-,4"));
    assert_eq!(missing, "TriggerFailed");
}

fn run_outputs(
    run: &prefect::FlowRun<(prefect::Node<String>, prefect::Node<String>, MappedTask<i64>)>,
) -> (String, String, &'static str) {
    let error = run.output().unwrap_err();
    assert_eq!(error.task, "add");
    let texts: Vec<String> = run
        .task_runs()
        .filter(|task| task.name == "report")
        .map(|task| task.state.value::<String>().unwrap().clone())
        .collect();
    (texts[0].clone(), texts[1].clone(), error.state.kind().name())
}

#[test]
fn options_of_the_call_are_those_of_every_child() {
    let flow = flow!("options", {
        let first = add(1, 1);
        div::map(x = [1, 2], upstream_tasks = [first], task_args = options().name("twelfth"))
    });
    let run = flow.run();
    assert_eq!(run.output().unwrap(), [12, 6]);
    assert_eq!(run.task_runs().map(|task| task.name).collect::<Vec<_>>(), ["add", "twelfth"]);
}

#[test]
fn children_know_their_number_and_retry_alone() {
    #[task(max_retries = 1, task_run_name = "part {x}")]
    fn flaky(x: i64) -> Result<String, String> {
        let context = context();
        if x == 2 && context.task_run_count() == 1 {
            return Err("not yet".to_owned());
        }
        let name = context.task_run_name().unwrap_or_default().to_owned();
        Ok(format!("{name}: {} {}", context.task_full_name().unwrap(), context.task_run_count()))
    }
    let flow = flow!("context", { flaky::map([1, 2]) });
    assert_eq!(flow.run().output().unwrap(), ["part 1: flaky[0] 1", "part 2: flaky[1] 2"]);
}

#[test]
fn a_map_without_a_list_is_a_mistake() {
    let built = std::panic::catch_unwind(|| flow!("none", { add::map(unmapped(1), unmapped(2)) }));
    let text = *built.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(text, "`map` of task `add` in flow `none` needs at least one list: every argument is `unmapped`");
}

#[test]
fn an_empty_list_has_no_children_and_a_failed_one_fails_the_task() {
    let flow = flow!("empty", { total(div::map(numbers(0))) });
    assert_eq!(flow.run().output().unwrap(), 0);
    #[task]
    fn broken() -> Result<Vec<i64>, String> {
        Err("no list".to_owned())
    }
    let flow = flow!("failed", {
        let parts = div::map(broken());
        (parts, report(parts))
    });
    let run = flow.with(RunSettings::new()).run();
    let of = |name: &str| run.task_runs().find(|task| task.name == name).unwrap().state;
    assert_eq!(of("div").message(), Some("No upstream states can be mapped over."));
    assert_eq!(of("report").value::<String>().map(String::as_str), Some("-"));
}

/// Each element of joined lists waits for, and is judged by, the child that gave it, and no other.
#[test]
fn what_became_of_one_list_is_no_matter_of_the_others() {
    #[task]
    fn some(n: i64) -> Result<Vec<i64>, TaskError> {
        match n {
            0 => Err(Signal::skip("none").into()),
            n if n < 0 => Err("less than none".into()),
            n => Ok((1..=n).collect()),
        }
    }
    let mut parts = None;
    let flow = flow!("lists", {
        parts = Some(div::map(flatten(some::map([2, 0, -1, 1]))));
    });
    assert_eq!(child_kinds(&flow, parts), [Success, Success, Skipped, TriggerFailed, Success]);
}

fn child_kinds(flow: &prefect::Flow<()>, mapped: Option<MappedTask<i64>>) -> Vec<prefect::StateKind> {
    flow.run().map_states(mapped.unwrap().task()).map(|state| state.kind()).collect()
}

/// To be mapped over a task is to wait for one of its children; `after` it is after all of them.
#[test]
fn after_a_task_that_the_call_is_mapped_over() {
    #[task]
    fn positive(x: i64) -> Result<i64, String> {
        if x > 0 { Ok(x) } else { Err("not positive".to_owned()) }
    }
    let mut parts = None;
    let paired = flow!("paired", {
        parts = Some(div::map(positive::map([3, 0])));
    });
    assert_eq!(child_kinds(&paired, parts), [Success, TriggerFailed]);
    let after = flow!("after", {
        let upstream = positive::map([3, 0]);
        parts = Some(div::map(upstream).after(upstream));
    });
    assert_eq!(child_kinds(&after, parts), [TriggerFailed, TriggerFailed]);
}
