//! Without the feature `store` nothing is recorded.
use std::convert::Infallible;

use crate::engine::RunId;
use crate::notify::Pending;
use crate::{Canceller, State};

/// There is none.
pub(crate) enum Recorder {}

pub(crate) type Position = u64;
pub(crate) type Lost = Infallible;

impl Recorder {
    pub(crate) fn task_changed(&self, _: RunId, _: &State, _: &State, _: Option<&State>, _: &[Pending]) -> u64 {
        match *self {}
    }

    pub(crate) fn flow_changed(&self, _: &State, _: &[Pending]) -> Option<u64> {
        match *self {}
    }

    pub(crate) fn is_cancelled(&self) {
        match *self {}
    }

    pub(crate) fn handed_over(&self) -> Position {
        match *self {}
    }

    pub(crate) fn wait(&self) -> Result<(), Lost> {
        match *self {}
    }

    pub(crate) fn cancelled_by(&self, _: &Canceller) {
        match *self {}
    }

    pub(crate) fn on_commit(&self, _: impl Fn(Result<Position, Lost>) + Send + Sync + 'static) {
        match *self {}
    }
}
