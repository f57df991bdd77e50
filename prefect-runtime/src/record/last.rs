//! What was recorded last of a task run, and what comes next.
use std::sync::Arc;

use prefect_store::{StateCode, StoredResult};

use super::code::code;
use crate::{State, StateKind};

/// What was recorded last of one task run, or of the flow run.
#[derive(Clone, Debug)]
pub(super) struct Last {
    pub(super) state: StateCode,
    pub(super) version: u32,
    /// How often its body has begun.
    pub(super) begun: u32,
    /// Which attempt it is in, or waits for, as Prefect counts.
    pub(super) run_count: u32,
    /// Whether it comes back from a pause.
    pub(super) resumed: bool,
    /// Where it is in its loop.
    pub(super) looping: Option<Arc<InLoop>>,
}

/// The iteration that comes next or is running, and what the one before gave.
#[derive(Debug)]
pub(super) struct InLoop {
    pub(super) iteration: u32,
    pub(super) result: StoredResult,
}

impl Last {
    pub(super) const NOTHING: Self =
        Self { state: StateCode::PENDING, version: 0, begun: 0, run_count: 1, resumed: false, looping: None };

    pub(super) const fn of_flow(state: StateCode, version: u32) -> Self {
        Self { state, version, begun: 0, run_count: 1, resumed: false, looping: None }
    }

    /// The same of one that starts anew: it is `Pending` by one more change, if there was any.
    pub(super) fn started_anew(self) -> Self {
        Self { state: StateCode::PENDING, version: self.version + u32::from(self.version > 0), ..self }
    }

    /// The same of a task run that goes on from this state: what was forgotten begins anew.
    pub(super) fn going_on_from(self, state: &State) -> Self {
        Self { run_count: state.attempt(), looping: self.looping.filter(|_| state.looping().is_some()), ..self }
    }

    /// Where a task run is that comes from one state to another; a failure may be `tried_again`.
    pub(super) fn followed_by(self, old: StateKind, new: &State, tried_again: Option<&State>) -> Self {
        let kind = new.kind();
        let goes_on = !kind.is_finished() || tried_again.is_some();
        Self {
            state: code(kind),
            version: self.version + 1,
            begun: self.begun + u32::from(kind == StateKind::Running),
            run_count: match kind {
                StateKind::Retrying => new.run_count().unwrap_or(self.run_count) + 1,
                StateKind::Pending => 1,
                _ if goes_on => self.run_count,
                // An iteration counts its own attempts.
                _ => 1,
            },
            resumed: match (old, kind) {
                (StateKind::Resume | StateKind::Paused, StateKind::Running | StateKind::Queued) => true,
                (StateKind::Queued, StateKind::Running | StateKind::Queued) => self.resumed,
                _ => false,
            },
            looping: self.looping.filter(|_| goes_on),
        }
    }
}
