//! No system at all: each body is called where its task is made. It says what a workload must give, and how long its
//! bodies take one after the other.
use std::thread;

use super::Finished;
use crate::workload::{Builder, WAIT, Work, Workload, spin, sum};

pub(crate) struct Direct;

impl Builder for Direct {
    type Node = i64;

    fn start(&mut self, work: Work) -> i64 {
        match work {
            Work::Nothing => {}
            Work::Spin => spin(),
            Work::Wait => thread::sleep(WAIT),
        }
        1
    }

    fn given(&mut self, number: i64) -> i64 {
        sum(&[number])
    }

    fn next(&mut self, input: &i64) -> i64 {
        sum([input])
    }

    fn three(&mut self, inputs: [&i64; 3]) -> i64 {
        sum(inputs)
    }

    fn all(&mut self, inputs: Vec<i64>) -> i64 {
        sum(&inputs)
    }
}

pub(crate) fn run(workload: Workload, n: usize) -> Finished {
    Finished { output: workload.lay(n, &mut Direct), tasks: n, kept: Box::new(()) }
}
