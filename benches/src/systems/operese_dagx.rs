//! The crate `operese-dagx`, on tokio.
#![allow(clippy::unused_async, reason = "the crate's macro wants asynchronous bodies")]
#![allow(clippy::many_single_char_names, clippy::too_many_arguments, reason = "eight inputs that are all alike")]
use operese_dagx::{DagRunner, TaskHandle, task};
use tokio::runtime;

use super::tree::{self, Eight};
use super::{Finished, workers};
use crate::workload::{self, Builder, WAIT, Work, Workload, sum};

struct Start;

#[task]
impl Start {
    async fn run() -> i64 {
        1
    }
}

struct Spin;

#[task]
impl Spin {
    async fn run() -> i64 {
        workload::spin();
        1
    }
}

struct Wait;

#[task]
impl Wait {
    async fn run() -> i64 {
        tokio::time::sleep(WAIT).await;
        1
    }
}

struct Given(i64);

#[task]
impl Given {
    async fn run(&self) -> i64 {
        sum(&[self.0])
    }
}

struct Next;

#[task]
impl Next {
    async fn run(a: &i64) -> i64 {
        sum([a])
    }
}

struct Three;

#[task]
impl Three {
    async fn run(a: &i64, b: &i64, c: &i64) -> i64 {
        sum([a, b, c])
    }
}

struct Zero;

#[task]
impl Zero {
    async fn run() -> i64 {
        0
    }
}

struct Sum;

#[task]
impl Sum {
    async fn run(a: &i64, b: &i64, c: &i64, d: &i64, e: &i64, f: &i64, g: &i64, h: &i64) -> i64 {
        [a, b, c, d, e, f, g, h].into_iter().sum()
    }
}

#[derive(Default)]
struct Tasks {
    dag: DagRunner,
    count: usize,
}

impl Builder for Tasks {
    type Node = TaskHandle<i64>;

    fn start(&mut self, work: Work) -> TaskHandle<i64> {
        self.count += 1;
        match work {
            Work::Nothing => self.dag.add_task(Start),
            Work::Spin => self.dag.add_task(Spin),
            Work::Wait => self.dag.add_task(Wait),
        }
    }

    fn given(&mut self, number: i64) -> TaskHandle<i64> {
        self.count += 1;
        self.dag.add_task(Given(number))
    }

    fn next(&mut self, input: &TaskHandle<i64>) -> TaskHandle<i64> {
        self.count += 1;
        self.dag.add_task(Next).depends_on(input)
    }

    fn three(&mut self, inputs: [&TaskHandle<i64>; 3]) -> TaskHandle<i64> {
        self.count += 1;
        let [a, b, c] = inputs;
        self.dag.add_task(Three).depends_on((a, b, c))
    }

    fn all(&mut self, inputs: Vec<TaskHandle<i64>>) -> TaskHandle<i64> {
        tree::all(self, inputs)
    }
}

impl Eight for Tasks {
    fn zero(&mut self) -> TaskHandle<i64> {
        self.count += 1;
        self.dag.add_task(Zero)
    }

    fn eight(&mut self, inputs: [&TaskHandle<i64>; 8]) -> TaskHandle<i64> {
        self.count += 1;
        let [a, b, c, d, e, f, g, h] = inputs;
        self.dag.add_task(Sum).depends_on((a, b, c, d, e, f, g, h))
    }
}

pub(crate) fn run(workload: Workload, n: usize) -> Finished {
    let mut tasks = Tasks::default();
    let last = workload.lay(n, &mut tasks);
    let runtime =
        runtime::Builder::new_multi_thread().worker_threads(workers()).enable_time().build().expect("a runtime");
    let run = tasks.dag.run(|task| async move { tokio::spawn(task).await.expect("no task panics") });
    let mut outputs = runtime.block_on(run).expect("no task fails");
    Finished { output: outputs.get(last), tasks: tasks.count, kept: Box::new((runtime, outputs)) }
}
