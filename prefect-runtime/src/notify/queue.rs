//! The messages that wait for one destination: in order, and never more than fit.
use std::collections::VecDeque;
use std::sync::Arc;

use super::notice::Notice;

/// How many messages wait at most.
pub(crate) const CAPACITY: usize = 1024;

/// Which messages go first overboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Importance {
    /// A failure: what people have the notifier for.
    Failure,
    /// Everything else.
    News,
}

/// One message on its way.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) notice: Notice,
    pub(crate) importance: Importance,
    /// Of how many changes it tells.
    pub(crate) changes: u64,
    pub(crate) origin: Origin,
}

/// Where a message is besides in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nowhere.
    Memory,
    /// In the store, when that has come to this position.
    #[cfg_attr(not(feature = "store"), allow(dead_code, reason = "nothing is recorded"))]
    Recorded { ticket: u32, upto: u64 },
    /// In the store, where another process or another run has left it.
    #[cfg_attr(not(feature = "store"), allow(dead_code, reason = "nothing is recorded"))]
    LeftByOthers(i64),
}

/// What became of a message, for the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Sent,
    /// It waits for another try.
    Left(Arc<str>, Doubt),
    /// It is not tried again.
    GivenUp(Arc<str>),
}

/// Whether a message that was not acknowledged may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    NotTried,
    NotArrived,
    MayHaveArrived,
}

impl Message {
    #[cfg(test)]
    pub(crate) fn new(notice: Notice) -> Self {
        Self::of(notice, 1, Origin::Memory)
    }

    pub(crate) fn of(notice: Notice, changes: u64, origin: Origin) -> Self {
        let importance = if notice.kind().is_failed() { Importance::Failure } else { Importance::News };
        Self { notice, importance, changes, origin }
    }

    /// The change that it tells of has this place in the store, or none.
    pub(crate) fn behind(&mut self, position: Option<u64>) {
        self.origin = match (self.origin, position) {
            (Origin::Recorded { ticket, .. }, Some(upto)) => Origin::Recorded { ticket, upto },
            _ => Origin::Memory,
        };
    }

    /// Whether another process or another run has left it.
    pub(crate) fn is_of_others(&self) -> bool {
        matches!(self.origin, Origin::LeftByOthers(_))
    }

    /// The store comes no further than this: what it does not have is in memory only.
    pub(crate) fn forget_the_store(&mut self, committed: u64) {
        if !self.is_recorded(committed) {
            self.origin = Origin::Memory;
        }
    }

    /// Whether nothing of it is lost if the process ends now.
    fn is_recorded(&self, committed: u64) -> bool {
        !matches!(self.origin, Origin::Recorded { upto, .. } if upto > committed)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Queue(VecDeque<Message>);

impl Queue {
    /// Appends. When full, a failure takes the place of the oldest message that is none; anything else is lost. Gives what
    /// is lost.
    pub(crate) fn push(&mut self, message: Message) -> Option<Message> {
        if self.0.len() < CAPACITY {
            self.0.push_back(message);
            return None;
        }
        if message.importance == Importance::Failure
            && let Some(oldest) = self.0.iter().position(|m| m.importance == Importance::News)
        {
            let lost = self.0.remove(oldest);
            self.0.push_back(message);
            return lost;
        }
        Some(message)
    }

    /// The first one, if the store is at least so far that it has it.
    pub(crate) fn pop(&mut self, committed: u64) -> Option<Message> {
        if self.0.front()?.is_recorded(committed) { self.0.pop_front() } else { None }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Message> {
        self.0.iter_mut()
    }

    /// All that are left.
    pub(crate) fn take(&mut self) -> VecDeque<Message> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StateKind::{self, Failed, Running, TimedOut};

    fn message(kind: StateKind, name: &str) -> Message {
        Message::new(Notice::for_tests(kind, name))
    }

    fn lost(lost: Option<Message>) -> String {
        lost.unwrap().notice.name().to_owned()
    }

    fn names(queue: &mut Queue) -> Vec<String> {
        std::iter::from_fn(|| queue.pop(0)).map(|m| m.notice.name().to_owned()).collect()
    }

    #[test]
    fn a_full_queue_gives_up_the_oldest_news_for_a_failure_and_nothing_for_news() {
        let mut queue = Queue::default();
        assert!(queue.push(message(Failed, "first")).is_none());
        for i in 1..CAPACITY {
            assert!(queue.push(message(Running, &i.to_string())).is_none());
        }
        assert_eq!(lost(queue.push(message(Running, "news"))), "news");
        assert_eq!(lost(queue.push(message(TimedOut, "failure"))), "1");
        assert_eq!(queue.len(), CAPACITY);
        let names = names(&mut queue);
        assert_eq!(names[..3], ["first", "2", "3"]);
        assert_eq!(names.last().unwrap(), "failure");
    }

    #[test]
    fn a_queue_full_of_failures_keeps_the_old_ones() {
        let mut queue = Queue::default();
        for i in 0..CAPACITY {
            assert!(queue.push(message(Failed, &i.to_string())).is_none());
        }
        assert_eq!(lost(queue.push(message(Failed, "late"))), "late");
        assert_eq!(names(&mut queue), (0..CAPACITY).map(|i| i.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_not_recorded_holds_up_what_is_behind_it() {
        let mut queue = Queue::default();
        for (name, upto) in [("first", 3), ("second", 1)] {
            let notice = Notice::for_tests(Failed, name);
            assert!(queue.push(Message::of(notice, 1, Origin::Recorded { ticket: 0, upto })).is_none());
        }
        assert!(queue.pop(2).is_none());
        assert_eq!(lost(queue.pop(3)), "first");
        assert_eq!(lost(queue.pop(3)), "second");
    }
}
