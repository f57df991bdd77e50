//! Signals: how a body, a handler or a trigger asks for a state.
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{State, StateKind, StateResult};
use crate::Value;

/// Which signal, by Prefect's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignalKind {
    /// Ends as `Failed`.
    Fail,
    /// Ends as `TriggerFailed`.
    TriggerFail,
    /// Ends as `ValidationFailed`.
    ValidationFail,
    /// Ends as `Success`.
    Success,
    /// Ends as `Skipped`.
    Skip,
    /// Is tried again, whatever `max_retries` says.
    Retry,
    /// Waits as `Paused`.
    Pause,
    /// Runs the next iteration.
    Loop,
    /// Ends the task run with the state it brings, without retry.
    EndRun,
    /// What a task that took too long ends with; never raised by user code.
    Timeout,
}

impl SignalKind {
    /// The name as Prefect spells it, for example `SKIP`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fail => "FAIL",
            Self::TriggerFail => "TRIGGERFAIL",
            Self::ValidationFail => "VALIDATIONFAIL",
            Self::Success => "SUCCESS",
            Self::Skip => "SKIP",
            Self::Retry => "RETRY",
            Self::Pause => "PAUSE",
            Self::Loop => "LOOP",
            Self::EndRun => "ENDRUN",
            Self::Timeout => "TaskTimeoutSignal",
        }
    }
}

/// Asks for a state: returned as the error of a body, a handler or a trigger, or [raised](raise).
///
/// ```
/// use prefect::{Signal, TaskError};
///
/// fn only_even(n: i64) -> Result<i64, TaskError> {
///     if n % 2 == 1 {
///         return Err(Signal::skip("odd").into());
///     }
///     Ok(n)
/// }
/// assert!(only_even(1).unwrap_err().is::<Signal>());
/// ```
#[derive(Clone)]
pub struct Signal {
    kind: SignalKind,
    state: Box<State>,
}

impl Signal {
    fn new(kind: SignalKind, state: StateKind, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        let text = Arc::from(&*message);
        let state = State::new(state).with_message(message).with_result(StateResult::Signal(kind, Some(text)));
        Self { kind, state: Box::new(state) }
    }

    /// A signal of this kind without message; `EndRun` and `Timeout` bring `Failed` and `TimedOut`.
    #[must_use]
    pub fn of(kind: SignalKind) -> Self {
        let state = match kind {
            SignalKind::Fail | SignalKind::EndRun => StateKind::Failed,
            SignalKind::TriggerFail => StateKind::TriggerFailed,
            SignalKind::ValidationFail => StateKind::ValidationFailed,
            SignalKind::Success => StateKind::Success,
            SignalKind::Skip => StateKind::Skipped,
            SignalKind::Retry => StateKind::Retrying,
            SignalKind::Pause => StateKind::Paused,
            SignalKind::Loop => StateKind::Looped,
            SignalKind::Timeout => StateKind::TimedOut,
        };
        Self { kind, state: Box::new(State::new(state).with_result(StateResult::Signal(kind, None))) }
    }

    /// `LOOP`: the body is called again, and finds this result in
    /// [`Context::task_loop_result`](crate::Context::task_loop_result).
    ///
    /// ```
    /// use prefect::prelude::*;
    ///
    /// #[task]
    /// fn pages() -> Result<Vec<i64>, TaskError> {
    ///     let mut all: Vec<i64> = context().task_loop_result().unwrap_or_default();
    ///     all.push(10 * i64::from(context().task_loop_count()));
    ///     if all.len() < 3 { Err(Signal::looping(all).into()) } else { Ok(all) }
    /// }
    ///
    /// let flow = flow!("pages", { pages() });
    /// assert_eq!(flow.run().output().unwrap(), [10, 20, 30]);
    /// ```
    #[must_use]
    pub fn looping<T: Serialize + DeserializeOwned + Send + Sync + 'static>(result: T) -> Self {
        Self::of(SignalKind::Loop).with_value(Value::new(result))
    }

    /// The same signal with a message.
    #[must_use]
    pub fn message(self, message: impl Into<Cow<'static, str>>) -> Self {
        let state = self.state;
        let message = message.into();
        let result = match state.result() {
            StateResult::Signal(kind, _) => StateResult::Signal(*kind, Some(Arc::from(&*message))),
            other => other.clone(),
        };
        Self { kind: self.kind, state: Box::new(state.with_message(message).with_result(result)) }
    }

    /// Ends as `Failed`; subject to `max_retries`.
    #[must_use]
    pub fn fail(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(SignalKind::Fail, StateKind::Failed, message)
    }

    /// Ends as `TriggerFailed`.
    #[must_use]
    pub fn trigger_fail(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(SignalKind::TriggerFail, StateKind::TriggerFailed, message)
    }

    /// Ends as `ValidationFailed`.
    #[must_use]
    pub fn validation_fail(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(SignalKind::ValidationFail, StateKind::ValidationFailed, message)
    }

    /// Ends as `Success`. Tasks that read its result need one: see [`with_value`](Self::with_value).
    #[must_use]
    pub fn success(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(SignalKind::Success, StateKind::Success, message)
    }

    /// Ends as `Skipped`.
    #[must_use]
    pub fn skip(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(SignalKind::Skip, StateKind::Skipped, message)
    }

    /// Tries again, however many attempts there were: at once, or see [`start_in`](Self::start_in).
    #[must_use]
    pub fn retry(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(SignalKind::Retry, StateKind::Retrying, message)
    }

    /// Waits until somebody resumes it.
    #[must_use]
    pub fn pause(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(SignalKind::Pause, StateKind::Paused, message)
    }

    /// Ends the task run with this state; there is no retry.
    #[must_use]
    pub fn end_run(state: State) -> Self {
        Self { kind: SignalKind::EndRun, state: Box::new(state) }
    }

    /// The same signal with a value as the result of its state.
    #[must_use]
    pub fn with_value(self, value: Value) -> Self {
        Self { kind: self.kind, state: Box::new(self.state.with_value(value)) }
    }

    /// The same signal, to start so long after it is raised (for [`retry`](Self::retry) and [`pause`](Self::pause)).
    #[must_use]
    pub fn start_in(self, delay: Duration) -> Self {
        Self { kind: self.kind, state: Box::new(self.state.start_in(delay)) }
    }

    /// Which signal it is.
    #[must_use]
    pub const fn kind(&self) -> SignalKind {
        self.kind
    }

    /// The state that it asks for.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn into_state(self) -> State {
        *self.state
    }
}

/// `SKIP('message')`.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.state.message() {
            Some(message) => write!(f, "{}('{message}')", self.kind.name()),
            None => write!(f, "{}()", self.kind.name()),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Signal {}

/// Ends the running body, handler or trigger with this signal, from any depth and whatever it returns.
///
/// It unwinds like a panic, but no panic hook runs. Needs `panic = "unwind"`, the default. Where a
/// function returns a `Result`, `return Err(signal.into())` is the plainer way.
///
/// ```
/// # use std::panic::catch_unwind;
/// use prefect::{Signal, raise};
///
/// let raised = catch_unwind(|| raise(Signal::skip("nothing to do"))).unwrap_err();
/// assert!(raised.is::<Signal>());
/// ```
pub fn raise(signal: Signal) -> ! {
    std::panic::resume_unwind(Box::new(signal))
}
