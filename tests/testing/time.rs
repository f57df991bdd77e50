//! Virtual time, schedules, async tests.
use std::time::Duration;

use prefect::prelude::*;
use prefect::schedule::{CronClock, DatesClock};
use prefect::testing::{START, TestRun};
use prefect::{Executor, jiff};

use crate::nightly;

#[task(max_retries = 1, retry_delay = "1h")]
fn day(fails: bool) -> Result<String, String> {
    let day = context().scheduled_start_time().unwrap().strftime("%F").to_string();
    if fails { Err(day) } else { Ok(day) }
}

#[test]
fn a_run_starts_at_the_same_moment_each_time() {
    let run = TestRun::of_task(|| day(false)).run();
    assert_eq!(run.output().unwrap(), "2026-01-01");
    assert_eq!(run.flow_run().started(), START);
    for moment in ["2024-02-29", "2024-02-29T01:00+01:00"] {
        assert_eq!(TestRun::of_task(|| day(false)).now(moment).run().output().unwrap(), "2024-02-29");
    }
    let moment: jiff::Timestamp = "2024-02-29T23:59:59Z".parse().unwrap();
    assert_eq!(TestRun::of_task(|| day(false)).now(moment).run().output().unwrap(), "2024-02-29");
}

#[test]
fn the_random_part_of_a_delay_is_the_same_each_time() {
    #[task(max_retries = 3, retry_delay = exponential("1m", max = "1h"))]
    fn flaky() -> Result<(), String> {
        Err("no".to_owned())
    }
    let took = |seed: Option<u64>| {
        let run = TestRun::of_task(flaky);
        seed.map_or_else(|| TestRun::of_task(flaky), |seed| run.seed(seed)).run().flow_run().duration()
    };
    assert_eq!(took(None), took(None));
    assert_eq!(took(Some(5)), took(Some(5)));
    assert_ne!(took(Some(5)), took(None));
}

#[test]
fn the_next_runs_of_a_schedule_each_with_what_is_its_own() {
    let flow = nightly::flow().schedule(CronClock::new("@daily").unwrap());
    let runs = TestRun::of(&flow).failing("download", "503").now("2026-02-27T06:00").run_scheduled(3);
    let days: Vec<_> = runs.iter().map(|run| run.flow_run().started().strftime("%F").to_string()).collect();
    assert_eq!(days, ["2026-02-28", "2026-03-01", "2026-03-02"]);
    for run in &runs {
        assert_eq!(run.attempts("download"), 3);
        assert_eq!(run.notifications().len(), 4);
        assert_eq!(run.changes().len(), runs[0].changes().len());
        assert_eq!(run.logs().iter().filter(|line| line.text.starts_with("Waiting for next scheduled run")).count(), 1);
    }
    // Once, at once, if nobody asks for the schedule.
    let run = TestRun::of(&flow).now("2026-02-27T06:00").given("download", vec![1_u32]).run();
    assert_eq!(run.flow_run().started().to_string(), "2026-02-27T06:00:00Z");
}

#[test]
fn a_schedule_that_ends_has_fewer_runs() {
    let dates = DatesClock::new(["2026-01-02", "2026-01-03"]).unwrap();
    let flow = flow!("dates", { day(true) }).schedule(dates.clone());
    assert_eq!(TestRun::of(&flow).run_scheduled(5).len(), 2);
    assert_eq!(TestRun::of(&flow).run_scheduled(0).len(), 0);
    assert_eq!(TestRun::of(&flow).now("2027-01-01").run_scheduled(5).len(), 0);
    // A wrong value of a clock is told before the first wait.
    let flow = nightly::flow().schedule(dates.parameter_default("paeg", 3));
    let runs = TestRun::of(&flow).run_scheduled(5);
    assert_eq!(runs.len(), 1);
    assert!(runs[0].state().message().unwrap().contains("did you mean `page`?"), "{:?}", runs[0]);
}

#[task]
async fn patient(hours: u64) -> u64 {
    prefect::sleep(Duration::from_hours(hours)).await;
    hours
}

#[tokio::test]
async fn in_an_async_test() {
    for executor in [Executor::Local, Executor::threads(2)] {
        let run = TestRun::of_task(|| patient(30)).executor(executor).run_async().await;
        assert_eq!(run.output().unwrap(), 30);
        assert_eq!(run.flow_run().duration(), Duration::from_hours(30));
    }
    let flow = flow!("daily", { day(false) }).schedule(CronClock::new("@daily").unwrap());
    let runs = TestRun::of(&flow).run_scheduled_async(2).await;
    assert_eq!(runs[1].output().unwrap(), "2026-01-03");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_an_async_test_of_many_threads() {
    let run = TestRun::of_task(|| patient(2)).run_async().await;
    assert_eq!(run.output().unwrap(), 2);
}
