//! Which of the ticks that have passed are to have runs, by the policies of their schedule.
use std::collections::VecDeque;

use jiff::Timestamp;

use super::ticks::{Due, Passed};
use crate::schedule::{CatchUp, Policies};

/// Ticks that have passed, sorted.
#[derive(Debug)]
pub(super) struct Sorted {
    /// Those that came while one waited for its turn: they overlap.
    pub(super) meanwhile: Passed,
    /// Those that are too late.
    pub(super) missed: Passed,
    /// Those that are to be decided, in this order.
    pub(super) queue: VecDeque<Queued>,
}

/// A tick that is to be decided.
#[derive(Clone, Debug)]
pub(super) struct Queued {
    pub(super) due: Due,
    pub(super) how: How,
}

/// How a tick goes with other runs of its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// As the overlap policy says.
    InTime,
    /// It waits for its turn: it makes up for a missed one.
    Late,
    /// It waits for its turn: it is another event of the same moment, or what was missed goes before it.
    InTurn,
}

impl Sorted {
    /// Of ticks that nobody has decided. One waited until `came_meanwhile`, if there was one.
    pub(super) fn of(
        mut passed: Passed,
        now: Timestamp,
        policies: Policies,
        came_meanwhile: Option<Timestamp>,
    ) -> Self {
        let Policies { catch_up, window, .. } = policies;
        let meanwhile = match came_meanwhile.filter(|_| catch_up != CatchUp::All) {
            Some(until) => passed.take_before(until),
            None => Passed::default(),
        };
        let in_time = passed.take_in_time(now);
        let mut late = match catch_up {
            CatchUp::All => passed.take_all(),
            CatchUp::Latest if in_time.is_empty() => passed.take_last(),
            CatchUp::Latest | CatchUp::Skip => VecDeque::new(),
        };
        let oldest = now.saturating_sub(window).unwrap_or(Timestamp::MIN);
        while let Some(old) = late.pop_front_if(|tick| tick.event.timestamp() < oldest) {
            passed.put(old);
        }
        let in_turn = !late.is_empty();
        let late = late.into_iter().map(|due| Queued { due, how: How::Late });
        let in_time = in_time.into_iter().map(|due| {
            let how = if due.follows || in_turn { How::InTurn } else { How::InTime };
            Queued { due, how }
        });
        Self { meanwhile, missed: passed, queue: late.chain(in_time).collect() }
    }

    /// All that are kept, in their order.
    pub(super) fn into_ticks(self) -> impl DoubleEndedIterator<Item = Due> {
        let left_out = self.meanwhile.ticks.into_iter().chain(self.missed.ticks);
        left_out.chain(self.queue.into_iter().map(|queued| queued.due))
    }
}
