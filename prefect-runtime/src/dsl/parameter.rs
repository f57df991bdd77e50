//! How a task function gets its inputs, and how a call of it is put together.
use std::sync::Arc;

use super::Node;
use crate::flow::{Inputs, Slot, TaskCell, TaskCode, scope};

/// In a keyword call: the argument is not given yet.
#[derive(Debug)]
pub enum Missing {}

/// In a keyword call: the argument is given.
#[derive(Debug)]
pub enum Set {}

/// A parameter taken by reference: what flows through the graph is the owned form.
#[diagnostic::on_unimplemented(
    message = "a task parameter of type `&{Self}` must be `Send + Sync + 'static`",
    label = "cannot be shared between threads"
)]
pub trait RefParam {
    /// `String` for `str`, `Vec<T>` for `[T]`, else the type itself.
    type Owned: Send + Sync + 'static;
    /// Lends it to the body.
    fn lend(owned: &Self::Owned) -> &Self;
}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> RefParam for T {
    type Owned = T;
    #[inline]
    fn lend(owned: &T) -> &T {
        owned
    }
}

#[diagnostic::do_not_recommend]
impl RefParam for str {
    type Owned = String;
    fn lend(owned: &String) -> &str {
        owned
    }
}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> RefParam for [T] {
    type Owned = Vec<T>;
    fn lend(owned: &Vec<T>) -> &[T] {
        owned
    }
}

/// A parameter taken by value.
#[diagnostic::on_unimplemented(
    message = "a task parameter of type `{Self}` must be `Clone`",
    label = "not `Clone`",
    note = "several tasks may read the same result: derive `Clone`, or take the parameter as `&{Self}`"
)]
pub trait OwnedParam: Sized {
    /// The value: the last reader has it, others have a copy.
    fn own(shared: Arc<Self>) -> Self;
    /// A copy.
    fn copy(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> OwnedParam for T {
    #[inline]
    fn own(shared: Arc<T>) -> T {
        Arc::unwrap_or_clone(shared)
    }

    #[inline]
    fn copy(&self) -> T {
        self.clone()
    }
}

/// What a task can take.
#[diagnostic::on_unimplemented(
    message = "a task parameter of type `{Self}` must be `Send + Sync + 'static`",
    label = "cannot be shared between threads"
)]
pub trait TaskInput: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> TaskInput for T {}

/// For the macros: the input at this place, by value.
#[inline]
pub fn owned<T: OwnedParam + TaskInput>(inputs: &mut Inputs<'_>, i: usize) -> T {
    match inputs.element(i, T::copy) {
        Some(element) => element,
        None => T::own(inputs.take::<T>(i)),
    }
}

/// For the macros: the input at this place, shared.
#[inline]
pub fn task_input<T: Send + Sync + 'static>(inputs: &mut Inputs<'_>, i: usize) -> Arc<T> {
    inputs.take::<T>(i)
}

/// For the macros: what the flow shares under this type.
#[must_use]
pub fn shared<T: TaskInput>(inputs: &Inputs<'_>) -> Arc<T> {
    inputs.shared::<T>()
}

/// For the macros: a call of a task, with all its inputs.
#[inline]
#[track_caller]
pub fn call<T>(cell: &'static TaskCell, code: &'static TaskCode, inputs: &mut [Option<Slot>]) -> Node<T> {
    Node::new(scope::add_call(cell, code, inputs))
}
