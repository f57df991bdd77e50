//! What became of the children of a mapped task, as its readers see it.
use std::sync::Arc;

use super::inputs::{Gave, Passed};
use crate::Value;

/// What the children of one mapped task gave, by their number; `None` before a child has given anything, and when nobody
/// reads it any more.
pub(crate) type Results = Vec<Option<Value>>;

/// What became of the children of a mapped task, in their order.
#[derive(Clone, Debug)]
pub enum Children {
    /// All succeeded, and somebody who reads them keeps them: they are shared, not copied.
    Values(Arc<Vec<Option<Value>>>),
    /// What became of each.
    Each(Box<[Passed]>),
}

impl Children {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Each(each) => each.len(),
        }
    }

    pub(crate) fn get(&self, child: usize) -> Option<Gave<'_>> {
        match self {
            Self::Values(values) => values.get(child).map(|value| gave(value.as_ref())),
            Self::Each(each) => each.get(child).map(Passed::gave),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Gave<'_>> {
        (0..self.len()).map_while(|child| self.get(child))
    }

    /// One by one, each to be kept.
    pub(crate) fn into_each(self) -> Box<[Passed]> {
        match self {
            Self::Values(values) => values.iter().map(|value| gave(value.as_ref()).to_passed()).collect(),
            Self::Each(each) => each,
        }
    }

    /// See [`Passed::into_values`].
    pub(super) fn into_values(self) -> Self {
        match self {
            Self::Values(values) => Self::Values(values),
            Self::Each(each) => Self::Each(each.into_iter().map(Passed::into_values).collect()),
        }
    }
}

impl FromIterator<Passed> for Children {
    fn from_iter<I: IntoIterator<Item = Passed>>(each: I) -> Self {
        Self::Each(each.into_iter().collect())
    }
}

fn gave(value: Option<&Value>) -> Gave<'_> {
    Gave::Value(value.expect("kept for the one that reads it"))
}
