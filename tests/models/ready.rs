//! What is ready is run, once, by whoever is free.
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

use prefect_runtime::{Clock, Executor, TaskDefinition};
use shuttle::sync::{Condvar, Mutex};

use crate::flows::{Small, assert_value, jumping};
use crate::schedules::explore;

#[test]
fn a_chain_a_fan_and_a_diamond() {
    for workers in [2, 3] {
        explore(1_000, move || {
            let mut flow = Small::new();
            let start = flow.plain(&[]);
            let (left, right) = (flow.plain(&[start]), flow.plain(&[start]));
            let fan: Vec<_> = (0..4).map(|_| flow.plain(&[left])).collect();
            let joined = flow.plain(&fan);
            let end = flow.plain(&[joined, right]);
            let began = Arc::clone(&flow.began);
            let run = flow.run(Executor::threads(workers), jumping());
            assert_value(&run, end, 16);
            assert_eq!(began.load(Ordering::Relaxed), 9);
        });
    }
}

/// So many that each waits for all.
struct Meeting {
    missing: Mutex<u32>,
    complete: Condvar,
}

impl Meeting {
    fn of(members: u32) -> Arc<Self> {
        Arc::new(Self { missing: Mutex::new(members), complete: Condvar::new() })
    }

    fn wait(&self) {
        let mut missing = self.missing.lock().expect("nobody panics");
        *missing -= 1;
        self.complete.notify_all();
        while *missing > 0 {
            missing = self.complete.wait(missing).expect("nobody panics");
        }
    }
}

/// Runs a flow in which as many bodies as there are workers wait for each other, after so many quick ones.
fn meet(workers: u32, quick: usize) {
    let meeting = Meeting::of(workers);
    let mut flow = Small::new();
    let meets = |flow: &mut Small, reads: &[_]| {
        let meeting = Arc::clone(&meeting);
        flow.task(TaskDefinition::new("meets"), reads, move || {
            meeting.wait();
            Ok(())
        })
    };
    let first = meets(&mut flow, &[]);
    let quick: Vec<_> = (0..quick).map(|_| flow.plain(&[])).collect();
    let others: Vec<_> = (1..workers).map(|_| meets(&mut flow, &quick[..2])).collect();
    let end = flow.plain(&[&[first], &*others].concat());
    let run = flow.run(Executor::threads(workers as usize), jumping());
    assert_value(&run, end, 2 + 3 * (i64::from(workers) - 1));
}

/// A body that blocks holds up nobody.
#[test]
fn bodies_that_wait_for_each_other_all_start() {
    for workers in [2, 3] {
        explore(1_000, move || meet(workers, 3));
    }
}

/// The same when workers have seen how short tasks are, and take several at a time.
#[test]
fn bodies_that_wait_for_each_other_start_from_a_desk_too() {
    for workers in [2, 3, 4] {
        explore(300, move || meet(workers, 120));
    }
}

/// The worker that sleeps for the delay is woken for it, and time stands still while anything is busy.
#[test]
fn a_retry_comes_at_its_time() {
    explore(1_000, || {
        let mut flow = Small::new();
        let tries = AtomicU32::new(0);
        let hour = Duration::from_secs(3_600);
        let flaky = flow.task(TaskDefinition::new("flaky").max_retries(2).retry_delay(hour), &[], move || {
            if tries.fetch_add(1, Ordering::Relaxed) < 2 { Err("not yet".into()) } else { Ok(()) }
        });
        let quick = flow.plain(&[]);
        let end = flow.plain(&[flaky, quick]);
        let run = flow.run(Executor::threads(2), jumping());
        assert_value(&run, end, 3);
        assert_eq!(run.duration(), 2 * hour);
    });
}

/// The same by the machine's clock, whose timers have a thread.
#[test]
fn a_retry_comes_by_the_machines_clock() {
    explore(1_000, || {
        let mut flow = Small::new();
        let tries = AtomicU32::new(0);
        let definition = TaskDefinition::new("flaky").max_retries(1).retry_delay(Duration::from_secs(5));
        let flaky = flow.task(definition, &[], move || {
            if tries.fetch_add(1, Ordering::Relaxed) < 1 { Err("not yet".into()) } else { Ok(()) }
        });
        let end = flow.plain(&[flaky]);
        let run = flow.run(Executor::threads(2), Clock::system());
        assert_value(&run, end, 2);
    });
}

/// Ready once it was opened.
#[derive(Default)]
struct Gate(Mutex<(bool, Vec<Waker>)>);

impl Gate {
    fn open(&self) {
        let wakers = {
            let mut gate = self.0.lock().expect("nobody panics");
            gate.0 = true;
            std::mem::take(&mut gate.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    async fn opened(self: Arc<Self>) {
        std::future::poll_fn(|cx| {
            let mut gate = self.0.lock().expect("nobody panics");
            if gate.0 {
                return Poll::Ready(());
            }
            gate.1.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// Bodies that wait on the async runtime are woken by others, and what comes after them finds a worker.
#[test]
fn bodies_that_wait_come_back() {
    for clock in [jumping as fn() -> Clock, Clock::system] {
        explore(1_000, move || {
            let gate = Arc::new(Gate::default());
            let mut flow = Small::new();
            let waiting: Vec<_> = (0..2)
                .map(|_| {
                    let gate = Arc::clone(&gate);
                    flow.waits(TaskDefinition::new("waits"), &[], move || Arc::clone(&gate).opened())
                })
                .collect();
            let slow =
                flow.waits(TaskDefinition::new("sleeps"), &[], || prefect_runtime::sleep(Duration::from_secs(1)));
            flow.task(TaskDefinition::new("opens"), &[slow], move || {
                gate.open();
                Ok(())
            });
            let end = flow.plain(&waiting);
            let run = flow.run(Executor::threads(2), clock());
            assert_value(&run, end, 3);
        });
    }
}
