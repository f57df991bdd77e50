//! What may stand for a task's argument.
//!
//! Never add an impl from another integer or float type: a literal would no longer know its type.
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Input, Node, Outcome};
use crate::Value;
use crate::flow::{Gave, Slot};

/// What converts into an argument of type `P`: a plain value, or the result of a task.
#[diagnostic::on_unimplemented(
    message = "expected a task argument of type `{P}`, found `{Self}`",
    label = "neither `{P}` nor `Node<{P}>`",
    note = "a task argument is a value of the parameter's type, or the result of a task that returns it",
    note = "for `Option<T>` and `Outcome<T>` it may be the result of a task that returns `T`, if `T` is `Clone`",
    note = "a list, a map or a tuple may hold results of tasks, if their type is `Clone`"
)]
pub trait IntoInput<P> {
    /// The argument.
    ///
    /// # Panics
    /// If it is a node of another flow than the one that is being built.
    #[track_caller]
    fn into_input(self) -> Input<P>;
}

/// An argument whose type is a bare type parameter. It has no impls for `Option` and `Outcome`, so that a node and a
/// literal both settle the type.
#[diagnostic::on_unimplemented(
    message = "expected a task argument of type `{P}`, found `{Self}`",
    label = "neither `{P}` nor `Node<{P}>`"
)]
pub trait IntoGeneric<P> {
    /// The argument.
    ///
    /// # Panics
    /// If it is a node of another flow than the one that is being built.
    #[track_caller]
    fn into_input(self) -> Input<P>;
}

/// An argument of a parameter marked `#[constant]`.
#[diagnostic::on_unimplemented(
    message = "expected a plain value of type `{P}`, found `{Self}`",
    label = "a `#[constant]` parameter takes a plain value",
    note = "the task may also run when an upstream task has no result: a parameter of type `Outcome<{P}>` or `Option<{P}>` accepts a task's result"
)]
pub trait IntoConstant<P> {
    /// The argument.
    fn into_input(self) -> Input<P>;
}

/// Says which plain values may be given to a task: `Constants: Holds<T>`.
///
/// It is a trait of another type than the value, because rustc would otherwise print the message of `IntoInput`, which
/// has the same `Self`. It also settles generic parameters: a node is no constant, so that `Node<T>` converts in one way
/// only.
#[diagnostic::on_unimplemented(
    message = "a constant argument must be `Serialize` and `Deserialize`, and `{T}` is not",
    label = "cannot be stored",
    note = "derive `serde::Serialize` and `serde::Deserialize`, or let a task make the value: `#[task(in_memory)]`"
)]
pub trait Holds<T> {
    /// The value, without its type.
    fn hold(value: T) -> Value;
}

/// See [`Holds`].
#[derive(Debug)]
pub enum Constants {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Holds<T> for Constants {
    #[inline]
    fn hold(value: T) -> Value {
        Value::new(value)
    }
}

pub(super) fn constant<T>(value: T) -> Input<T>
where
    Constants: Holds<T>,
{
    Input::new(Slot::Value(Constants::hold(value)))
}

// With recommendation: where the types fit, the missing bound is the news.
impl<T> IntoInput<T> for T
where
    Constants: Holds<T>,
{
    fn into_input(self) -> Input<T> {
        constant(self)
    }
}

/// `from => to`: what may stand for an argument of which type.
macro_rules! into_input {
    ($([$($generics:tt)*] $from:ty => $to:ty, |$self:ident| $body:expr;)*) => { $(
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> IntoInput<$to> for $from {
            #[inline]
            #[track_caller]
            fn into_input(self) -> Input<$to> {
                let $self = self;
                $body
            }
        }
    )* };
}
pub(super) use into_input;

into_input! {
    [T] Node<T> => T, |node| Input::new(Slot::Upstream(node.own()));
    [T] Input<T> => T, |input| input;
    [] &str => String, |text| constant(text.to_owned());
    // A plain value where it may be missing.
    [T: Serialize + DeserializeOwned + Send + Sync + 'static] T => Option<T>, |value| constant(Some(value));
    [T: Serialize + DeserializeOwned + Send + Sync + 'static] T => Outcome<T>, |value| constant(Outcome::Success(value));
    [] &str => Option<String>, |text| constant(Some(text.to_owned()));
    [] &str => Outcome<String>, |text| constant(Outcome::Success(text.to_owned()));
    // A task that may have no result.
    [T: Clone + Send + Sync + 'static] Node<T> => Option<T>, |node| Input::computed(node.own(), |passed| option(passed.gave()));
    [T: Clone + Send + Sync + 'static] Node<T> => Outcome<T>, |node| Input::computed(node.own(), |passed| Outcome::of(passed.gave()));
}

/// A value of another type than the task returns is no value, but none at all either: the reader fails.
#[allow(clippy::option_option, reason = "`None` has no input, `Some(None)` is the input `None`")]
pub(super) fn option<T: Clone + Send + Sync + 'static>(gave: Gave<'_>) -> Option<Option<T>> {
    match gave {
        Gave::Value(value) => value.downcast_ref::<T>().map(|value| Some(value.clone())),
        Gave::State(_) => Some(None),
        Gave::Several => None,
    }
}

impl<T> IntoGeneric<T> for T
where
    Constants: Holds<T>,
{
    fn into_input(self) -> Input<T> {
        constant(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T> IntoGeneric<T> for Node<T> {
    #[inline]
    #[track_caller]
    fn into_input(self) -> Input<T> {
        Input::new(Slot::Upstream(self.own()))
    }
}

#[diagnostic::do_not_recommend]
impl<T> IntoGeneric<T> for Input<T> {
    fn into_input(self) -> Input<T> {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T> IntoConstant<T> for T
where
    Constants: Holds<T>,
{
    fn into_input(self) -> Input<T> {
        constant(self)
    }
}

#[diagnostic::do_not_recommend]
impl IntoConstant<String> for &str {
    fn into_input(self) -> Input<String> {
        constant(self.to_owned())
    }
}
