//! What can be given as a state handler: functions, closures, async ones, and handler values.
use std::any::{type_name, type_name_of_val};

use crate::handlers::{StateHandler, Tracked};
use crate::notify::Notifies;
use crate::{SlackNotifier, State, TaskError, block_on, slack_notifier};

/// What a state handler may return: a state, `None` or nothing to keep the new one, or a `Result` of these.
#[diagnostic::on_unimplemented(
    message = "a state handler cannot return `{Self}`",
    label = "expected `State`, `Option<State>`, `()` or a `Result` of these"
)]
pub trait HandlerOutput {
    /// The state to go on with.
    ///
    /// # Errors
    /// The error that the handler returned.
    fn into_state(self, new: State) -> Result<State, TaskError>;
}

#[diagnostic::do_not_recommend]
impl HandlerOutput for State {
    fn into_state(self, _: State) -> Result<State, TaskError> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl HandlerOutput for Option<State> {
    fn into_state(self, new: State) -> Result<State, TaskError> {
        Ok(self.unwrap_or(new))
    }
}

#[diagnostic::do_not_recommend]
impl HandlerOutput for () {
    fn into_state(self, new: State) -> Result<State, TaskError> {
        Ok(new)
    }
}

#[diagnostic::do_not_recommend]
impl<R: HandlerOutput, E: Into<TaskError>> HandlerOutput for Result<R, E> {
    fn into_state(self, new: State) -> Result<State, TaskError> {
        self.map_err(E::into)?.into_state(new)
    }
}

/// What can be given as a state handler. `M` only tells the implementations apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a state handler",
    label = "not a state handler",
    note = "a state handler is a `fn(&Tracked, &State, State) -> State`; it may return `Option<State>`, `()` or a `Result` instead"
)]
pub trait IntoStateHandler<M> {
    /// The handler.
    type Handler: StateHandler;
    /// Makes the handler.
    fn into_handler(self) -> Self::Handler;
}

/// A function or closure as a handler.
#[derive(Clone, Copy, Debug)]
pub struct FnHandler<F>(F);

impl<F, R: HandlerOutput> StateHandler for FnHandler<F>
where
    F: Fn(&Tracked, &State, State) -> R + Send + Sync,
{
    fn handle(&self, object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
        (self.0)(object, old, new.clone()).into_state(new)
    }

    /// Functions are told apart by their names: types that may borrow have no other identity.
    fn notifies(&self) -> Option<Notifies> {
        if type_name::<F>() == type_name_of_val(&slack_notifier) {
            return SlackNotifier::DEFAULT.notifies();
        }
        #[cfg(feature = "email")]
        if type_name::<F>() == type_name_of_val(&crate::email_notifier) {
            return crate::EmailNotifier::DEFAULT.notifies();
        }
        None
    }
}

#[diagnostic::do_not_recommend]
impl<F, R: HandlerOutput> IntoStateHandler<fn(&Tracked, &State, State) -> R> for F
where
    F: Fn(&Tracked, &State, State) -> R + Send + Sync,
{
    type Handler = FnHandler<F>;
    fn into_handler(self) -> FnHandler<F> {
        FnHandler(self)
    }
}

/// An async function or closure as a handler. Its future is driven in place: the task waits for it.
#[derive(Clone, Copy, Debug)]
pub struct AsyncHandler<F>(F);

impl<F, R: HandlerOutput> StateHandler for AsyncHandler<F>
where
    F: AsyncFn(&Tracked, &State, State) -> R + Send + Sync,
{
    fn handle(&self, object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
        block_on((self.0)(object, old, new.clone())).into_state(new)
    }
}

/// Marks async handlers.
#[derive(Debug)]
pub struct Async<R>(std::marker::PhantomData<R>);

#[diagnostic::do_not_recommend]
impl<F, R: HandlerOutput> IntoStateHandler<Async<R>> for F
where
    F: AsyncFn(&Tracked, &State, State) -> R + Send + Sync,
{
    type Handler = AsyncHandler<F>;
    fn into_handler(self) -> AsyncHandler<F> {
        AsyncHandler(self)
    }
}

#[diagnostic::do_not_recommend]
impl<H: StateHandler> IntoStateHandler<()> for H {
    type Handler = H;
    fn into_handler(self) -> H {
        self
    }
}

/// A handler of any kind, boxed.
pub fn boxed<M, H: IntoStateHandler<M>>(handler: H) -> Box<dyn StateHandler>
where
    H::Handler: 'static,
{
    Box::new(handler.into_handler())
}

/// Gives the parameters of a closure their types: the macros put it around closure literals.
pub fn closure<F, R: HandlerOutput>(f: F) -> Box<dyn StateHandler>
where
    F: Fn(&Tracked, &State, State) -> R + Send + Sync + 'static,
{
    Box::new(FnHandler(f))
}

/// The same for async closures.
pub fn async_closure<F, R: HandlerOutput>(f: F) -> Box<dyn StateHandler>
where
    F: AsyncFn(&Tracked, &State, State) -> R + Send + Sync + 'static,
{
    Box::new(AsyncHandler(f))
}
