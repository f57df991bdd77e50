use prefect::prelude::*;

fn mine(upstreams: &Upstreams<'_>) -> bool {
    upstreams.failed() == 1
}
fn fallible(upstreams: &Upstreams<'_>) -> Result<bool, TaskError> {
    if upstreams.is_empty() { Err(Signal::skip("nothing").into()) } else { Ok(true) }
}
use all_successful as renamed;

#[task(trigger = all_finished)]
fn report(#[constant] title: String, x: Outcome<i64>, y: Option<i64>) -> String {
    format!("{title} {x:?} {y:?}")
}
#[task(trigger = mine)]
fn by_reference(x: &Outcome<String>, y: &Option<String>) -> bool {
    x.is_failed() && y.is_none()
}
#[task(trigger = fallible)]
fn with_result(x: Option<i64>) -> bool {
    x.is_none()
}
#[task(trigger = |u: &Upstreams<'_>| u.failed() == 1)]
fn by_closure(x: Option<i64>) -> bool {
    x.is_none()
}
#[task(trigger = some_failed(at_least = 1, at_most = 0.5))]
fn some(x: Option<i64>) -> bool {
    x.is_none()
}
#[task(trigger = some_successful().at_least(2), skip_on_upstream_skip = false)]
fn unskipped(x: Option<i64>) -> i64 {
    x.unwrap_or(-1)
}
#[task(trigger = renamed)]
fn safe(x: i64) -> i64 {
    x
}
#[task(trigger = prefect::trigger::not_all_skipped, skip_on_upstream_skip = true)]
fn also_safe(x: &[i64]) -> usize {
    x.len()
}
#[task(trigger = manual_only)]
fn generic<T: Data>(x: Outcome<T>) -> bool {
    x.is_success()
}
#[task(trigger = always_run)]
fn lists(x: Vec<Outcome<i64>>, y: Vec<Option<i64>>) -> usize {
    x.len() + y.len()
}

fn main() {
    flow!("f", {
        let a = safe(1);
        report("t", a, a);
        report(title = "t", x = 3, y = -4);
        report("t", Outcome::Skipped, None);
        let text = report("t", Outcome::failed("x"), Some(1));
        by_reference(text, text);
        with_result(a);
        by_closure(a);
        some(x = a);
        unskipped(a);
        also_safe(vec![1]);
        generic::<i64>(a);
        lists(Vec::<Outcome<i64>>::new(), vec![Some(1)]);
    });
}
