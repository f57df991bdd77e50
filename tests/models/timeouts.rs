//! A timeout against the end of its body: one of them says how the task run ended, and says it once.
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use prefect_runtime::{Clock, Executor, FlowRun, StateKind, TaskDefinition, TaskRef};
use shuttle::thread::yield_now;

use crate::flows::{Small, assert_kind, assert_value};
use crate::schedules::explore;

const LIMIT: Duration = Duration::from_secs(1);

fn limited() -> TaskDefinition {
    TaskDefinition::new("limited").timeout(LIMIT)
}

/// How often each of the two came first. Both have to, or there was no race.
#[derive(Clone, Default)]
struct Race(Arc<[AtomicU32; 2]>);

impl Race {
    /// The reader of a task that may time out follows from its end.
    #[track_caller]
    fn ended(&self, run: &FlowRun, task: TaskRef, reader: TaskRef) {
        let in_time = run.state_of(task).kind() == StateKind::Success;
        self.0[usize::from(in_time)].fetch_add(1, Ordering::Relaxed);
        if in_time {
            assert_value(run, reader, 2);
        } else {
            assert_kind(run, task, StateKind::TimedOut);
            assert_kind(run, reader, StateKind::TriggerFailed);
        }
    }

    fn was_one(&self) {
        let [late, in_time] = self.0.each_ref().map(|count| count.load(Ordering::Relaxed));
        println!("{in_time} in time, {late} timed out");
        // Of a few schedules, asked for by hand, all may have one winner.
        assert!((late > 0 && in_time > 0) || late + in_time < 1_000, "{in_time} in time, {late} timed out");
    }
}

/// The thread of the late body is left behind, and another one has its place: the rest of the flow is run all the same.
#[test]
fn a_body_on_its_workers_thread() {
    for executor in [Executor::Local, Executor::threads(1), Executor::threads(2)] {
        let race = Race::default();
        let seen = race.clone();
        explore(1_000, move || {
            let mut flow = Small::new();
            let task = flow.task(limited(), &[], || {
                yield_now();
                Ok(())
            });
            let reader = flow.plain(&[task]);
            let other = flow.plain(&[]);
            let after = flow.plain(&[other]);
            let run = flow.run(executor, Clock::system());
            seen.ended(&run, task, reader);
            assert_value(&run, after, 2);
        });
        race.was_one();
    }
}

/// The late body is dropped where it waits.
#[test]
fn a_body_that_waits() {
    let race = Race::default();
    let seen = race.clone();
    explore(2_000, move || {
        let mut flow = Small::new();
        let task = flow.waits(limited(), &[], || prefect_runtime::sleep(LIMIT));
        let reader = flow.plain(&[task]);
        let run = flow.run(Executor::threads(2), Clock::system());
        seen.ended(&run, task, reader);
    });
    race.was_one();
}

/// As often as it is tried, each attempt ends once.
#[test]
fn a_late_body_that_is_tried_again() {
    let race = Race::default();
    let seen = race.clone();
    explore(1_000, move || {
        let mut flow = Small::new();
        let task = flow.task(limited().max_retries(1), &[], || {
            yield_now();
            Ok(())
        });
        let reader = flow.plain(&[task]);
        let run = flow.run(Executor::threads(2), Clock::system());
        seen.ended(&run, task, reader);
    });
    race.was_one();
}
