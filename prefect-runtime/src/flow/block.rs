//! A part of a flow under construction: the tasks that are made while a closure runs.
use super::builder::FlowBuilder;
use super::graph::TaskId;

/// Where a block of tasks starts.
#[derive(Debug)]
pub(crate) struct BlockStart {
    task: TaskId,
    /// How many edges without data there were. A later one is the only kind that can lead to a task of the block.
    order: usize,
}

impl FlowBuilder {
    /// Starts a block with the next task.
    pub(crate) fn start_block(&self) -> BlockStart {
        BlockStart { task: self.next_task(), order: self.order_edges().len() }
    }

    /// The tasks that were made since and wait for no other task that was.
    pub(crate) fn first_of_block(&self, start: &BlockStart) -> Vec<TaskId> {
        let tasks = start.task..self.next_task();
        let mut waits = vec![false; tasks.len()];
        let data = tasks.clone().flat_map(|to| self.data_edges(to).iter().map(move |from| (*from, to)));
        for (from, to) in data.chain(self.order_edges()[start.order..].iter().copied()) {
            if tasks.contains(&from) && tasks.contains(&to) {
                waits[(to - start.task) as usize] = true;
            }
        }
        tasks.zip(waits).filter(|(_, waits)| !waits).map(|(task, _)| task).collect()
    }
}
