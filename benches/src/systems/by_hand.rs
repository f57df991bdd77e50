//! What somebody writes who uses no library: numbers in a vector, a count of missing inputs for each, and `tokio::spawn`
//! for every task whose count is zero. It keeps no states and no times, catches nothing, and knows one type of value.
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::runtime;
use tokio::sync::Notify;

use super::edges::Edges;
use super::{Finished, workers};
use crate::workload::{Builder, WAIT, Work, Workload, spin, sum};

struct Graph {
    upstream: Edges,
    bodies: Vec<Body>,
}

#[derive(Clone, Copy)]
enum Body {
    Add(Work),
    Given(i64),
}

impl Graph {
    fn push<'a>(&mut self, inputs: impl IntoIterator<Item = &'a u32>, body: Body) -> u32 {
        self.bodies.push(body);
        self.upstream.push(inputs.into_iter().copied())
    }
}

impl Builder for Graph {
    type Node = u32;

    fn start(&mut self, work: Work) -> u32 {
        self.push([], Body::Add(work))
    }

    fn given(&mut self, number: i64) -> u32 {
        self.push([], Body::Given(number))
    }

    fn next(&mut self, input: &u32) -> u32 {
        self.push([input], Body::Add(Work::Nothing))
    }

    fn three(&mut self, inputs: [&u32; 3]) -> u32 {
        self.push(inputs, Body::Add(Work::Nothing))
    }

    fn all(&mut self, inputs: Vec<u32>) -> u32 {
        self.push(&inputs, Body::Add(Work::Nothing))
    }
}

struct Run {
    graph: Graph,
    readers: Edges,
    /// How many inputs each task still waits for.
    missing: Vec<AtomicU32>,
    results: Vec<OnceLock<i64>>,
    left: AtomicUsize,
    done: Notify,
}

impl Run {
    async fn body(&self, task: u32) -> i64 {
        match self.graph.bodies[task as usize] {
            Body::Given(number) => return sum(&[number]),
            Body::Add(Work::Nothing) => {}
            Body::Add(Work::Spin) => spin(),
            // In a box, so that tasks which do not wait stay small.
            Body::Add(Work::Wait) => Box::pin(tokio::time::sleep(WAIT)).await,
        }
        sum(self.graph.upstream.of(task).iter().map(|input| self.result(*input)))
    }

    fn result(&self, task: u32) -> &i64 {
        self.results[task as usize].get().expect("a task runs after its inputs")
    }
}

fn spawn(run: Arc<Run>, task: u32) {
    tokio::spawn(async move {
        let result = run.body(task).await;
        run.results[task as usize].set(result).expect("a task runs once");
        for reader in run.readers.of(task) {
            if run.missing[*reader as usize].fetch_sub(1, Ordering::AcqRel) == 1 {
                spawn(Arc::clone(&run), *reader);
            }
        }
        if run.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            run.done.notify_one();
        }
    });
}

pub(crate) fn run(workload: Workload, n: usize) -> Finished {
    let mut graph = Graph { upstream: Edges::new(), bodies: Vec::new() };
    let last = workload.lay(n, &mut graph);
    let tasks = graph.bodies.len();
    let numbers = 0..u32::try_from(tasks).unwrap_or(u32::MAX);
    let missing = |task| u32::try_from(graph.upstream.of(task).len()).unwrap_or(u32::MAX);
    let run = Arc::new(Run {
        readers: graph.upstream.turned(),
        missing: numbers.clone().map(|task| AtomicU32::new(missing(task))).collect(),
        results: (0..tasks).map(|_| OnceLock::new()).collect(),
        left: AtomicUsize::new(tasks),
        done: Notify::new(),
        graph,
    });
    let runtime =
        runtime::Builder::new_multi_thread().worker_threads(workers()).enable_time().build().expect("a runtime");
    runtime.block_on(async {
        for task in numbers {
            if run.graph.upstream.of(task).is_empty() {
                spawn(Arc::clone(&run), task);
            }
        }
        run.done.notified().await;
    });
    Finished { output: *run.result(last), tasks, kept: Box::new((runtime, run)) }
}
