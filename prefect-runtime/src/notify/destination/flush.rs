//! The end of a run: how long what is left has, and what becomes of it then.
use std::time::Duration;

use super::{Destination, Rest};
use crate::clock::{Tick, nanos};
use crate::notify::queue::{Doubt, Message};

/// How long the end of a run waits for answers to what others have left, if nothing of its own is left. In the second half
/// nothing is sent: what is given up on its way may arrive, and then it comes twice.
const FOR_OTHERS: Duration = Duration::from_secs(1);

#[derive(Clone, Copy)]
pub(super) struct Flush {
    run_end: Tick,
    deadline: Duration,
}

impl Destination {
    /// The run ended: what is left has until the deadline, counted from there or from the last accepted message.
    pub(crate) fn begin_flush(&mut self, now: Tick, run_end: Tick, deadline: Duration) {
        self.flush = Some(Flush { run_end, deadline });
        self.pace.probe(now);
    }

    /// When the flush ends, if one is on.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        let flush = self.flush?;
        let (begun, time) = if self.remaining() > 0 {
            (flush.run_end.max(self.last_accepted), flush.deadline)
        } else {
            (flush.run_end, flush.deadline.min(FOR_OTHERS))
        };
        Some(begun.saturating_add(nanos(time)))
    }

    /// Whether the end of the run waits for this message, however long it takes.
    pub(super) fn is_own(&self, message: &Message) -> bool {
        self.waits_for_others || !message.is_of_others()
    }

    /// How many messages of its own are neither sent nor given up.
    pub(crate) fn remaining(&self) -> usize {
        let current = self.current.as_ref().is_some_and(|current| self.is_own(&current.message));
        let others = if self.waits_for_others { self.others.len() } else { 0 };
        self.queue.len() + self.folds.len() + others + usize::from(current)
    }

    /// Whether a message that goes at this moment, or later, has time for it.
    pub(super) fn has_time(&self, is_own: bool, now: Tick, at: Tick) -> bool {
        let Some(end) = self.deadline() else { return true };
        if is_own || self.remaining() > 0 {
            return now.max(at) < end;
        }
        at <= now && now.saturating_add(nanos(FOR_OTHERS / 2)) < end
    }

    pub(super) fn give_up(&mut self) {
        self.give_up_for(Rest::Waits);
    }

    pub(super) fn give_up_for(&mut self, rest: Rest) {
        let reason = self.trouble.clone().unwrap_or_else(|| "no time left at the end of the run".into());
        if let Some(current) = self.current.take() {
            let doubt = if self.in_flight { Doubt::MayHaveArrived } else { current.doubt() };
            self.not_sent(&current.message, &reason, rest, doubt);
        }
        self.in_flight = false;
        let others = std::mem::take(&mut self.others);
        for message in self.take_waiting().into_iter().chain(others) {
            self.not_sent(&message, &reason, rest, Doubt::NotTried);
        }
    }
}
