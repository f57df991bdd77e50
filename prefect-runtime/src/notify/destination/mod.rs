//! The law of one destination: what is sent next, when, and what an answer does. It does no I/O and reads no clock,
//! so every rule can be tested in no time.
//!
//! * Messages go out in the order in which they came; one at a time; one a second after a burst of ten.
//! * 429: nothing is sent before `Retry-After` is over, then the same message first.
//! * Never connected: the same message again, after 0.5, 1, 2, 4 s.
//! * No answer, or 5xx: the message may have arrived, and a service cannot tell one from its double. A failure is sent
//!   once more (at least once), other news is not (at most once).
//! * Five failures in a row: nothing for 30 s, then one message as a probe.
//! * A destination that is gone stops the destination; a message that is refused is sent once more as plain text.
//! * What is recorded in a store is sent when the store has it. What could not be sent is left there for later, unless it
//!   was refused for good.
//! * From the 11th of one task and state on, messages are told together: [`Folds`].
//! * What others have left goes out beside all that is one's own: behind it, and with tokens that it leaves. The end of the run
//!   waits for none of it, but for answers: what can go out at once has a second.
mod flush;
mod pace;

use std::collections::VecDeque;
use std::sync::Arc;

use flush::Flush;
use pace::Pace;

use super::fold::{Fold, Folds, Group, Way};
use super::ledger::Row;
use super::notice::Notice;
use super::queue::{Doubt, Importance, Message, Origin, Outcome, Queue};
use super::report::NotificationReport;
use super::route::Form;
use super::service::Service;
use super::verdict::Verdict;
use crate::clock::Tick;

/// Why a message was not sent, as the summary tells it.
pub(crate) type Reason = Arc<str>;

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send this in this form, then report by [`Destination::answered`].
    Send(Box<Notice>, Form),
    /// Nothing before this moment; then ask again. What is in flight goes on meanwhile.
    Wait(Tick),
    /// Nothing before the store has what is to be sent.
    Unrecorded,
    /// Nothing before something else happens.
    Idle,
    /// The run is over and so is this destination; what is still in flight is given up.
    Done,
}

/// Whether there is something new to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Again,
    Later,
}

/// Something that people should read in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// The destination takes no more messages.
    Stopped(Reason),
    /// A message was given up.
    Dropped(Reason),
    /// A message waits in the store.
    Left(Reason),
}

/// What becomes of messages that this destination does not send, if they are recorded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// They wait for another try.
    Waits,
    /// They would never be taken.
    IsGivenUp,
}

pub(crate) struct Destination {
    service: Service,
    queue: Queue,
    folds: Folds,
    /// What others have left in the store.
    others: VecDeque<Message>,
    /// Whether those have time of their own at the end.
    waits_for_others: bool,
    /// How far the store is.
    committed: u64,
    /// Set if the store will come no further; then whether messages are sent all the same.
    lost: Option<Lost>,
    /// What became of recorded messages, for the store.
    settled: Vec<(Origin, Outcome)>,
    current: Option<Current>,
    in_flight: bool,
    pace: Pace,
    stopped: Option<(Reason, Rest)>,
    /// What went wrong last, if nothing went right since.
    trouble: Option<Reason>,
    last_accepted: Tick,
    flush: Option<Flush>,
    report: NotificationReport,
}

/// The message whose turn it is.
struct Current {
    message: Message,
    form: Form,
    /// It was sent, whatever came of it.
    tried: bool,
    /// It was sent once without an answer.
    doubtful: bool,
}

impl Current {
    const fn new(message: Message) -> Self {
        Self { message, form: Form::Full, tried: false, doubtful: false }
    }

    /// What can be said of a message that is not on its way now.
    const fn doubt(&self) -> Doubt {
        match self {
            Self { doubtful: true, .. } => Doubt::MayHaveArrived,
            Self { tried: true, .. } => Doubt::NotArrived,
            _ => Doubt::NotTried,
        }
    }
}

/// Why the store will come no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "store"), allow(dead_code, reason = "there is none"))]
pub(crate) enum Lost {
    /// It cannot be written: people hear of what has happened all the same.
    Unwritable,
    /// The run is another process's, which tells what has happened.
    Elsewhere,
}

impl Destination {
    pub(crate) fn new(service: Service, jitter_seed: u64) -> Self {
        Self {
            service,
            queue: Queue::default(),
            folds: Folds::default(),
            others: VecDeque::new(),
            waits_for_others: false,
            committed: 0,
            lost: None,
            settled: Vec::new(),
            current: None,
            in_flight: false,
            pace: Pace::seeded(jitter_seed),
            stopped: None,
            trouble: None,
            last_accepted: 0,
            flush: None,
            report: NotificationReport::default(),
        }
    }

    pub(crate) fn push(&mut self, mut message: Message) {
        if let (Some(lost), Origin::Recorded { .. }) = (self.lost, message.origin) {
            if lost == Lost::Elsewhere {
                return self.not_sent(&message, &elsewhere(), Rest::Waits, Doubt::NotTried);
            }
            message.forget_the_store(self.committed);
        }
        if let Some((reason, rest)) = self.stopped.clone() {
            self.not_sent(&message, &reason, rest, Doubt::NotTried);
        } else if matches!(message.origin, Origin::LeftByOthers(_)) {
            self.others.push_back(message);
        } else if let Some(lost) = self.queue.push(message) {
            self.not_sent(&lost, &"queue full".into(), Rest::Waits, Doubt::NotTried);
        }
    }

    /// What others have left is what this process is here for.
    #[cfg_attr(not(all(feature = "cli", feature = "store")), allow(dead_code, reason = "nobody asks for it"))]
    pub(crate) fn wait_for_others(&mut self) {
        self.waits_for_others = true;
    }

    /// How one more message of this group goes out.
    pub(crate) fn admit(&mut self, group: &Group) -> Way {
        self.folds.admit(group)
    }

    /// Counts one more of those that are told together: see [`Folds::add`].
    pub(crate) fn add(
        &mut self,
        group: &Group,
        now: Tick,
        notice: Notice,
        cause: &str,
        open: impl FnOnce(&Notice) -> (u32, Option<Row>),
    ) -> (u32, Option<Row>, Arc<str>) {
        self.folds.add(group, now, notice, cause, open)
    }

    /// One that was added is on its way to the store, where this position is its.
    pub(crate) fn handed_over(&mut self, ticket: u32, upto: u64) -> Look {
        self.folds.handed_over(ticket, if self.lost.is_some() && upto > self.committed { 0 } else { upto })
    }

    /// The store is so far.
    #[cfg_attr(not(feature = "store"), allow(dead_code, reason = "nothing is recorded"))]
    pub(crate) fn committed(&mut self, position: u64) -> Look {
        self.committed = self.committed.max(position);
        if self.queue.len() > 0 || self.folds.waits() { Look::Again } else { Look::Later }
    }

    /// The store will come no further.
    #[cfg_attr(not(feature = "store"), allow(dead_code, reason = "nothing is recorded"))]
    pub(crate) fn lose(&mut self, lost: Lost) {
        self.lost = Some(lost);
        match lost {
            Lost::Unwritable => {
                for message in self.queue.iter_mut() {
                    message.forget_the_store(self.committed);
                }
                self.folds.forget_the_store(self.committed);
            }
            Lost::Elsewhere => {
                self.leave_current();
                for message in self.take_waiting() {
                    if message.origin == Origin::Memory {
                        // It fits: it was there before.
                        drop(self.queue.push(message));
                    } else {
                        self.not_sent(&message, &elsewhere(), Rest::Waits, Doubt::NotTried);
                    }
                }
            }
        }
    }

    /// What became of recorded messages since this was asked last.
    pub(crate) fn take_settled(&mut self) -> Vec<(Origin, Outcome)> {
        std::mem::take(&mut self.settled)
    }

    /// Whether something that others have left is neither sent nor given up.
    #[cfg(feature = "store")]
    pub(crate) fn is_forwarding(&self) -> bool {
        let current = self.current.as_ref().is_some_and(|current| current.message.is_of_others());
        current || !self.others.is_empty()
    }

    pub(crate) fn report(&self) -> &NotificationReport {
        &self.report
    }

    pub(crate) fn next(&mut self, now: Tick) -> Step {
        let deadline = self.deadline();
        if self.in_flight {
            return match deadline {
                Some(end) if end <= now => {
                    self.trouble = Some(format!("{}: timed out", self.service).into());
                    self.give_up();
                    Step::Done
                }
                Some(end) => Step::Wait(end),
                None => Step::Idle,
            };
        }
        self.leave_current();
        self.folds.close(now, self.flush.is_some());
        self.give_way();
        if self.current.is_none() {
            let message = self.take_own().or_else(|| self.take_of_others());
            self.current = message.map(Current::new);
        }
        let Some(current) = &self.current else {
            if let Some((_, rest)) = self.stopped {
                if deadline.is_none() {
                    return Step::Idle;
                }
                self.give_up_for(rest);
                return Step::Done;
            }
            let unrecorded = self.queue.len() > 0 || self.folds.waits();
            return match deadline {
                None if unrecorded => Step::Unrecorded,
                None => self.folds.due().map_or(Step::Idle, Step::Wait),
                Some(end) if unrecorded && now < end => Step::Wait(end),
                Some(_) => {
                    self.give_up();
                    Step::Done
                }
            };
        };
        let is_own = self.is_own(&current.message);
        // While the run goes on, what others have left takes what refills: the burst is for what the run itself has to say.
        // One that was tried stands before the others, and holds them up no longer than it has to.
        let at = if is_own || current.tried || self.flush.is_some() { self.pace.next() } else { self.pace.beside() };
        if !self.has_time(is_own, now, at) {
            self.give_up();
            return Step::Done;
        }
        if at > now {
            return Step::Wait(at);
        }
        self.pace.take(now);
        self.in_flight = true;
        let Some(current) = &mut self.current else { return Step::Idle };
        current.tried = true;
        Step::Send(Box::new(current.message.notice.clone()), current.form)
    }

    /// What others have left, and nobody has tried to send, goes behind what has come of its own.
    fn give_way(&mut self) {
        let is_first = |current: &mut Current| current.message.is_of_others() && !current.tried;
        let Some(current) = self.current.take_if(is_first) else { return };
        match self.take_own() {
            Some(own) => {
                self.others.push_front(current.message);
                self.current = Some(Current::new(own));
            }
            None => self.current = Some(current),
        }
    }

    fn take_own(&mut self) -> Option<Message> {
        if self.stopped.is_some() {
            return None;
        }
        loop {
            let own = self.queue.pop(self.committed);
            let own = own.or_else(|| self.folds.pop(self.committed).map(Fold::into_message))?;
            if self.lost != Some(Lost::Elsewhere) || own.origin == Origin::Memory {
                return Some(own);
            }
            self.not_sent(&own, &elsewhere(), Rest::Waits, Doubt::NotTried);
        }
    }

    fn take_of_others(&mut self) -> Option<Message> {
        if self.stopped.is_some() { None } else { self.others.pop_front() }
    }

    /// All of its own that nobody has tried to send.
    fn take_waiting(&mut self) -> Vec<Message> {
        let mut all: Vec<_> = self.queue.take().into_iter().collect();
        all.extend(self.folds.take().into_iter().map(Fold::into_message));
        all
    }

    /// Where the run is another process's, that one sends what is recorded; but what is on its way is waited for, or it would
    /// be sent again though it has arrived.
    fn leave_current(&mut self) {
        if self.in_flight || self.lost != Some(Lost::Elsewhere) {
            return;
        }
        if let Some(current) = self.current.take_if(|current| current.message.origin != Origin::Memory) {
            let doubt = current.doubt();
            self.not_sent(&current.message, &elsewhere(), Rest::Waits, doubt);
        }
    }

    /// What became of the message that was sent.
    pub(crate) fn answered(&mut self, now: Tick, verdict: Verdict) -> Option<Note> {
        self.in_flight = false;
        let current = self.current.as_mut()?;
        match verdict {
            Verdict::Accepted => {
                self.pace.accepted();
                self.trouble = None;
                let message = self.current.take()?.message;
                if message.is_of_others() {
                    self.report.add_forwarded();
                } else {
                    self.report.add_sent(message.changes);
                }
                if self.waits_for_others || !message.is_of_others() {
                    self.last_accepted = now;
                }
                self.settle(message.origin, Outcome::Sent);
                None
            }
            Verdict::RateLimited(wait) => {
                self.pace.limit(now, wait);
                self.trouble = Some(format!("{}: 429", self.service).into());
                None
            }
            Verdict::NotSent(why) => {
                self.trouble = Some(why.into());
                self.pace.back_off(now, None);
                None
            }
            Verdict::Unavailable(why, patience) => {
                let again = current.message.importance == Importance::Failure && !current.doubtful;
                current.doubtful = true;
                self.trouble = Some(why.clone().into());
                self.pace.back_off(now, patience);
                if again { None } else { self.drop_current(&why.into(), Rest::Waits, Doubt::MayHaveArrived) }
            }
            Verdict::Refused(why) => {
                self.trouble = Some(why.clone().into());
                self.pace.back_off(now, None);
                // Nobody knows why: a proxy between may have said it.
                self.drop_current(&why.into(), Rest::Waits, Doubt::NotArrived)
            }
            Verdict::BadPayload(why) => {
                self.pace.accepted();
                if current.form == Form::Full {
                    current.form = Form::Plain;
                    return None;
                }
                self.drop_current(&why.into(), Rest::IsGivenUp, Doubt::NotArrived)
            }
            Verdict::BadConfig(code) => Some(self.stop(format!("{}: {code}", self.service).into(), Rest::IsGivenUp)),
        }
    }

    /// Takes no more messages, for this reason, and gives up those it has.
    pub(crate) fn stop(&mut self, reason: Reason, rest: Rest) -> Note {
        self.stopped = Some((Arc::clone(&reason), rest));
        self.trouble = Some(Arc::clone(&reason));
        self.give_up_for(rest);
        Note::Stopped(reason)
    }

    fn drop_current(&mut self, reason: &Reason, rest: Rest, doubt: Doubt) -> Option<Note> {
        let message = self.current.take()?.message;
        let left = rest == Rest::Waits && message.origin != Origin::Memory;
        self.not_sent(&message, reason, rest, doubt);
        Some(if left { Note::Left(Arc::clone(reason)) } else { Note::Dropped(Arc::clone(reason)) })
    }

    /// Notes that a message was not sent, for the report and for the store.
    fn not_sent(&mut self, message: &Message, reason: &Reason, rest: Rest, doubt: Doubt) {
        let Message { origin, changes, .. } = *message;
        match (origin, rest) {
            (Origin::LeftByOthers(_), _) if !self.waits_for_others => {}
            (Origin::LeftByOthers(_), Rest::IsGivenUp) => self.report.add_not_sent(reason, 1),
            (Origin::Memory, _) | (Origin::Recorded { .. }, Rest::IsGivenUp) => {
                self.report.add_not_sent(reason, changes);
            }
            (_, Rest::Waits) => self.report.add_left(reason),
        }
        let outcome = match rest {
            Rest::Waits => Outcome::Left(Arc::clone(reason), doubt),
            Rest::IsGivenUp => Outcome::GivenUp(Arc::clone(reason)),
        };
        self.settle(origin, outcome);
    }

    fn settle(&mut self, origin: Origin, outcome: Outcome) {
        if origin != Origin::Memory {
            self.settled.push((origin, outcome));
        }
    }
}

fn elsewhere() -> Reason {
    "the run is another process's".into()
}

#[cfg(test)]
mod tests;
