//! What only few states have, as it is kept beside them.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::last::Last;
use crate::state::{Entry, LoopResult, Looping};
use crate::{State, StateKind};

/// As JSON in the store: only what there is.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Detail {
    /// When it goes on, in microseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<i64>,
    /// Which attempt it is in, as Prefect counts them, or which one has ended. A failed one that has a number is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run_count: Option<u32>,
    /// Whether it comes back from a pause: nobody is asked once more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) resumed: bool,
    /// Whether somebody said that it is not to run: its message says why.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) rejected: bool,
    /// Which iteration of a loop it is in. What the one before gave is the result of the task run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iteration: Option<u32>,
    /// Of a mapped task, how many children it has: those that have not begun are not recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) children: Option<u32>,
    /// The error, if it is more than the message says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// Until when others may use the result, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<i64>,
    /// Under which name the result is kept elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<String>,
}

impl Detail {
    /// Of a state, and where the task run is in it. The text of an error has no secrets any more.
    pub(super) fn of(state: &State, at: &Last, error: Option<String>) -> Self {
        Self {
            start: state.start_time().map(Timestamp::as_microsecond),
            run_count: match state.kind() {
                kind if kind.is_finished() => None,
                StateKind::Retrying => Some(at.run_count - 1),
                _ => Some(at.run_count).filter(|count| *count > 1),
            },
            resumed: at.resumed,
            rejected: state.rejection().is_some(),
            iteration: state.looping().map(|looping| looping.iteration),
            children: state.children(),
            error,
            expires: state.cached_result_expiration().map(Timestamp::as_microsecond),
            location: state.result_location().map(str::to_owned),
        }
    }

    /// The failure is tried again. That is recorded with it, as the process may end before the next state is.
    pub(super) fn is_followed_by(&mut self, retrying: &State) {
        self.start = retrying.start_time().map(Timestamp::as_microsecond);
        self.run_count = retrying.run_count();
    }

    /// Whether it is of a failure that is tried again.
    pub(super) const fn is_tried_again(&self, kind: StateKind) -> bool {
        kind.is_failed() && self.run_count.is_some()
    }

    /// `None` if there is nothing to keep.
    pub(super) fn text(&self) -> Option<Box<str>> {
        (*self != Self::default()).then(|| serde_json::to_string(self).unwrap_or_default().into())
    }

    /// What is kept, as far as it can be read.
    pub(super) fn read(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    pub(super) fn start(&self) -> Option<Timestamp> {
        self.start.and_then(moment)
    }

    pub(super) fn expires(&self) -> Option<Timestamp> {
        self.expires.and_then(moment)
    }

    /// The place in a loop that a state has which waits in it, with what the iteration before gave.
    pub(super) fn looping(&self, result: LoopResult) -> Option<Looping> {
        self.iteration.map(|iteration| Looping { iteration, result: Some(result), entry: Entry::Again })
    }
}

fn moment(micros: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(micros).ok()
}
