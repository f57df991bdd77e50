//! A wired argument, with its type.
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::Value;
use crate::flow::{Computed, Passed, Slot};

/// What an argument of type `T` has become: a constant, the result of a task, or what is made of results.
pub struct Input<T> {
    slot: Slot,
    marker: PhantomData<fn() -> T>,
}

impl<T> Input<T> {
    #[inline]
    pub(crate) fn new(slot: Slot) -> Self {
        Self { slot, marker: PhantomData }
    }

    /// Made of what became of one task; `None` if that cannot be told.
    pub(crate) fn computed(upstream: u32, make: impl Fn(&Passed) -> Option<T> + Send + Sync + 'static) -> Self
    where
        T: Send + Sync + 'static,
    {
        let make = move |passed: &[Passed]| make(&passed[0]).map(Value::in_memory).ok_or(0);
        Self::new(Slot::Computed(Computed { upstream: vec![upstream], make: Arc::new(make) }))
    }

    /// Without its type.
    #[inline]
    pub(crate) fn into_slot(self) -> Slot {
        self.slot
    }
}

/// For the macros: the argument, without its type.
#[inline]
#[must_use]
pub fn slot<T>(input: Input<T>) -> Slot {
    input.into_slot()
}

impl<T> fmt::Debug for Input<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.slot.fmt(f)
    }
}
