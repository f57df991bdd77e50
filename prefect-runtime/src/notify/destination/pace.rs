//! When something may be sent: the rate of the service, our patience after failures, and its own.
use std::time::Duration;

use crate::clock::{Tick, nanos};
use crate::notify::jitter::Jitter;
use crate::notify::rate::Bucket;

/// Failures in a row after which the destination rests.
const CIRCUIT_FAILURES: u32 = 5;
pub(super) const CIRCUIT_REST: Duration = Duration::from_secs(30);
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LEAST_RETRY_AFTER: Duration = Duration::from_secs(1);
const MOST_JITTER: Duration = Duration::from_millis(500);

/// Why nothing is sent before `not_before`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Our own patience.
    Backoff,
    /// The service asked for it.
    Asked,
}

pub(super) struct Pace {
    bucket: Bucket,
    /// In a row.
    failures: u32,
    not_before: Tick,
    hold: Hold,
    jitter: Jitter,
}

impl Pace {
    pub(super) fn seeded(seed: u64) -> Self {
        let jitter = Jitter::seeded(seed);
        Self { bucket: Bucket::default(), failures: 0, not_before: 0, hold: Hold::Backoff, jitter }
    }

    /// When the next message may be sent.
    pub(super) fn next(&self) -> Tick {
        self.not_before.max(self.bucket.next())
    }

    /// When one may be sent that leaves the burst to others.
    pub(super) fn beside(&self) -> Tick {
        self.not_before.max(self.bucket.full())
    }

    /// One message is sent now.
    pub(super) fn take(&mut self, now: Tick) {
        self.bucket.take(now);
    }

    /// The service is there.
    pub(super) const fn accepted(&mut self) {
        self.failures = 0;
    }

    /// It is too much for the service, which takes nothing for so long.
    pub(super) fn limit(&mut self, now: Tick, wait: Duration) {
        let wait = wait.max(LEAST_RETRY_AFTER).saturating_add(self.jitter.up_to(MOST_JITTER));
        self.wait_until(now, wait, Hold::Asked);
        self.bucket.drain(self.not_before);
    }

    /// Something went wrong; the service may ask for patience.
    pub(super) fn back_off(&mut self, now: Tick, patience: Option<Duration>) {
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

    /// The run has ended. The rest of 30 s would outlast any deadline: better to probe now than not at all.
    pub(super) fn probe(&mut self, now: Tick) {
        if self.failures >= CIRCUIT_FAILURES && self.hold == Hold::Backoff {
            self.not_before = self.not_before.min(now);
        }
    }
}
