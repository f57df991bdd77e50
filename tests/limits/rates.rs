//! How often tasks start.
use std::sync::Arc;
use std::time::Duration;

use prefect::prelude::*;
use prefect::{Executor, Limits, Rate};

use crate::{Seen, executors, settings, start, virtual_clock};

#[task(tags = ["api"])]
fn call() {}

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

/// When task runs came to `Running`, in milliseconds.
fn starts(seen: &Seen) -> Vec<i128> {
    let running = seen.all().into_iter().filter(|change| change.new == Running && change.message != "Running flow.");
    running.map(|change| change.at.duration_since(start()).as_millis()).collect()
}

#[test]
fn starts_are_spread_evenly() {
    for executor in executors() {
        let clock = virtual_clock();
        let seen = Seen::new(&clock);
        let flow = flow!("calls", {
            for _ in 0..21 {
                call();
            }
        });
        let limits = Limits::new().rate("api", rate("10/s"));
        let run = flow.with(settings(executor, &clock, limits).observer(Arc::new(seen.clone()))).run();
        assert_eq!(run.state().kind(), Success);
        assert_eq!(starts(&seen), (0..21).map(|i| i * 100).collect::<Vec<_>>(), "{executor:?}");
        let message = &seen.all().into_iter().find(|change| change.new == Queued).unwrap().message;
        assert_eq!(message, "Waiting for tag 'api': 10/s may start");
    }
}

#[test]
fn each_attempt_is_a_start() {
    #[task(tags = ["api"], max_retries = 3)]
    fn flaky() -> Result<u32, String> {
        let count = context().task_run_count();
        if count < 4 { Err("503".to_owned()) } else { Ok(count) }
    }
    for executor in executors() {
        let clock = virtual_clock();
        let limits = Limits::new().rate("api", rate("1/m"));
        let run = flow!("retries", { flaky() }).with(settings(executor, &clock, limits)).run();
        assert_eq!((run.output().unwrap(), run.duration()), (4, Duration::from_mins(3)), "{executor:?}");
    }
}

#[test]
fn a_rate_and_a_limit_go_together() {
    #[task(tags = ["api"])]
    async fn slow() {
        prefect::sleep(Duration::from_millis(250)).await;
    }
    let clock = virtual_clock();
    let seen = Seen::new(&clock);
    let flow = flow!("calls", {
        for _ in 0..6 {
            slow();
        }
    });
    let limits = Limits::new().rate("api", rate("10/s")).tag("api", 2);
    flow.with(settings(Executor::threads(2), &clock, limits).observer(Arc::new(seen.clone()))).run();
    assert_eq!(starts(&seen), [0, 100, 250, 350, 500, 600]);
}

#[test]
fn one_run_after_the_other_keeps_the_distance() {
    let clock = virtual_clock();
    let limits = Limits::new().rate("api", rate("1/10s"));
    for i in 0..3 {
        let run = flow!("calls", { call() }).with(settings(Executor::threads(1), &clock, limits.clone())).run();
        assert_eq!(run.duration(), if i == 0 { Duration::ZERO } else { Duration::from_secs(10) });
    }
}
