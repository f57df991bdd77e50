//! The messages that wait for one destination: in order, and never more than fit.
use std::collections::VecDeque;

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
}

impl Message {
    pub(crate) fn new(notice: Notice) -> Self {
        let importance = if notice.kind().is_failed() { Importance::Failure } else { Importance::News };
        Self { notice, importance }
    }
}

/// What a push did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Pushed {
    Kept,
    /// One message was lost: this one, or an older one in its favour.
    OneLost,
}

#[derive(Debug, Default)]
pub(crate) struct Queue(VecDeque<Message>);

impl Queue {
    /// Appends. When full, a failure takes the place of the oldest message that is none; anything else is lost.
    pub(crate) fn push(&mut self, message: Message) -> Pushed {
        if self.0.len() < CAPACITY {
            self.0.push_back(message);
            return Pushed::Kept;
        }
        if message.importance == Importance::Failure
            && let Some(oldest) = self.0.iter().position(|m| m.importance == Importance::News)
        {
            self.0.remove(oldest);
            self.0.push_back(message);
        }
        Pushed::OneLost
    }

    pub(crate) fn pop(&mut self) -> Option<Message> {
        self.0.pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Drops all; how many they were.
    pub(crate) fn clear(&mut self) -> usize {
        let lost = self.0.len();
        self.0.clear();
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StateKind::{self, Failed, Running, TimedOut};

    fn message(kind: StateKind, name: &str) -> Message {
        Message::new(Notice::for_tests(kind, name))
    }

    fn names(queue: &mut Queue) -> Vec<String> {
        std::iter::from_fn(|| queue.pop()).map(|m| m.notice.name().to_owned()).collect()
    }

    #[test]
    fn a_full_queue_gives_up_the_oldest_news_for_a_failure_and_nothing_for_news() {
        let mut queue = Queue::default();
        assert_eq!(queue.push(message(Failed, "first")), Pushed::Kept);
        for i in 1..CAPACITY {
            assert_eq!(queue.push(message(Running, &i.to_string())), Pushed::Kept);
        }
        assert_eq!(queue.push(message(Running, "news")), Pushed::OneLost);
        assert_eq!(queue.push(message(TimedOut, "failure")), Pushed::OneLost);
        assert_eq!(queue.len(), CAPACITY);
        let names = names(&mut queue);
        assert_eq!(names[..3], ["first", "2", "3"]);
        assert_eq!(names.last().unwrap(), "failure");
    }

    #[test]
    fn a_queue_full_of_failures_keeps_the_old_ones() {
        let mut queue = Queue::default();
        for i in 0..CAPACITY {
            assert_eq!(queue.push(message(Failed, &i.to_string())), Pushed::Kept);
        }
        assert_eq!(queue.push(message(Failed, "late")), Pushed::OneLost);
        assert_eq!(names(&mut queue), (0..CAPACITY).map(|i| i.to_string()).collect::<Vec<_>>());
    }
}
