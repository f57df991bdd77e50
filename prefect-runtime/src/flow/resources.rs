//! The resources of a flow: which task sets each up, which cleans it up, and what lies between.
use std::sync::OnceLock;

use super::definition::Role;
use super::graph::{Graph, TaskId, id};

/// A resource: there for the tasks between its set-up and its clean-up.
pub(crate) struct ResourceBlock {
    pub(crate) set_up: TaskId,
    pub(crate) clean_up: TaskId,
    /// Downstream of the one and upstream of the other, sorted. Asked for by retries only.
    tasks: OnceLock<Box<[TaskId]>>,
}

impl ResourceBlock {
    /// Whether a task lies between set-up and clean-up.
    pub(crate) fn contains(&self, graph: &Graph, task: TaskId) -> bool {
        self.tasks.get_or_init(|| self.find(graph)).binary_search(&task).is_ok()
    }

    fn find(&self, graph: &Graph) -> Box<[TaskId]> {
        let readers = graph.readers();
        let after = reached(graph, self.set_up, |task| readers.of(task));
        let before = reached(graph, self.clean_up, |task| graph.upstream(task));
        (0..id(graph.len())).filter(|task| after[*task as usize] && before[*task as usize]).collect()
    }
}

/// By task: whether the steps lead to it.
fn reached<'g>(graph: &Graph, from: TaskId, next: impl Fn(TaskId) -> &'g [TaskId]) -> Vec<bool> {
    let (mut reached, mut open) = (vec![false; graph.len()], vec![from]);
    while let Some(task) = open.pop() {
        for task in next(task) {
            if !std::mem::replace(&mut reached[*task as usize], true) {
                open.push(*task);
            }
        }
    }
    reached
}

/// Every clean-up with every set-up that it is directly downstream of. Mapped ones are tasks like any other.
pub(super) fn resource_blocks(graph: &Graph) -> Vec<ResourceBlock> {
    if graph.kinds.iter().all(|kind| kind.definition.role != Role::ResourceCleanup) {
        return Vec::new();
    }
    let is = |task: TaskId, role| graph.definition(task).role == role && !graph.is_mapped(task);
    let clean_ups = (0..id(graph.len())).filter(|task| is(*task, Role::ResourceCleanup));
    let blocks = clean_ups.flat_map(|clean_up| {
        let mut set_ups: Vec<_> = graph.upstream(clean_up).to_vec();
        set_ups.retain(|task| is(*task, Role::ResourceSetup));
        set_ups.sort_unstable();
        set_ups.dedup();
        set_ups.into_iter().map(move |set_up| ResourceBlock { set_up, clean_up, tasks: OnceLock::new() })
    });
    blocks.collect()
}
