//! What came out of a task run or a flow run: one state at a time.
mod kind;
mod looping;
mod signal;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use kind::{StateKind, StateKinds, UnknownStateKind};
pub(crate) use looping::{Entry, LoopResult, Looping};
pub use signal::{Signal, SignalKind, raise};

use crate::{TaskError, Value};

/// What a state carries besides its message.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum StateResult {
    /// Nothing.
    #[default]
    None,
    /// What the task returned, or what a handler put in its place.
    Value(Value),
    /// Why it failed.
    Error(TaskError),
    /// The signal that made the state, when the signal brought no value.
    Signal(SignalKind, Option<Arc<str>>),
}

/// The state of a task run or a flow run: a kind, a message, a result.
///
/// States are values: a handler gets one and returns the same or another.
///
/// ```
/// use prefect::{State, StateKind};
///
/// let state = State::failed("disk full");
/// assert_eq!(state.kind(), StateKind::Failed);
/// assert_eq!(state.message(), Some("disk full"));
/// assert_eq!(State::success(7).value::<i32>(), Some(&7));
/// assert_eq!(state.to_string(), r#"<Failed: "disk full">"#);
/// ```
#[derive(Clone, Debug)]
pub struct State {
    kind: StateKind,
    message: Option<Cow<'static, str>>,
    result: StateResult,
    details: Option<Box<Details>>,
}

/// What only some kinds have.
#[derive(Clone, Debug, Default)]
struct Details {
    start_time: Option<Start>,
    run_count: Option<u32>,
    looping: Option<Looping>,
    expires: Option<Timestamp>,
    location: Option<Arc<str>>,
    /// Whether somebody said that the task run is not to run. The message says why.
    rejected: bool,
    children: Option<u32>,
}

/// When a scheduled state may start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Start {
    /// So long after the state was entered.
    After(Duration),
    At(Timestamp),
}

impl State {
    /// A state of this kind, without message or result.
    #[must_use]
    pub const fn new(kind: StateKind) -> Self {
        Self { kind, message: None, result: StateResult::None, details: None }
    }

    /// `Success` with a value that can be stored. Its message is `Task run succeeded.`
    #[must_use]
    pub fn success<T: Serialize + DeserializeOwned + Send + Sync + 'static>(value: T) -> Self {
        Self::new(StateKind::Success).with_message("Task run succeeded.").with_value(Value::new(value))
    }

    /// `Failed` with a message.
    #[must_use]
    pub fn failed(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StateKind::Failed).with_message(message)
    }

    /// `Skipped` with a message.
    #[must_use]
    pub fn skipped(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StateKind::Skipped).with_message(message)
    }

    /// The same state with this message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// The same state with this value as its result.
    #[must_use]
    pub fn with_value(mut self, value: Value) -> Self {
        self.result = StateResult::Value(value);
        self
    }

    /// The same state with this error as its result.
    #[must_use]
    pub fn with_error(mut self, error: impl Into<TaskError>) -> Self {
        self.result = StateResult::Error(error.into());
        self
    }

    /// The same state with this result.
    #[must_use]
    pub fn with_result(mut self, result: StateResult) -> Self {
        self.result = result;
        self
    }

    /// The same state, to start so long after it is entered.
    #[must_use]
    pub fn start_in(mut self, delay: Duration) -> Self {
        self.details_mut().start_time = Some(Start::After(delay));
        self
    }

    /// The same state, to start at this moment.
    #[must_use]
    pub fn start_at(mut self, moment: Timestamp) -> Self {
        self.details_mut().start_time = Some(Start::At(moment));
        self
    }

    pub(crate) fn with_run_count(mut self, count: u32) -> Self {
        self.details_mut().run_count = Some(count);
        self
    }

    pub(crate) fn with_looping(mut self, looping: Looping) -> Self {
        self.details_mut().looping = Some(looping);
        self
    }

    pub(crate) fn with_expiration(mut self, moment: Timestamp) -> Self {
        self.details_mut().expires = Some(moment);
        self
    }

    pub(crate) fn with_location(mut self, location: Arc<str>) -> Self {
        self.details_mut().location = Some(location);
        self
    }

    #[cfg(feature = "store")]
    pub(crate) fn rejected(mut self) -> Self {
        self.details_mut().rejected = true;
        self
    }

    /// The same state, in the attempt and the iteration that one waits for which is let go on.
    pub(crate) fn going_on_from(self, waiting: &Self) -> Self {
        let state = match waiting.attempt() {
            1 => self,
            attempt => self.with_run_count(attempt),
        };
        match waiting.looping() {
            Some(looping) => state.with_looping(Looping { entry: Entry::Again, ..looping.clone() }),
            None => state,
        }
    }

    /// Which attempt a task run goes on with that waits in this state, from 1.
    pub(crate) fn attempt(&self) -> u32 {
        self.run_count().unwrap_or(1) + u32::from(self.kind == StateKind::Retrying)
    }

    /// Why a task run that waited for somebody is not to run.
    pub(crate) fn rejection(&self) -> Option<&str> {
        self.details.as_ref()?.rejected.then(|| self.message().unwrap_or_default())
    }

    /// Whether the next iteration of a loop begins with it, at once.
    pub(crate) fn begins_iteration(&self) -> bool {
        self.kind == StateKind::Pending && self.looping().is_some_and(|looping| looping.entry == Entry::Begun)
    }

    /// The same state of a mapped task, with the number of its children.
    pub(crate) fn with_children(mut self, children: u32) -> Self {
        self.details_mut().children = Some(children);
        self
    }

    /// How many children a mapped task has, if that is known.
    pub(crate) fn children(&self) -> Option<u32> {
        self.details.as_ref()?.children
    }

    pub(crate) fn looping(&self) -> Option<&Looping> {
        self.details.as_ref()?.looping.as_ref()
    }

    fn details_mut(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> StateKind {
        self.kind
    }

    /// The message, if there is one.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// What the state carries.
    #[must_use]
    pub const fn result(&self) -> &StateResult {
        &self.result
    }

    /// The value, if there is one of type `T`.
    #[must_use]
    pub fn value<T: Send + Sync + 'static>(&self) -> Option<&T> {
        match &self.result {
            StateResult::Value(value) => value.downcast_ref(),
            _ => None,
        }
    }

    /// The error, if the state carries one.
    #[must_use]
    pub const fn error(&self) -> Option<&TaskError> {
        match &self.result {
            StateResult::Error(error) => Some(error),
            _ => None,
        }
    }

    /// Takes the value out, if there is one.
    pub(crate) fn take_value(&mut self) -> Option<Value> {
        match std::mem::take(&mut self.result) {
            StateResult::Value(value) => Some(value),
            other => {
                self.result = other;
                None
            }
        }
    }

    pub(crate) fn start(&self) -> Option<Start> {
        self.details.as_ref().and_then(|d| d.start_time)
    }

    /// When a scheduled state starts; `None` if it has no start time, or one that counts from when it is entered
    /// ([`start_in`](Self::start_in)) and it is not entered yet.
    #[must_use]
    pub fn start_time(&self) -> Option<Timestamp> {
        match self.start()? {
            Start::At(moment) => Some(moment),
            Start::After(_) => None,
        }
    }

    /// Which attempt a `Retrying` state follows, from 1; of one that is `Paused` or `Queued`, which attempt waits, if it is not
    /// the first.
    #[must_use]
    pub fn run_count(&self) -> Option<u32> {
        self.details.as_ref().and_then(|d| d.run_count)
    }

    /// Which iteration a `Looped` state ended, from 1.
    #[must_use]
    pub fn loop_count(&self) -> Option<u32> {
        let looping = self.looping().filter(|_| self.kind == StateKind::Looped)?;
        Some(looping.iteration)
    }
}

impl State {
    /// Until when later runs may use the result of a `Cached` state; `None` if it has no end, as that of a target.
    #[must_use]
    pub fn cached_result_expiration(&self) -> Option<Timestamp> {
        self.details.as_ref()?.expires
    }

    /// The name under which the result is kept, if it is: of the task's `target`, or of the `location` of its `result`.
    #[must_use]
    pub fn result_location(&self) -> Option<&str> {
        self.details.as_ref()?.location.as_deref()
    }
}

/// `<Success: "message">`, or `<Success>`.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "<{}: \"{message}\">", self.kind),
            None => write!(f, "<{}>", self.kind),
        }
    }
}
