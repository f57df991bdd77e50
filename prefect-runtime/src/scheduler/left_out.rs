//! Ticks that are left out, until that is told: once, as one sum, when the tick behind them is decided.
use prefect_store::Micros;

use super::event::{Happened, Skipped};
use super::ticks::{Due, Passed};

/// What was missed before the first tick of the queue. While that cannot be decided, because the schedule is paused or the
/// store cannot be written, it grows with each look.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    ticks: usize,
    more: bool,
    /// The last of them, if it is still there.
    last: Option<Due>,
}

impl LeftOut {
    pub(super) fn add(&mut self, passed: Passed) {
        self.ticks += passed.count;
        self.more |= passed.more;
        self.last = passed.ticks.into_iter().next_back().or(self.last.take());
    }

    /// Those of them that are not kept: nobody will find them again.
    pub(super) fn add_unkept(&mut self, passed: &Passed) {
        self.ticks += passed.count - passed.ticks.len();
        self.more |= passed.more;
    }

    /// All up to this one are decided, by others: it was theirs to tell.
    pub(super) fn after(&mut self, decided: Micros) {
        if self.last.as_ref().is_some_and(|last| last.at <= decided) {
            *self = Self::default();
        }
    }

    /// What is told of them, and from now on forgotten. The last of them may not be there any more: then they are told by the
    /// one that is decided.
    pub(super) fn take(&mut self, decided: Option<&Due>) -> Option<Happened> {
        let Self { ticks, more, last } = std::mem::take(self);
        let last = last.as_ref().or(decided)?.event.start_time().clone();
        (ticks > 0).then_some(Happened::Skipped { ticks, more, last, why: Skipped::Missed })
    }
}
