//! The crate `async_dag`, which runs on one thread.
#![allow(clippy::many_single_char_names, clippy::too_many_arguments, reason = "eight inputs that are all alike")]
use async_dag::{Graph, NodeIndex};
use tokio::runtime;

use super::Finished;
use super::tree::{self, Eight};
use crate::workload::{Builder, WAIT, Work, Workload, spin, sum};

struct Tasks(Graph<'static>);

impl Tasks {
    /// Wires the inputs behind the first.
    fn rest(&mut self, node: NodeIndex, inputs: &[&NodeIndex]) -> NodeIndex {
        for (input, place) in inputs.iter().skip(1).zip(1..) {
            self.0.update_dependency(**input, node, place).expect("types fit, and there is no cycle");
        }
        node
    }
}

impl Builder for Tasks {
    type Node = NodeIndex;

    fn start(&mut self, work: Work) -> NodeIndex {
        match work {
            Work::Nothing => self.0.add_task(|| async { 1_i64 }),
            Work::Spin => self.0.add_task(|| async {
                spin();
                1_i64
            }),
            Work::Wait => self.0.add_task(|| async {
                tokio::time::sleep(WAIT).await;
                1_i64
            }),
        }
    }

    fn given(&mut self, number: i64) -> NodeIndex {
        self.0.add_task(move || async move { sum(&[number]) })
    }

    fn next(&mut self, input: &NodeIndex) -> NodeIndex {
        self.0.add_child_task(*input, |a: i64| async move { sum(&[a]) }, 0).expect("types fit")
    }

    fn three(&mut self, inputs: [&NodeIndex; 3]) -> NodeIndex {
        let task = |a: i64, b: i64, c: i64| async move { sum(&[a, b, c]) };
        let node = self.0.add_child_task(*inputs[0], task, 0).expect("types fit");
        self.rest(node, &inputs)
    }

    fn all(&mut self, inputs: Vec<NodeIndex>) -> NodeIndex {
        tree::all(self, inputs)
    }
}

impl Eight for Tasks {
    fn zero(&mut self) -> NodeIndex {
        self.0.add_task(|| async { 0_i64 })
    }

    fn eight(&mut self, inputs: [&NodeIndex; 8]) -> NodeIndex {
        let task = |a: i64, b: i64, c: i64, d: i64, e: i64, f: i64, g: i64, h: i64| async move {
            [a, b, c, d, e, f, g, h].iter().sum::<i64>()
        };
        let node = self.0.add_child_task(*inputs[0], task, 0).expect("types fit");
        self.rest(node, &inputs)
    }
}

pub(crate) fn run(workload: Workload, n: usize) -> Finished {
    let mut tasks = Tasks(Graph::new());
    let last = workload.lay(n, &mut tasks);
    let runtime = runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(tasks.0.run());
    let output = tasks.0.get_value(last).expect("the last task has a number");
    Finished { output, tasks: last.index() + 1, kept: Box::new((runtime, tasks.0)) }
}
