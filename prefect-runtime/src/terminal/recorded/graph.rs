//! The graph of a recorded run: what its tasks are called.
use prefect_store::{RunInput, RunRow};

use crate::record::RecordedTask;

pub(super) struct Graph {
    /// In the order of their numbers.
    pub(super) tasks: Vec<RecordedTask>,
}

impl Graph {
    /// The graph of this run. The error is a sentence that names it.
    pub(super) fn of(run: &RunRow, input: &RunInput) -> Result<Self, String> {
        crate::record::read_graph(&input.graph)
            .map(|tasks| Self { tasks })
            .map_err(|error| format!("the graph of run {} (`{}`) cannot be read: {error}", run.id, run.name))
    }

    /// What the task is called, so that no other is called the same: by its name, or by its slug.
    pub(super) fn name_of(&self, number: usize) -> String {
        match self.tasks.get(number) {
            None => format!("task {number}"),
            Some(task) if self.tasks.iter().filter(|other| other.name == task.name).count() > 1 => task.slug.clone(),
            Some(task) => task.name.clone(),
        }
    }
}
