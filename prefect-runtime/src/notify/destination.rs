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
use std::sync::Arc;
use std::time::Duration;

use super::jitter::Jitter;
use super::notice::Notice;
use super::queue::{Importance, Message, Pushed, Queue};
use super::rate::Bucket;
use super::report::NotificationReport;
use super::route::Form;
use super::service::Service;
use super::verdict::Verdict;
use crate::clock::{Tick, nanos};

/// Failures in a row after which the destination rests.
const CIRCUIT_FAILURES: u32 = 5;
const CIRCUIT_REST: Duration = Duration::from_secs(30);
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LEAST_RETRY_AFTER: Duration = Duration::from_secs(1);
const MOST_JITTER: Duration = Duration::from_millis(500);

/// Why a message was not sent, as the summary tells it.
pub(crate) type Reason = Arc<str>;

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send this in this form, then report by [`Destination::answered`].
    Send(Box<Notice>, Form),
    /// Nothing before this moment; then ask again. What is in flight goes on meanwhile.
    Wait(Tick),
    /// Nothing before something else happens.
    Idle,
    /// The run is over and so is this destination; what is still in flight is given up.
    Done,
}

/// Something that people should read in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// The destination takes no more messages.
    Stopped(Reason),
    /// A message was given up.
    Dropped(Reason),
}

pub(crate) struct Destination {
    service: Service,
    queue: Queue,
    current: Option<Current>,
    in_flight: bool,
    bucket: Bucket,
    /// In a row.
    failures: u32,
    not_before: Tick,
    hold: Hold,
    stopped: Option<Reason>,
    /// What went wrong last, if nothing went right since.
    trouble: Option<Reason>,
    last_accepted: Tick,
    flush: Option<Flush>,
    report: NotificationReport,
    jitter: Jitter,
}

/// The message whose turn it is.
struct Current {
    message: Message,
    form: Form,
    /// It was sent once without an answer.
    doubtful: bool,
}

/// Why nothing is sent before `not_before`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Our own patience.
    Backoff,
    /// The service asked for it.
    Asked,
}

#[derive(Clone, Copy)]
struct Flush {
    run_end: Tick,
    deadline: Duration,
}

impl Destination {
    pub(crate) fn new(service: Service, jitter_seed: u64) -> Self {
        Self {
            service,
            queue: Queue::default(),
            current: None,
            in_flight: false,
            bucket: Bucket::default(),
            failures: 0,
            not_before: 0,
            hold: Hold::Backoff,
            stopped: None,
            trouble: None,
            last_accepted: 0,
            flush: None,
            report: NotificationReport::default(),
            jitter: Jitter::seeded(jitter_seed),
        }
    }

    pub(crate) fn push(&mut self, message: Message) {
        if let Some(reason) = &self.stopped {
            self.report.add_not_sent(reason, 1);
        } else if self.queue.push(message) == Pushed::OneLost {
            self.report.add_not_sent(&"queue full".into(), 1);
        }
    }

    /// The run ended: what is left has until the deadline, counted from there or from the last accepted message.
    pub(crate) fn begin_flush(&mut self, now: Tick, run_end: Tick, deadline: Duration) {
        self.flush = Some(Flush { run_end, deadline });
        // The rest of 30 s would outlast any deadline: better to probe now than not at all.
        if self.failures >= CIRCUIT_FAILURES && self.hold == Hold::Backoff {
            self.not_before = self.not_before.min(now);
        }
    }

    /// When the flush ends, if one is on.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        let flush = self.flush?;
        Some(flush.run_end.max(self.last_accepted).saturating_add(nanos(flush.deadline)))
    }

    /// How many messages are neither sent nor given up.
    pub(crate) fn remaining(&self) -> usize {
        self.queue.len() + usize::from(self.current.is_some())
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
        if self.current.is_none() {
            self.current = self.queue.pop().map(|message| Current { message, form: Form::Full, doubtful: false });
        }
        let Some(current) = &self.current else {
            return if deadline.is_some() { Step::Done } else { Step::Idle };
        };
        let at = self.not_before.max(self.bucket.next());
        if deadline.is_some_and(|end| end <= now.max(at)) {
            self.give_up();
            return Step::Done;
        }
        if at > now {
            return Step::Wait(at);
        }
        self.bucket.take(now);
        self.in_flight = true;
        Step::Send(Box::new(current.message.notice.clone()), current.form)
    }

    /// What became of the message that was sent.
    pub(crate) fn answered(&mut self, now: Tick, verdict: Verdict) -> Option<Note> {
        self.in_flight = false;
        let current = self.current.as_mut()?;
        match verdict {
            Verdict::Accepted => {
                self.failures = 0;
                self.trouble = None;
                self.last_accepted = now;
                self.report.add_sent();
                self.current = None;
                None
            }
            Verdict::RateLimited(wait) => {
                let wait = wait.max(LEAST_RETRY_AFTER).saturating_add(self.jitter.up_to(MOST_JITTER));
                self.wait_until(now, wait, Hold::Asked);
                self.bucket.drain(self.not_before);
                self.trouble = Some(format!("{}: 429", self.service).into());
                None
            }
            Verdict::NotSent(why) => {
                self.trouble = Some(why.into());
                self.back_off(now, None);
                None
            }
            Verdict::Unavailable(why, patience) => {
                let again = current.message.importance == Importance::Failure && !current.doubtful;
                current.doubtful = true;
                self.trouble = Some(why.clone().into());
                self.back_off(now, patience);
                if again { None } else { Some(self.drop_current(why.into())) }
            }
            Verdict::Refused(why) => {
                self.trouble = Some(why.clone().into());
                self.back_off(now, None);
                Some(self.drop_current(why.into()))
            }
            Verdict::BadPayload(why) => {
                self.failures = 0;
                if current.form == Form::Full {
                    current.form = Form::Plain;
                    return None;
                }
                Some(self.drop_current(why.into()))
            }
            Verdict::BadConfig(code) => Some(self.stop(format!("{}: {code}", self.service).into())),
        }
    }

    /// Takes no more messages, for this reason, and gives up those it has.
    pub(crate) fn stop(&mut self, reason: Reason) -> Note {
        self.stopped = Some(Arc::clone(&reason));
        self.trouble = Some(Arc::clone(&reason));
        self.give_up();
        Note::Stopped(reason)
    }

    fn drop_current(&mut self, reason: Reason) -> Note {
        self.current = None;
        self.report.add_not_sent(&reason, 1);
        Note::Dropped(reason)
    }

    fn give_up(&mut self) {
        let left = usize::from(self.current.take().is_some()) + self.queue.clear();
        self.in_flight = false;
        let reason = self.trouble.clone().unwrap_or_else(|| "no time left at the end of the run".into());
        self.report.add_not_sent(&reason, left);
    }

    fn back_off(&mut self, now: Tick, patience: Option<Duration>) {
        self.failures = self.failures.saturating_add(1);
        let own =
            if self.failures >= CIRCUIT_FAILURES { CIRCUIT_REST } else { FIRST_BACKOFF * 2u32.pow(self.failures - 1) };
        match patience {
            Some(asked) if asked >= own => self.wait_until(now, asked, Hold::Asked),
            _ => self.wait_until(now, own, Hold::Backoff),
        }
    }

    fn wait_until(&mut self, now: Tick, wait: Duration, hold: Hold) {
        self.not_before = now.saturating_add(nanos(wait));
        self.hold = hold;
    }
}

#[cfg(test)]
#[path = "destination_tests.rs"]
mod tests;
