//! Reading many tasks where a task has a few inputs at most: a tree of tasks that read eight.
use std::array;

use crate::workload::Builder;

/// A system whose tasks have eight inputs at most.
pub(crate) trait Eight: Builder {
    /// A task that gives 0.
    fn zero(&mut self) -> Self::Node;

    /// A task that adds its inputs, and no one.
    fn eight(&mut self, inputs: [&Self::Node; 8]) -> Self::Node;
}

/// What [`Builder::all`] is, made of tasks with eight inputs.
pub(crate) fn all<B: Eight>(builder: &mut B, mut nodes: Vec<B::Node>) -> B::Node {
    let zero = builder.zero();
    while nodes.len() > 1 {
        nodes =
            nodes.chunks(8).map(|inputs| builder.eight(array::from_fn(|i| inputs.get(i).unwrap_or(&zero)))).collect();
    }
    let sum = nodes.pop().unwrap_or(zero);
    builder.next(&sum)
}
