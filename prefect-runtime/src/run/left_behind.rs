//! Bodies that have outlived their timeouts: a thread cannot be stopped.
use std::collections::BTreeMap;

use crate::engine::RunId;
use crate::lock::lock;
use crate::sync::Mutex;

/// For each task run how many of its bodies were given up, less those that came back: a body may come back before it is told
/// that it was given up.
#[derive(Default)]
pub(crate) struct LeftBehind(Mutex<BTreeMap<RunId, i64>>);

impl LeftBehind {
    /// A body is given up.
    pub(crate) fn add(&self, run: RunId) {
        self.change(run, 1);
    }

    /// A body that was given up, or will be, has ended.
    pub(crate) fn remove(&self, run: RunId) {
        self.change(run, -1);
    }

    fn change(&self, run: RunId, by: i64) {
        let mut counts = lock(&self.0);
        let count = counts.entry(run).or_default();
        *count += by;
        if *count == 0 {
            counts.remove(&run);
        }
    }

    /// The task runs with bodies that still run, in the order in which the flow was built.
    #[cfg(feature = "cli")]
    pub(crate) fn runs(&self) -> Vec<RunId> {
        lock(&self.0).iter().filter(|(_, count)| **count > 0).map(|(run, _)| *run).collect()
    }
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_come_back_before_it_is_given_up() {
        let (left, [one, two]) = (LeftBehind::default(), [1, 2].map(RunId::of_task));
        left.remove(one);
        assert!(left.runs().is_empty());
        left.add(two);
        left.add(one);
        assert_eq!(left.runs(), [two]);
        left.add(two);
        left.remove(two);
        assert_eq!(left.runs(), [two]);
        left.remove(two);
        assert!(left.runs().is_empty());
    }
}
