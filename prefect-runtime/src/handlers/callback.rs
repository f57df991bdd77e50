//! Callbacks: handlers that are called for some states only, and change none.
use std::fmt;

use super::{StateHandler, Tracked};
use crate::{State, TaskError};

/// What a callback may return: nothing, or a `Result` of nothing.
#[diagnostic::on_unimplemented(
    message = "a callback cannot return `{Self}`",
    label = "expected `()` or `Result<(), _>`",
    note = "a handler that changes the state goes into `state_handlers`"
)]
pub trait CallbackOutput {
    /// The result.
    ///
    /// # Errors
    /// The error that the callback returned.
    fn into_result(self) -> Result<(), TaskError>;
}

#[diagnostic::do_not_recommend]
impl CallbackOutput for () {
    fn into_result(self) -> Result<(), TaskError> {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<TaskError>> CallbackOutput for Result<(), E> {
    fn into_result(self) -> Result<(), TaskError> {
        self.map_err(Into::into)
    }
}

/// A handler made by [`callback_factory`].
#[derive(Clone, Copy)]
pub struct Callback<F, C> {
    call: F,
    check: C,
}

impl<F, C> fmt::Debug for Callback<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback")
    }
}

impl<F, C, R: CallbackOutput> StateHandler for Callback<F, C>
where
    F: Fn(&Tracked, &State) -> R + Send + Sync,
    C: Fn(&State) -> bool + Send + Sync,
{
    fn handle(&self, object: &Tracked, _: &State, new: State) -> Result<State, TaskError> {
        if (self.check)(&new) {
            (self.call)(object, &new).into_result()?;
        }
        Ok(new)
    }
}

/// A state handler that calls `call` with the task or flow and its new state, whenever `check` says yes to that state.
///
/// ```
/// use prefect::{State, StateHandler, Tracked, callback_factory};
///
/// fn on_success(object: &Tracked, state: &State) {
///     println!("{}: {state}", object.name());
/// }
/// let handler = callback_factory(on_success, |state| state.kind().is_successful());
/// # fn handler_is_one(_: impl StateHandler) {}
/// # handler_is_one(handler);
/// ```
pub fn callback_factory<F, C, R: CallbackOutput>(call: F, check: C) -> Callback<F, C>
where
    F: Fn(&Tracked, &State) -> R + Send + Sync,
    C: Fn(&State) -> bool + Send + Sync,
{
    Callback { call, check }
}

fn is_failed(state: &State) -> bool {
    state.kind().is_failed()
}

/// For the option `on_failure`.
#[doc(hidden)]
pub fn on_failure<F, R: CallbackOutput>(call: F) -> Box<dyn StateHandler>
where
    F: Fn(&Tracked, &State) -> R + Send + Sync + 'static,
{
    Box::new(callback_factory(call, is_failed))
}
