//! How fast a destination may be sent to: one message a second, up to ten at once after a quiet time.
use crate::clock::Tick;

const SECOND: Tick = 1_000_000_000;

/// Slack's documented rate for a webhook.
const PERIOD: Tick = SECOND;
const BURST: Tick = 10;

/// A bucket of tokens that refills with time, kept as the one moment at which it will be full again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    full_at: Tick,
}

impl Bucket {
    /// When the next message may be sent.
    pub(crate) fn next(self) -> Tick {
        self.full_at.saturating_sub((BURST - 1) * PERIOD)
    }

    /// When a message may be sent that leaves the burst to others.
    pub(crate) fn full(self) -> Tick {
        self.full_at
    }

    /// One message is sent now.
    pub(crate) fn take(&mut self, now: Tick) {
        self.full_at = self.full_at.max(now).saturating_add(PERIOD);
    }

    /// Slack said that it is too much: at `until` there is one token, and no burst stored up while waiting.
    pub(crate) fn drain(&mut self, until: Tick) {
        self.full_at = self.full_at.max(until.saturating_add((BURST - 1) * PERIOD));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_at_once_then_one_a_second_then_ten_again_after_ten_quiet_seconds() {
        let mut bucket = Bucket::default();
        let mut now = 0;
        let mut sent = Vec::new();
        for _ in 0..15 {
            now = now.max(bucket.next());
            bucket.take(now);
            sent.push(now / SECOND);
        }
        assert_eq!(sent, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5]);
        now += 10 * SECOND;
        for _ in 0..10 {
            assert!(bucket.next() <= now);
            bucket.take(now);
        }
        assert_eq!(bucket.next(), now + SECOND);
    }

    #[test]
    fn after_a_refusal_no_burst_is_left() {
        let mut bucket = Bucket::default();
        bucket.take(0);
        bucket.drain(30 * SECOND);
        assert_eq!(bucket.next(), 30 * SECOND);
        bucket.take(30 * SECOND);
        assert_eq!(bucket.next(), 31 * SECOND);
    }
}
