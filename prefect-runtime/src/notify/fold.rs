//! Many messages as one: from the 11th of one task and state on they are told together, with how many they are and what
//! has caused them. Reads no clock.
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::destination::Look;
use super::ledger::Row;
use super::notice::Notice;
use super::queue::{Message, Origin};
use crate::clock::{Tick, nanos};
use crate::{StateKind, TrackedKind};

/// So many messages of one task and state go out each by itself.
const EACH: u32 = 10;

/// When those go out that tell the others together, counted from the first of these. What comes later is told at the end of
/// the run.
const SUMMARIES: [Duration; 4] =
    [Duration::from_secs(10), Duration::from_mins(1), Duration::from_mins(5), Duration::from_mins(30)];

/// So many causes are told apart in one message; the first ones, as what comes later is rarer.
const CAUSES: usize = 20;

/// What the others count as.
pub(super) const OTHER: &str = "other causes";

/// What is told together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Group {
    /// The task or the flow.
    pub(crate) of: (TrackedKind, Arc<str>),
    pub(crate) kind: StateKind,
    /// Whether the store counts too.
    pub(crate) recorded: bool,
}

/// How a message goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ByItself,
    Together,
}

/// Several messages as one.
pub(crate) struct Fold {
    ticket: u32,
    /// What it says besides the counts.
    notice: Notice,
    row: Option<Row>,
    changes: u64,
    causes: Causes,
    /// How many of its changes are not handed over to the store yet.
    unsettled: u64,
    /// By these positions in the store something of it is recorded, and all.
    from: u64,
    upto: u64,
    due: Tick,
    /// Whether anybody knows when it is due.
    announced: bool,
    /// It takes no more.
    closed: bool,
}

impl Fold {
    fn new(ticket: u32, notice: Notice, row: Option<Row>, due: Tick) -> Self {
        let causes = Causes::default();
        let (from, upto) = (u64::MAX, 0);
        Self { ticket, notice, row, changes: 0, causes, unsettled: 0, from, upto, due, announced: false, closed: false }
    }

    /// The store comes no further than this. If it has a part, its row is there, and is sent again unless it is told of this one.
    fn forget_the_store(&mut self, committed: u64) {
        if self.from > committed {
            self.row = None;
        }
    }

    pub(crate) fn into_message(self) -> Message {
        let origin = match self.row {
            Some(_) => Origin::Recorded { ticket: self.ticket, upto: self.upto },
            None => Origin::Memory,
        };
        Message::of(self.notice.of_many(self.changes, self.causes.ranked()), self.changes, origin)
    }
}

/// How often each cause was there.
#[derive(Debug, Default)]
pub(crate) struct Causes(HashMap<Arc<str>, u64>);

impl Causes {
    /// Gives the cause as it is counted.
    fn count(&mut self, cause: &str) -> Arc<str> {
        let cause = if self.0.contains_key(cause) || self.0.len() < CAUSES { cause } else { OTHER };
        if let Some(count) = self.0.get_mut(cause) {
            *count += 1;
            return self.0.get_key_value(cause).map_or_else(|| cause.into(), |(cause, _)| Arc::clone(cause));
        }
        let cause: Arc<str> = cause.into();
        self.0.insert(Arc::clone(&cause), 1);
        cause
    }

    /// The most frequent first.
    pub(crate) fn ranked(&self) -> Vec<(String, u64)> {
        let mut all: Vec<_> = self.0.iter().map(|(cause, count)| (cause.to_string(), *count)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all
    }
}

#[derive(Default)]
struct Counted {
    by_itself: u32,
    /// When the first one was told together with others.
    begun: Option<Tick>,
    /// How many folds were opened.
    folds: usize,
    /// The one that was opened last.
    last: Option<u32>,
}

/// What one destination tells together.
#[derive(Default)]
pub(crate) struct Folds {
    groups: HashMap<Group, Counted>,
    /// By their tickets, which grow.
    open: BTreeMap<u32, Fold>,
    /// How far the store has come, if it comes no further.
    end: Option<u64>,
}

impl Folds {
    /// One more message of this group.
    pub(crate) fn admit(&mut self, group: &Group) -> Way {
        let counted = match self.groups.get_mut(group) {
            Some(counted) => counted,
            None => self.groups.entry(group.clone()).or_default(),
        };
        if counted.by_itself < EACH {
            counted.by_itself += 1;
            return Way::ByItself;
        }
        Way::Together
    }

    /// Counts one. `open` gives the ticket and the row of a new message, if there is none that takes it.
    pub(crate) fn add(
        &mut self,
        group: &Group,
        now: Tick,
        notice: Notice,
        cause: &str,
        open: impl FnOnce(&Notice) -> (u32, Option<Row>),
    ) -> (u32, Option<Row>, Arc<str>) {
        let counted = match self.groups.get_mut(group) {
            Some(counted) => counted,
            None => self.groups.entry(group.clone()).or_default(),
        };
        let last = counted.last.filter(|ticket| self.open.get(ticket).is_some_and(|fold| !fold.closed));
        let (ticket, row) = last.map_or_else(|| open(&notice), |last| (last, None));
        let fold = self.open.entry(ticket).or_insert_with(|| {
            let begun = *counted.begun.get_or_insert(now);
            // One that begins late is not sent at once: others are likely to follow.
            let soonest = now.saturating_add(nanos(SUMMARIES[0]));
            let due = SUMMARIES.get(counted.folds).map(|after| begun.saturating_add(nanos(*after)).max(soonest));
            counted.folds += 1;
            counted.last = Some(ticket);
            Fold::new(ticket, notice, row, due.unwrap_or(Tick::MAX))
        });
        fold.changes += 1;
        fold.unsettled += 1;
        let cause = fold.causes.count(cause);
        (fold.ticket, fold.row.clone(), cause)
    }

    /// One that was added has been handed over to the store, if it is recorded.
    pub(crate) fn handed_over(&mut self, ticket: u32, upto: u64) -> Look {
        let Some(fold) = self.open.get_mut(&ticket) else { return Look::Later };
        fold.unsettled -= 1;
        if upto > 0 {
            fold.from = fold.from.min(upto);
        }
        fold.upto = fold.upto.max(upto);
        let first = !std::mem::replace(&mut fold.announced, true);
        if first || fold.closed { Look::Again } else { Look::Later }
    }

    /// Those that are due take no more; all of them at the end.
    pub(crate) fn close(&mut self, now: Tick, end: bool) {
        for fold in self.open.values_mut() {
            fold.closed |= end || fold.due <= now;
        }
    }

    /// One that can be sent: it takes no more, and all of it is recorded.
    pub(crate) fn pop(&mut self, committed: u64) -> Option<Fold> {
        let ready = |fold: &&Fold| fold.closed && fold.unsettled == 0 && fold.upto <= committed;
        let ticket = self.open.values().find(ready)?.ticket;
        let mut fold = self.open.remove(&ticket)?;
        if let Some(end) = self.end {
            fold.forget_the_store(end);
        }
        Some(fold)
    }

    /// Whether one is only waiting for the store.
    pub(crate) fn waits(&self) -> bool {
        self.open.values().any(|fold| fold.closed)
    }

    /// When the next one is due.
    pub(crate) fn due(&self) -> Option<Tick> {
        self.open.values().map(|fold| fold.due).filter(|due| *due < Tick::MAX).min()
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// All that are left.
    pub(crate) fn take(&mut self) -> Vec<Fold> {
        let mut all: Vec<_> = std::mem::take(&mut self.open).into_values().collect();
        if let Some(end) = self.end {
            for fold in &mut all {
                fold.forget_the_store(end);
            }
        }
        all
    }

    /// The store comes no further than this: nothing waits for it. Which of them it knows is clear when they go, as some may
    /// not be handed over yet.
    pub(crate) fn forget_the_store(&mut self, committed: u64) {
        self.end = Some(committed);
        for fold in self.open.values_mut() {
            fold.upto = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Tick = 1_000_000_000;

    fn group(of: &str) -> Group {
        Group { of: (TrackedKind::Task, of.into()), kind: StateKind::Failed, recorded: false }
    }

    fn notice() -> Notice {
        Notice::for_tests(StateKind::Failed, "t")
    }

    /// Failures at a steady rate: when each message goes out, and of how many it tells.
    fn steady(failures: u64, every: Tick) -> Vec<(Tick, u64)> {
        let (mut folds, mut sent, mut tickets) = (Folds::default(), Vec::new(), 0..);
        let mut last = 0;
        for i in 0..failures {
            last = i * every;
            folds.close(last, false);
            sent.extend(std::iter::from_fn(|| folds.pop(0)).map(|fold| (last, fold.changes)));
            match folds.admit(&group("t")) {
                Way::ByItself => sent.push((last, 1)),
                Way::Together => {
                    let open = |_: &Notice| (tickets.next().unwrap(), None);
                    let (ticket, ..) = folds.add(&group("t"), last, notice(), "cause", open);
                    folds.handed_over(ticket, 0);
                }
            }
        }
        folds.close(last, true);
        sent.extend(std::iter::from_fn(|| folds.pop(0)).map(|fold| (last, fold.changes)));
        sent
    }

    #[test]
    fn however_long_it_takes_there_are_fifteen_messages_at_most_and_none_is_lost() {
        for every in [0, SECOND / 1000, SECOND, 60 * SECOND] {
            let sent = steady(10_000, every);
            assert!(sent.len() <= 15, "{every}: {sent:?}");
            assert_eq!(sent.iter().map(|(_, count)| count).sum::<u64>(), 10_000, "{every}");
        }
        let times: Vec<_> = steady(10_000, SECOND)[10..].iter().map(|(at, _)| at / SECOND).collect();
        assert_eq!(times, [20, 70, 310, 1810, 9999]);
        assert_eq!(steady(10, 0).len(), 10);
        assert_eq!(steady(11, 0).last(), Some(&(0, 1)));
    }

    #[test]
    fn groups_count_each_for_itself() {
        let mut folds = Folds::default();
        for _ in 0..EACH {
            assert_eq!(folds.admit(&group("a")), Way::ByItself);
        }
        assert_eq!(folds.admit(&group("a")), Way::Together);
        assert_eq!(folds.admit(&group("b")), Way::ByItself);
        assert_eq!(folds.admit(&Group { kind: StateKind::Success, ..group("a") }), Way::ByItself);
    }

    #[test]
    fn a_message_waits_until_all_that_it_counts_is_recorded() {
        let mut folds = Folds::default();
        let open = |_: &Notice| (4, None);
        folds.add(&group("a"), 0, notice(), "x", open);
        folds.add(&group("a"), 0, notice(), "x", open);
        folds.close(0, true);
        folds.handed_over(4, 20);
        assert!(folds.pop(100).is_none() && folds.waits(), "one is under way");
        folds.handed_over(4, 10);
        assert!(folds.pop(19).is_none() && folds.waits());
        assert_eq!(folds.pop(20).unwrap().changes, 2);
        assert!(!folds.waits());
    }

    #[test]
    fn causes_are_ranked_and_no_more_than_so_many_are_told_apart() {
        let mut causes = Causes::default();
        for i in 0..1000_u64 {
            causes.count(&format!("cause {}", i % 100));
        }
        causes.count("cause 7");
        let ranked = causes.ranked();
        assert_eq!(ranked.len(), CAUSES + 1);
        assert_eq!(ranked[0], (OTHER.to_owned(), 800));
        assert_eq!(ranked[1], ("cause 7".to_owned(), 11));
        assert_eq!(ranked.iter().map(|(_, count)| count).sum::<u64>(), 1001);
    }
}
