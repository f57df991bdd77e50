//! What a task function may return.
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::flow::AnyOutput;
use crate::results::{Serializer, decode};
use crate::{TaskError, Value};

/// Everything that a generic task asks of its type: `fn same<T: Data>(x: T) -> T`.
pub trait Data: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Data for T {}

/// A result that other tasks can read.
#[diagnostic::on_unimplemented(
    message = "the result of a task must be `Send + Sync + 'static`, and `{Self}` is not",
    label = "cannot be shared between threads",
    note = "other tasks read it, on other threads"
)]
pub trait TaskValue: Sized + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> TaskValue for T {}

/// A result that can be stored.
#[diagnostic::on_unimplemented(
    message = "the result of a task must be `Serialize` and `Deserialize`, and `{Self}` is not",
    label = "cannot be stored",
    note = "derive `serde::Serialize` and `serde::Deserialize` for every type in it, so that a run can be resumed and its result shown (a type parameter: `T: prefect::Data`)",
    note = "or keep the result in memory, and compute it again on resume: `#[task(in_memory)]`"
)]
pub trait TaskOutput: Sized {
    /// The result, without its type.
    fn store(self) -> Value
    where
        Self: TaskValue;

    /// A result that was written.
    ///
    /// # Errors
    /// What the type's own `Deserialize` reports.
    fn load(serializer: Serializer, bytes: &[u8]) -> Result<Value, TaskError>
    where
        Self: TaskValue;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> TaskOutput for T {
    #[inline]
    fn store(self) -> Value
    where
        Self: TaskValue,
    {
        Value::new(self)
    }

    fn load(serializer: Serializer, bytes: &[u8]) -> Result<Value, TaskError>
    where
        Self: TaskValue,
    {
        decode::<Self>(serializer, bytes).map(Value::new)
    }
}

/// For the macros: how the results of a task are kept.
pub struct Output<T> {
    keep: fn(T) -> Value,
    untyped: AnyOutput,
}

impl<T> Output<T> {
    /// The result, without its type.
    #[inline]
    pub fn keep(&self, value: T) -> Value {
        (self.keep)(value)
    }

    /// The same, for a table of tasks of all types.
    #[must_use]
    pub const fn untyped(self) -> AnyOutput {
        self.untyped
    }
}

impl<T> fmt::Debug for Output<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.untyped.fmt(f)
    }
}

/// For the macros: a result that can be stored.
#[must_use]
pub const fn stored<T: TaskValue + TaskOutput>() -> Output<T> {
    Output { keep: T::store, untyped: AnyOutput::new::<T>(Some(T::load)) }
}

/// For the macros: a result that is kept in memory only.
#[must_use]
pub const fn in_memory<T: TaskValue>() -> Output<T> {
    Output { keep: Value::in_memory, untyped: AnyOutput::new::<T>(None) }
}

/// Implemented for every `Result`, so that an alias such as `io::Result<T>` works, and an unsuitable error type is
/// reported once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Result`",
    label = "a return type called `Result` is taken for the standard library's",
    note = "return a type of your own under another name"
)]
pub trait ResultLike {
    /// What the node carries.
    type Ok;
    /// What the task fails with.
    type Error;
    /// The standard library's.
    ///
    /// # Errors
    /// The error that the task returned.
    fn into_result(self) -> Result<Self::Ok, Self::Error>;
}

impl<T, E> ResultLike for Result<T, E> {
    type Ok = T;
    type Error = E;
    #[inline]
    fn into_result(self) -> Self {
        self
    }
}

/// What a task may fail with.
#[diagnostic::on_unimplemented(
    message = "a task cannot fail with `{Self}`",
    label = "not an error type",
    note = "the error of a task must be `std::error::Error + Send + Sync`, a `String` or a `Box<dyn Error + Send + Sync>`"
)]
pub trait IntoTaskError {
    /// The error, without its type.
    fn into_task_error(self) -> TaskError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<TaskError>> IntoTaskError for E {
    fn into_task_error(self) -> TaskError {
        self.into()
    }
}
