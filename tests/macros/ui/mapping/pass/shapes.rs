//! Mapped calls in every shape, free of warnings.
#![deny(warnings, missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
use prefect::prelude::*;

#[task]
fn inc(x: i64) -> i64 {
    x + 1
}

#[task]
fn add(x: i64, #[default(2)] y: i64) -> i64 {
    x + y
}

#[task]
fn list(n: i64) -> Vec<i64> {
    (0..n).collect()
}

#[task]
fn lists(n: i64) -> Vec<Vec<i64>> {
    vec![vec![n]; 2]
}

#[task(trigger = all_finished)]
fn count(xs: Vec<Outcome<i64>>) -> usize {
    xs.len()
}

#[task(trigger = all_finished)]
fn each(x: Outcome<i64>, y: Option<i64>) -> bool {
    x.is_success() && y.is_some()
}

#[task]
fn same<T: Data>(x: T) -> T {
    x
}

#[task]
fn words(text: &str) -> usize {
    text.len()
}

macro_rules! mapped {
    ($task:ident, $list:expr) => {
        $task::map($list)
    };
}

fn main() {
    let _ = flow!("f", {
        let m = inc::map(list(3));
        count(m);
        each::map(m, m);
        each::map(x = m, y = unmapped(Some(1)));
        add::map(m);
        add::map(x = m, y = [1, 2]);
        inc::map(flatten(lists(1)));
        inc::map(x = flatten(list::map(m)));
        same::map(m);
        same::map(vec![true]);
        words::map(["a", "bc"]);
        words::map(text = vec!["a"]);
        mapped!(inc, m);
        let after = inc(1);
        inc::map(x = 0..=2, upstream_tasks = [after, m], task_args = options().name("n"));
        m
    });
}
