//! What became of an upstream task, as a value.
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::flow::Gave;
use crate::{State, StateKind, TaskError};

/// What became of an upstream task: for parameters of tasks that also run when something upstream has no result.
///
/// ```
/// use prefect::Outcome;
///
/// fn report(rows: Outcome<u32>) -> String {
///     match rows {
///         Outcome::Success(n) => format!("{n} rows"),
///         Outcome::Skipped => "nothing to do".to_owned(),
///         Outcome::Failed(failure) => format!("no rows: {failure}"),
///     }
/// }
/// assert_eq!(report(Outcome::Success(3)), "3 rows");
/// assert_eq!(report(Outcome::failed("disk full")), "no rows: disk full");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome<T> {
    /// It succeeded, with this result.
    Success(T),
    /// It was skipped.
    Skipped,
    /// It has no result: it failed, or its trigger did, or it timed out, or was cancelled.
    Failed(Failure),
}

/// Why an upstream task has no result.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub struct Failure {
    kind: StateKind,
    message: Option<String>,
    error: Option<TaskError>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    kind: String,
    message: Option<String>,
}

impl From<Failure> for Stored {
    fn from(failure: Failure) -> Self {
        Self { kind: failure.kind.name().to_owned(), message: failure.message }
    }
}

impl TryFrom<Stored> for Failure {
    type Error = crate::UnknownStateKind;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        Ok(Self { kind: stored.kind.parse()?, message: stored.message, error: None })
    }
}

impl Failure {
    /// The kind of state the task is in: `Failed`, `TriggerFailed`, `TimedOut`, ..
    #[must_use]
    pub fn kind(&self) -> StateKind {
        self.kind
    }

    /// The message of its state.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The error of the task, if it is there.
    #[must_use]
    pub fn error(&self) -> Option<&TaskError> {
        self.error.as_ref()
    }

    fn of(state: &State) -> Self {
        Self { kind: state.kind(), message: state.message().map(str::to_owned), error: state.error().cloned() }
    }
}

/// The error, else the message, else the kind.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.error, &self.message) {
            (Some(error), _) => error.fmt(f),
            (None, Some(message)) => f.write_str(message),
            (None, None) => f.write_str(self.kind.name()),
        }
    }
}

/// Of one kind, with one message.
impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.message) == (other.kind, &other.message)
    }
}

impl<T> Outcome<T> {
    /// `Failed` with a message.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(Failure { kind: StateKind::Failed, message: Some(message.into()), error: None })
    }

    /// The result, if there is one.
    #[must_use]
    pub fn success(self) -> Option<T> {
        match self {
            Self::Success(value) => Some(value),
            Self::Skipped | Self::Failed(_) => None,
        }
    }

    /// The same, with a reference to the result.
    #[must_use]
    pub fn as_ref(&self) -> Outcome<&T> {
        match self {
            Self::Success(value) => Outcome::Success(value),
            Self::Skipped => Outcome::Skipped,
            Self::Failed(failure) => Outcome::Failed(failure.clone()),
        }
    }

    /// Whether there is a result.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Success(_))
    }

    /// Whether the task was skipped.
    #[must_use]
    pub const fn is_skipped(&self) -> bool {
        matches!(self, Self::Skipped)
    }

    /// Whether the task has no result and was not skipped.
    #[must_use]
    pub const fn is_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// `None` for a success without a value of this type: its reader fails, as it would without `Outcome`.
    pub(crate) fn of(gave: Gave<'_>) -> Option<Self>
    where
        T: Clone + Send + Sync + 'static,
    {
        match gave {
            Gave::Value(value) => value.downcast_ref::<T>().map(|value| Self::Success(value.clone())),
            Gave::State(state) if state.kind().is_skipped() => Some(Self::Skipped),
            Gave::State(state) if state.kind().is_successful() => None,
            Gave::State(state) => Some(Self::Failed(Failure::of(state))),
            Gave::Several => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    #[test]
    fn what_became_of_a_task() {
        let of = |state: State| Outcome::<i64>::of(Gave::State(&state));
        assert_eq!(Outcome::of(Gave::Value(&Value::new(1_i64))), Some(Outcome::Success(1_i64)));
        assert_eq!(Outcome::<i64>::of(Gave::Value(&Value::new("1".to_owned()))), None);
        assert_eq!(of(State::skipped("x")), Some(Outcome::Skipped));
        assert_eq!(of(State::new(StateKind::Success)), None);
        let failed = of(State::failed("message").with_error("boom"));
        let Some(Outcome::Failed(failure)) = failed else { panic!("{failed:?}") };
        assert_eq!((failure.kind(), failure.message()), (StateKind::Failed, Some("message")));
        assert_eq!(failure.to_string(), "boom");
    }

    #[test]
    fn can_be_stored() {
        for outcome in [Outcome::Success(1), Outcome::Skipped, Outcome::failed("boom")] {
            let text = serde_json::to_string(&outcome).unwrap();
            assert_eq!(serde_json::from_str::<Outcome<i32>>(&text).unwrap(), outcome);
        }
    }
}
