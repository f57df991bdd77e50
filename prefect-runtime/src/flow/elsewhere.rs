//! Inputs that are not loaded for one task run: they stay where many children of a mapped task find them.
use super::elements::Elements;
use super::inputs::{Passed, Slot};
use crate::Value;

/// The inputs of a child whose edges bring it the same as its neighbours: lists to take its elements of, and values.
#[derive(Debug)]
pub(crate) struct Elsewhere<'a> {
    slots: &'a [Slot],
    passed: &'a [Passed],
    child: usize,
    /// Whether an element is being copied, which is user code, but not the body's.
    pub(super) copying: bool,
}

/// Where one input is.
enum Place<'a> {
    Value(&'a Value),
    ElementOf(&'a Value, Elements),
}

impl<'a> Elsewhere<'a> {
    /// Whether they can be read from what the edges bring.
    #[inline]
    pub(crate) fn holds(passed: &[Passed]) -> bool {
        passed.iter().all(|passed| matches!(passed, Passed::Value(_) | Passed::List(_)))
    }

    /// Those of this child.
    #[inline]
    pub(crate) const fn new(slots: &'a [Slot], passed: &'a [Passed], child: usize) -> Self {
        Self { slots, passed, child, copying: false }
    }

    pub(super) const fn len(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    fn place(&self, i: usize) -> Place<'a> {
        let has_edge = |slot: &&Slot| !matches!(slot, Slot::Value(_));
        let edge = || &self.passed[self.slots[..i].iter().filter(has_edge).count()];
        match &self.slots[i] {
            Slot::Value(value) => Place::Value(value),
            slot => match (slot, edge()) {
                (Slot::Each(each), Passed::List(list)) => Place::ElementOf(list, each.elements),
                (_, Passed::Value(value)) => Place::Value(value),
                _ => unreachable!("looked at before"),
            },
        }
    }

    /// The input at this place.
    pub(super) fn value(&mut self, i: usize) -> Value {
        match self.place(i) {
            Place::Value(value) => value.clone(),
            Place::ElementOf(list, elements) => self.copy(|child| elements.get(list, child)),
        }
    }

    /// The input at this place, if it is the element of a list of such.
    #[inline(never)]
    pub(super) fn element<T: Send + Sync + 'static>(&mut self, i: usize, copy: fn(&T) -> T) -> Option<T> {
        let Place::ElementOf(list, _) = self.place(i) else { return None };
        let list = list.downcast_ref::<Vec<T>>()?;
        Some(self.copy(|child| copy(&list[child])))
    }

    #[inline]
    fn copy<T>(&mut self, copy: impl FnOnce(usize) -> T) -> T {
        self.copying = true;
        let copied = copy(self.child);
        self.copying = false;
        copied
    }
}
