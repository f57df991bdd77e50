//! Bodies that have outlived their timeouts: a thread cannot be stopped.
use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::flow::graph::TaskId;
use crate::lock::lock;

/// For each task how many of its bodies were given up, less those that came back: a body may come back before it is told
/// that it was given up.
#[derive(Default)]
pub(crate) struct LeftBehind(Mutex<BTreeMap<TaskId, i64>>);

impl LeftBehind {
    /// A body is given up.
    pub(crate) fn add(&self, task: TaskId) {
        self.change(task, 1);
    }

    /// A body that was given up, or will be, has ended.
    pub(crate) fn remove(&self, task: TaskId) {
        self.change(task, -1);
    }

    fn change(&self, task: TaskId, by: i64) {
        let mut counts = lock(&self.0);
        let count = counts.entry(task).or_default();
        *count += by;
        if *count == 0 {
            counts.remove(&task);
        }
    }

    /// The tasks with bodies that still run, in the order in which the flow was built.
    #[cfg(feature = "cli")]
    pub(crate) fn tasks(&self) -> Vec<TaskId> {
        lock(&self.0).iter().filter(|(_, count)| **count > 0).map(|(task, _)| *task).collect()
    }
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_come_back_before_it_is_given_up() {
        let left = LeftBehind::default();
        left.remove(1);
        assert!(left.tasks().is_empty());
        left.add(2);
        left.add(1);
        assert_eq!(left.tasks(), [2]);
        left.add(2);
        left.remove(2);
        assert_eq!(left.tasks(), [2]);
        left.remove(2);
        assert!(left.tasks().is_empty());
    }
}
