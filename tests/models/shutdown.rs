//! The end of a run: the threads that sleep are woken, and every one ends.
//!
//! That is seen by the model itself, in all the tests here: a thread that is left is a deadlock.
use std::time::Duration;

use prefect_runtime::{Clock, Executor, StateKind, TaskDefinition};
use shuttle::thread::yield_now;

use crate::flows::{Small, assert_kind, assert_value, jumping};
use crate::schedules::explore;

#[test]
fn more_workers_than_tasks() {
    for clock in [jumping as fn() -> Clock, Clock::system] {
        explore(1_000, move || {
            let mut flow = Small::new();
            let first = flow.plain(&[]);
            let end = flow.plain(&[first]);
            let run = flow.run(Executor::threads(3), clock());
            assert_value(&run, end, 2);
        });
    }
}

/// Without a worker on the caller's thread, which is the case of flows with timeouts.
#[test]
fn the_caller_only_waits() {
    explore(1_000, || {
        let mut flow = Small::new();
        let limited = TaskDefinition::new("limited").timeout(Duration::from_secs(1));
        let end = flow.task(limited, &[], || Ok(()));
        let run = flow.run(Executor::threads(3), jumping());
        assert_value(&run, end, 1);
    });
}

/// A failure, and what follows from it, while others are still at work.
#[test]
fn after_a_failure() {
    explore(1_000, || {
        let mut flow = Small::new();
        let fails = flow.task(TaskDefinition::new("fails"), &[], || Err("broken".into()));
        let reader = flow.plain(&[fails]);
        let other = flow.task(TaskDefinition::new("slow"), &[], || {
            yield_now();
            Ok(())
        });
        let run = flow.run(Executor::threads(3), jumping());
        assert_kind(&run, reader, StateKind::TriggerFailed);
        assert_value(&run, other, 1);
        assert_eq!(run.state().kind(), StateKind::Failed);
    });
}

/// One pass ends though a task waits.
#[test]
fn one_pass_ends_with_a_task_that_waits() {
    explore(1_000, || {
        let mut flow = Small::new();
        let definition = TaskDefinition::new("flaky").max_retries(1).retry_delay(Duration::from_secs(5));
        let flaky = flow.task(definition, &[], || Err("not yet".into()));
        let other = flow.plain(&[]);
        let run = flow.run_once(Executor::threads(3), jumping());
        assert_kind(&run, flaky, StateKind::Retrying);
        assert_value(&run, other, 1);
    });
}

/// All workers wait for time to pass, or only for each other: the last to sleep sees which.
#[test]
fn a_run_whose_workers_all_sleep_in_between() {
    explore(1_000, || {
        let mut flow = Small::new();
        let sleeps = |time| move || prefect_runtime::sleep(Duration::from_secs(time));
        let first = flow.waits(TaskDefinition::new("first"), &[], sleeps(1));
        let second = flow.waits(TaskDefinition::new("second"), &[], sleeps(2));
        let end = flow.plain(&[first, second]);
        let run = flow.run(Executor::threads(3), jumping());
        assert_value(&run, end, 3);
        assert_eq!(run.duration(), Duration::from_secs(2));
    });
}
