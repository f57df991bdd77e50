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

/// The tasks of a block that its surroundings are wired to.
#[derive(Debug)]
pub(crate) struct Block {
    /// They wait for no other task of the block.
    pub(crate) first: Vec<TaskId>,
    /// No other task of the block waits for them.
    pub(crate) last: Vec<TaskId>,
}

impl FlowBuilder {
    /// Starts a block with the next task.
    pub(crate) fn start_block(&self) -> BlockStart {
        BlockStart { task: self.next_task(), order: self.order_edges().len() }
    }

    /// The tasks that were made since.
    pub(crate) fn end_block(&self, start: &BlockStart) -> Block {
        let tasks = start.task..self.next_task();
        let (mut waits, mut is_awaited) = (vec![false; tasks.len()], vec![false; tasks.len()]);
        let place = |task: TaskId| tasks.contains(&task).then(|| (task - start.task) as usize);
        let data = tasks.clone().flat_map(|to| self.data_edges(to).iter().map(move |from| (*from, to)));
        for (from, to) in data.chain(self.order_edges()[start.order..].iter().copied()) {
            if let (Some(from), Some(to)) = (place(from), place(to)) {
                waits[to] = true;
                is_awaited[from] = true;
            }
        }
        let not = |marked: Vec<bool>| tasks.clone().zip(marked).filter(|(_, marked)| !marked).map(|(task, _)| task);
        Block { first: not(waits).collect(), last: not(is_awaited).collect() }
    }
}
