//! One schedule, followed on a thread of its own: what holds it up, or what its code does, holds up no other.
use std::sync::Arc;

use prefect_store::Store;

use super::event::{Happened, SchedulerEvent};
use super::following::Following;
use crate::clock::Busy;
use crate::flow::{Flow, Unread};
use crate::panics::guard;
use crate::schedule::Schedule;
use crate::{Canceller, Clock};

/// What all schedules share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) stop: Canceller,
    pub(super) tell: Arc<dyn Fn(&SchedulerEvent) + Send + Sync>,
}

/// How the thread of a schedule has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was stopped.
    Stopped,
    /// There are no more ticks.
    Over,
    /// The code of the schedule failed.
    Broken,
}

pub(super) struct Lane {
    pub(super) flow: Flow<Unread>,
    schedule: Arc<Schedule>,
    pub(super) shared: Shared,
}

impl Lane {
    pub(super) fn new(flow: Flow<Unread>, schedule: Arc<Schedule>, shared: Shared) -> Self {
        Self { flow, schedule, shared }
    }

    pub(super) fn name(&self) -> &str {
        self.flow.name()
    }

    pub(super) fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    pub(super) fn store(&self) -> &Store {
        &self.shared.store
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// What is wrong with the values that the clocks give for parameters.
    pub(super) fn mistakes(&self) -> Option<String> {
        let graph = &self.flow.graph;
        let mistakes = guard(|| self.flow.given.mistakes(&graph.parameters, self.schedule.parameter_defaults()));
        match mistakes {
            Ok(mistakes) => mistakes.map(|errors| errors.to_string()),
            Err(caught) => Some(caught.into_error().to_string()),
        }
    }

    pub(super) fn tell(&self, what: Happened) {
        (self.shared.tell)(&SchedulerEvent::new(self.name(), what));
    }

    /// Follows the schedule until it is over or stopped, and waits for its runs.
    pub(super) fn follow(&self, busy: Busy) -> End {
        Following::of(self, busy).follow_to_the_end()
    }
}
