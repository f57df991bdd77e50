//! How the mapped tasks of a flow use what is upstream of them.
use super::graph::{TaskId, id};

/// What a child of a mapped task takes from an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EdgeUse {
    /// All that it brings, or nothing.
    Whole,
    /// An element of the list; of another mapped task, what the child of the same number gives.
    Element,
    /// An element of the lists in it.
    Flattened,
}

/// How the mapped tasks of a flow use their edges. A flow without any has nothing here.
#[derive(Clone, Default)]
pub(crate) struct MappedTasks {
    /// By task: the place among `uses`, if it is mapped.
    places: Vec<Option<u32>>,
    /// One entry for each edge.
    uses: Vec<Box<[EdgeUse]>>,
}

impl MappedTasks {
    pub(crate) fn add(&mut self, task: TaskId, uses: Vec<EdgeUse>) {
        let place = id(self.uses.len());
        self.places.resize(self.places.len().max(task as usize + 1), None);
        self.places[task as usize] = Some(place);
        self.uses.push(uses.into());
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.uses.is_empty()
    }

    #[inline]
    pub(super) fn uses(&self, task: TaskId) -> Option<&[EdgeUse]> {
        let place = (*self.places.get(task as usize)?)?;
        Some(&self.uses[place as usize])
    }
}
