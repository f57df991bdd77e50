//! The library, as its users write it.
use prefect::RunSettings;
use prefect::prelude::*;
use prefect::store::Store;

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
