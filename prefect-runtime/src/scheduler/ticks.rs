//! The ticks of a schedule, in their order: which of them are due, and which comes next.
use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use prefect_store::Micros;

use super::event::moment;
use crate::panics::guard;
use crate::schedule::{ClockEvent, Events, Schedule};

/// So many of the ticks that have passed are kept.
pub(super) const KEPT: usize = 1_000;
/// So many are looked at one by one, then the rest of what has passed is stepped over.
const LOOKED_AT: usize = 100_000;
/// A tick that is later than this is late.
pub(super) const IN_TIME: SignedDuration = SignedDuration::from_mins(1);
/// Adjustments move moments; those of so long before are looked at.
const MOVED: SignedDuration = SignedDuration::from_hours(8 * 24);
/// What tells events of one moment apart in the store.
const SAME: SignedDuration = SignedDuration::from_millis(1);

/// A tick.
#[derive(Clone, Debug)]
pub(super) struct Due {
    pub(super) event: ClockEvent,
    /// Its place in the store: its moment, and so many microseconds more as events of the same moment are before it.
    pub(super) at: Micros,
    /// Whether it is one of several of one moment, and not the first.
    pub(super) follows: bool,
}

/// The ticks of a schedule, as time goes on.
pub(super) struct Ticks<'a> {
    schedule: &'a Schedule,
    events: Events<'a>,
    /// The events of the last moment.
    same: Vec<ClockEvent>,
    /// The next ones, as far as they were looked at.
    ahead: VecDeque<Due>,
    /// Those up to here are decided.
    decided: Micros,
    /// Whether there are no more.
    over: bool,
    /// How the code of the schedule failed.
    broken: Option<String>,
}

/// What has passed.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// The last of them.
    pub(super) ticks: VecDeque<Due>,
    /// How many there were.
    pub(super) count: usize,
    /// Whether there were even more.
    pub(super) more: bool,
}

impl<'a> Ticks<'a> {
    /// Those after this one.
    pub(super) fn after(schedule: &'a Schedule, decided: Micros) -> Self {
        let events = schedule.events(from(schedule, decided));
        Self { schedule, events, same: Vec::new(), ahead: VecDeque::new(), decided, over: false, broken: None }
    }

    /// Looks for those after this one, which may lie in the past.
    pub(super) fn go_to(&mut self, decided: Micros) {
        self.decided = decided;
        self.restart(from(self.schedule, decided));
    }

    fn restart(&mut self, from: Timestamp) {
        self.same.clear();
        self.ahead.clear();
        self.over = false;
        self.events = self.schedule.events(from);
    }

    /// Those up to this one are decided.
    pub(super) fn decide(&mut self, at: Micros) {
        self.decided = self.decided.max(at);
        while self.ahead.pop_front_if(|next| next.at <= at).is_some() {}
    }

    /// Those that were taken and could not be decided come again, before all others. To look for them anew would cost eight days
    /// of moments, where they are adjusted.
    pub(super) fn put_back(&mut self, ticks: impl DoubleEndedIterator<Item = Due>) {
        for tick in ticks.rev() {
            self.ahead.push_front(tick);
        }
    }

    /// Whether there are no more, for good.
    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// When to look again: at the next tick, or where the search for it has come to among moments that no filter lets pass.
    pub(super) fn next_look(&mut self) -> Option<Timestamp> {
        let next = self.next().ok().flatten().map(|next| next.event.timestamp());
        next.or_else(|| self.events.looked_up_to())
    }

    /// The next tick that is not decided; `None` if there is none, or if it is [not found yet](Self::is_over). The error is how
    /// the code of the schedule failed.
    pub(super) fn next(&mut self) -> Result<Option<&Due>, String> {
        if self.ahead.is_empty() && !self.over && self.broken.is_none() {
            match guard(|| self.find()) {
                Ok(found) => {
                    self.over = found.is_none() && self.events.is_exhausted();
                    self.ahead.extend(found);
                }
                // Where it failed it is not asked again.
                Err(caught) => self.broken = Some(caught.into_error().to_string()),
            }
        }
        match (self.ahead.front(), &self.broken) {
            (None, Some(error)) => Err(error.clone()),
            (next, _) => Ok(next),
        }
    }

    fn find(&mut self) -> Option<Due> {
        // Adjustments may move what is to come into the past, again and again.
        for _ in 0..LOOKED_AT {
            let event = self.events.next()?;
            let follows = self.same.first().is_some_and(|first| first.timestamp() == event.timestamp());
            if !follows {
                self.same.clear();
            } else if self.same.contains(&event) {
                continue;
            }
            let place = i64::try_from(self.same.len()).unwrap_or(i64::MAX);
            self.same.push(event.clone());
            let at = Micros(event.timestamp().as_microsecond().saturating_add(place));
            if at > self.decided {
                return Some(Due { event, at, follows });
            }
        }
        None
    }

    /// Takes those whose time has come. How the code of the schedule failed is told when there are none.
    pub(super) fn take_passed(&mut self, now: Timestamp) -> Result<Passed, String> {
        let mut passed = Passed::default();
        let mut looked_at = 0;
        let mut steps = [now.saturating_sub(IN_TIME).unwrap_or(now), now].into_iter();
        loop {
            match self.next() {
                Ok(Some(next)) if next.event.timestamp() <= now => {}
                Err(why) if passed.count == 0 => return Err(why),
                _ => return Ok(passed),
            }
            let Some(tick) = self.ahead.pop_front() else { return Ok(passed) };
            self.decided = tick.at;
            passed.ticks.push_back(tick);
            passed.count += 1;
            if passed.ticks.len() > KEPT {
                passed.ticks.pop_front();
            }
            looked_at += 1;
            if looked_at == LOOKED_AT {
                looked_at = 0;
                passed.more = true;
                let Some(from) = steps.next() else { return Ok(passed) };
                self.restart(from.max(moment(self.decided).saturating_sub(SAME).unwrap_or(Timestamp::MIN)));
            }
        }
    }
}

/// From where on the clocks are asked for the ticks after this one.
fn from(schedule: &Schedule, decided: Micros) -> Timestamp {
    let back = if schedule.is_adjusted() { MOVED } else { SAME };
    moment(decided).saturating_sub(back).unwrap_or(Timestamp::MIN)
}

impl Passed {
    /// Leaves out what others have decided.
    pub(super) fn after(&mut self, decided: Micros) {
        let before = self.ticks.len();
        self.ticks.retain(|tick| tick.at > decided);
        self.count -= before - self.ticks.len();
        // Those that are not kept lie before.
        if self.ticks.len() < before {
            self.count = self.ticks.len();
            self.more = false;
        }
    }

    /// Takes those before this moment.
    pub(super) fn take_before(&mut self, moment: Timestamp) -> Self {
        let later = self.ticks.iter().position(|tick| tick.event.timestamp() >= moment);
        let later = self.ticks.split_off(later.unwrap_or(self.ticks.len()));
        let later = Self { count: later.len(), ticks: later, more: false };
        let mut before = std::mem::replace(self, later);
        before.count -= self.count;
        before
    }

    /// Takes those that are kept.
    pub(super) fn take_all(&mut self) -> VecDeque<Due> {
        self.count -= self.ticks.len();
        std::mem::take(&mut self.ticks)
    }

    /// Puts one back, at the end.
    pub(super) fn put(&mut self, tick: Due) {
        self.ticks.push_back(tick);
        self.count += 1;
    }

    /// Takes the ticks of the last moment, if they are in time.
    pub(super) fn take_in_time(&mut self, now: Timestamp) -> VecDeque<Due> {
        let Some(last) = self.ticks.back().map(|tick| tick.event.timestamp()) else { return VecDeque::new() };
        if now.duration_since(last) >= IN_TIME {
            return VecDeque::new();
        }
        self.take_last()
    }

    /// Takes the ticks of the last moment.
    pub(super) fn take_last(&mut self) -> VecDeque<Due> {
        let Some(last) = self.ticks.back().map(|tick| tick.event.timestamp()) else { return VecDeque::new() };
        let first = self.ticks.iter().position(|tick| tick.event.timestamp() == last).unwrap_or(0);
        let taken = self.ticks.split_off(first);
        self.count -= taken.len();
        taken
    }
}
