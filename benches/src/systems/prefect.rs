//! The library, as its users write it.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use prefect::prelude::*;
use prefect::store::Store;
use prefect::{Canceller, RunSettings};

use super::Finished;
use crate::workload::{self, Builder, WAIT, Work, Workload, number, sum};

#[task]
fn start() -> i64 {
    1
}

#[task]
fn spin() -> i64 {
    workload::spin();
    1
}

#[task]
async fn wait() -> i64 {
    prefect::sleep(WAIT).await;
    1
}

#[task]
fn next(a: i64) -> i64 {
    sum(&[a])
}

#[task]
fn three(a: i64, b: i64, c: i64) -> i64 {
    sum(&[a, b, c])
}

#[task]
fn all(numbers: &[i64]) -> i64 {
    sum(numbers)
}

/// How many tasks were made.
#[derive(Default)]
struct Calls(usize);

impl Builder for Calls {
    type Node = Node<i64>;

    fn start(&mut self, work: Work) -> Node<i64> {
        self.0 += 1;
        match work {
            Work::Nothing => start(),
            Work::Spin => spin(),
            Work::Wait => wait(),
        }
    }

    fn given(&mut self, number: i64) -> Node<i64> {
        self.0 += 1;
        next(number)
    }

    fn next(&mut self, input: &Node<i64>) -> Node<i64> {
        self.0 += 1;
        next(*input)
    }

    fn three(&mut self, inputs: [&Node<i64>; 3]) -> Node<i64> {
        self.0 += 1;
        let [a, b, c] = inputs;
        three(*a, *b, *c)
    }

    fn all(&mut self, inputs: Vec<Node<i64>>) -> Node<i64> {
        self.0 += 1;
        all(inputs)
    }

    fn map(&mut self, n: usize) -> Node<i64> {
        // What is mapped over, the children, and their reader.
        self.0 += n + 2;
        all(next::map(0..number(n)))
    }
}

pub(crate) fn run(workload: Workload, n: usize) -> Finished {
    let mut calls = Calls::default();
    let flow = flow!("workload", { workload.lay(n, &mut calls) });
    let run = flow.run();
    let output = run.output().expect("the flow gives a number");
    Finished { output, tasks: calls.0, kept: Box::new((flow, run)) }
}

/// Runs a workload with a store. How many tasks that took.
pub(crate) fn recorded(workload: Workload, n: usize, store: &Store) -> usize {
    let mut calls = Calls::default();
    let flow = flow!("workload", { workload.lay(n, &mut calls) }).with(RunSettings::new().store(store.clone()));
    assert_eq!(flow.run().output().expect("the flow gives a number"), workload.expected(n));
    calls.0
}

/// Tells when it is dropped.
struct Ends<'a>(&'a Ended);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.0.lock().expect("nobody panics").push(Instant::now());
    }
}

/// When bodies have begun to wait, and ended.
#[derive(Default)]
struct Ended(Mutex<Vec<Instant>>);

#[task]
async fn wait_for_the_end(#[shared] started: &Arc<AtomicUsize>, #[shared] ended: &Arc<Ended>) {
    let _ends = Ends(ended);
    started.fetch_add(1, Ordering::SeqCst);
    prefect::sleep(Duration::from_mins(1)).await;
}

/// Cancels a recorded run of a thousand tasks that wait: how long it takes until 990 of them are dropped.
pub(crate) fn cancelled(store: &Store) -> Duration {
    const TASKS: usize = 1_000;
    let (started, ended, canceller) = (Arc::new(AtomicUsize::new(0)), Arc::new(Ended::default()), Canceller::new());
    let flow = flow!("cancelled", {
        for _ in 0..TASKS {
            wait_for_the_end();
        }
    });
    let flow = flow.share(Arc::clone(&started)).share(Arc::clone(&ended));
    let flow = flow.with(RunSettings::new().store(store.clone()).canceller(canceller.clone()));
    let wish = thread::spawn(move || {
        while started.load(Ordering::SeqCst) < TASKS {
            thread::yield_now();
        }
        let wish = Instant::now();
        canceller.cancel();
        wish
    });
    assert_eq!(flow.run().state().kind(), Cancelled);
    let wish = wish.join().expect("it ends");
    let mut ends = std::mem::take(&mut *ended.0.lock().expect("nobody panics"));
    ends.sort_unstable();
    ends[TASKS * 99 / 100 - 1].saturating_duration_since(wish)
}
