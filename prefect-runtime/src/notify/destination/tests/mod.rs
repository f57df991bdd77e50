//! The law under virtual time: no thread, no network, no clock.
mod stored;

use std::collections::BTreeSet;
use std::time::Duration;

use super::pace::CIRCUIT_REST;
use super::*;
use crate::StateKind::{self, Failed, Running, TimedOut};
use crate::clock::nanos;
use crate::notify::queue::CAPACITY;

const MS: Tick = 1_000_000;
const SECOND: Tick = 1_000 * MS;
const DEADLINE: Duration = Duration::from_secs(5);

fn message(kind: StateKind, name: &str) -> Message {
    Message::new(Notice::for_tests(kind, name))
}

fn unavailable() -> Verdict {
    Verdict::Unavailable("slack: 503".into(), None)
}

fn not_sent() -> Verdict {
    Verdict::NotSent("slack: connection refused".into())
}

fn limited(seconds: u64) -> Verdict {
    Verdict::RateLimited(Duration::from_secs(seconds))
}

fn body(notice: &Notice, form: Form) -> String {
    match form {
        Form::Full => notice.to_json(),
        Form::Plain => notice.to_plain_json(),
    }
}

/// A destination, the time, and what was sent when.
struct Sim {
    law: Destination,
    now: Tick,
    sent: Vec<(Tick, String)>,
    notes: Vec<Note>,
}

/// How a simulation came to rest.
#[derive(Debug, PartialEq)]
enum Rest {
    Idle,
    Done,
}

impl Sim {
    fn new() -> Self {
        Self::seeded(7)
    }

    fn seeded(seed: u64) -> Self {
        Self { law: Destination::new(Service::Slack, seed), now: 0, sent: Vec::new(), notes: Vec::new() }
    }

    fn push(&mut self, kinds: &[StateKind]) {
        for kind in kinds {
            self.law.push(message(*kind, "t"));
        }
    }

    fn send(&mut self) {
        match self.law.next(self.now) {
            Step::Send(notice, form) => self.sent.push((self.now, body(&notice, form))),
            other => panic!("{other:?} at {}", self.now),
        }
    }

    fn answer(&mut self, verdict: Verdict) {
        self.notes.extend(self.law.answered(self.now, verdict));
    }

    /// Goes on until nothing is left to do; each message takes `latency` and is answered by `answers`.
    fn run(&mut self, latency: Tick, mut answers: impl FnMut(usize) -> Verdict) -> Rest {
        loop {
            match self.law.next(self.now) {
                Step::Send(notice, form) => {
                    self.sent.push((self.now, body(&notice, form)));
                    self.now += latency;
                    if latency > 0 && self.law.deadline().is_some_and(|end| end <= self.now) {
                        continue; // The deadline comes before the answer.
                    }
                    let verdict = answers(self.sent.len());
                    self.answer(verdict);
                }
                Step::Wait(tick) => {
                    assert!(tick > self.now, "a wait that is over");
                    self.now = tick;
                }
                Step::Idle | Step::Unrecorded => return Rest::Idle,
                Step::Done => return Rest::Done,
            }
        }
    }

    fn times(&self) -> Vec<Tick> {
        self.sent.iter().map(|(at, _)| at / MS).collect()
    }

    fn line(&self) -> String {
        self.law.report().to_string()
    }
}

#[test]
fn messages_go_out_in_order_ten_at_once_and_then_one_a_second() {
    let mut sim = Sim::new();
    for i in 0..13 {
        sim.law.push(message(if i % 3 == 0 { Failed } else { Running }, &format!("task {i:02}")));
    }
    assert_eq!(sim.run(0, |_| Verdict::Accepted), Rest::Idle);
    assert_eq!(sim.times(), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1000, 2000, 3000]);
    for (i, (_, body)) in sim.sent.iter().enumerate() {
        assert!(body.contains(&format!("task {i:02} is now")), "{i}: {body}");
    }
    assert_eq!(sim.line(), "notifications: 13 sent");
}

#[test]
fn after_429_the_same_message_goes_first_when_retry_after_is_over_and_at_most_half_a_second_later() {
    let mut later = BTreeSet::new();
    for seed in 0..200 {
        let mut sim = Sim::seeded(seed);
        sim.law.push(message(Running, "first"));
        sim.law.push(message(Running, "second"));
        sim.run(0, |n| if n == 1 { limited(seed % 100) } else { Verdict::Accepted });
        let wait = (seed % 100).max(1) * SECOND;
        assert!((wait..=wait + 500 * MS).contains(&sim.sent[1].0), "seed {seed}: {:?}", sim.times());
        later.insert(sim.sent[1].0 - wait);
        assert!(sim.sent[1].1.contains("first is now"));
        // No burst afterwards: one a second.
        assert_eq!(sim.sent[2].0 - sim.sent[1].0, SECOND, "seed {seed}");
        assert_eq!(sim.line(), "notifications: 2 sent");
    }
    assert!(later.len() > 190, "they come back together: {later:?}");
}

#[test]
fn what_never_left_is_sent_again_for_as_long_as_it_takes() {
    let mut sim = Sim::new();
    sim.push(&[Running, Running]);
    sim.run(0, |n| if n <= 7 { not_sent() } else { Verdict::Accepted });
    // Backing off, then the circuit with its probes, then back to normal.
    assert_eq!(sim.times(), [0, 500, 1500, 3500, 7500, 37500, 67500, 97500, 97500]);
    assert_eq!(sim.line(), "notifications: 2 sent");
}

#[test]
fn what_may_have_arrived_is_sent_again_once_and_only_a_failure() {
    let mut sim = Sim::new();
    sim.push(&[Running, TimedOut, Failed]);
    sim.run(0, |n| if n <= 3 { unavailable() } else { Verdict::Accepted });
    // Running: one try. TimedOut: two. Failed: gets through.
    assert_eq!(sim.times(), [0, 500, 1500, 3500]);
    assert!(sim.sent[1].1.contains("TimedOut") && sim.sent[2].1.contains("TimedOut"));
    assert_eq!(sim.line(), "notifications: 1 sent, 2 not sent (slack: 503)");
    assert_eq!(sim.notes, [Note::Dropped("slack: 503".into()), Note::Dropped("slack: 503".into())]);
}

#[test]
fn after_five_failures_in_a_row_it_rests_and_probes_with_one_message() {
    let mut sim = Sim::new();
    sim.push(&[Running; 8]);
    sim.run(0, |n| if n <= 6 { unavailable() } else { Verdict::Accepted });
    assert_eq!(sim.times(), [0, 500, 1500, 3500, 7500, 37500, 67500, 67500]);
    // A success closes the circuit: the next failure counts from one.
    sim.push(&[Running, Running]);
    let start = sim.now / MS;
    sim.run(0, |n| if n == 9 { unavailable() } else { Verdict::Accepted });
    assert_eq!(sim.times()[8..], [start, start + 500]);
}

#[test]
fn a_server_that_asks_for_more_patience_gets_it() {
    let mut sim = Sim::new();
    sim.push(&[Failed]);
    let asked = |n| match n {
        1 => Verdict::Unavailable("slack: 503".into(), Some(Duration::from_secs(12))),
        _ => Verdict::Accepted,
    };
    sim.run(0, asked);
    assert_eq!(sim.times(), [0, 12_000]);
}

#[test]
fn a_server_that_asks_for_less_patience_than_our_own_gets_ours() {
    let mut sim = Sim::new();
    sim.push(&[Failed]);
    let hasty = Verdict::Unavailable("slack: 503".into(), Some(Duration::from_millis(499)));
    sim.run(0, |n| if n == 1 { hasty.clone() } else { Verdict::Accepted });
    assert_eq!(sim.times(), [0, 500]);
}

#[test]
fn a_dead_webhook_stops_the_destination_with_one_note() {
    let mut sim = Sim::new();
    sim.push(&[Running, Failed, Running]);
    sim.run(0, |_| Verdict::BadConfig("no_service"));
    sim.push(&[Failed]);
    assert_eq!(sim.run(0, |_| Verdict::Accepted), Rest::Idle);
    assert_eq!(sim.sent.len(), 1);
    assert_eq!(sim.notes, [Note::Stopped("slack: no_service".into())]);
    assert_eq!(sim.line(), "notifications: 0 sent, 4 not sent (slack: no_service)");
}

#[test]
fn a_refused_layout_is_sent_once_more_as_plain_text() {
    let mut sim = Sim::new();
    sim.push(&[Failed, Running]);
    sim.run(0, |n| if n == 2 { Verdict::Accepted } else { Verdict::BadPayload("slack: invalid_blocks".into()) });
    let bodies: Vec<&str> = sim.sent.iter().map(|(_, body)| &**body).collect();
    assert!(bodies[0].starts_with(r#"{"attachments""#) && bodies[2].starts_with(r#"{"attachments""#));
    assert_eq!(bodies[1], r#"{"text":"t is now in a Failed state\na message"}"#);
    assert_eq!(bodies[3], r#"{"text":"t is now in a Running state\na message"}"#);
    assert_eq!(sim.sent.len(), 4);
    assert_eq!(sim.line(), "notifications: 1 sent, 1 not sent (slack: invalid_blocks)");
}

#[test]
fn a_refusal_that_we_do_not_know_costs_one_message_and_a_pause() {
    let mut sim = Sim::new();
    sim.push(&[Failed, Running]);
    sim.run(0, |n| if n == 1 { Verdict::Refused("slack: 403".into()) } else { Verdict::Accepted });
    assert_eq!(sim.times(), [0, 500]);
    assert_eq!(sim.line(), "notifications: 1 sent, 1 not sent (slack: 403)");
}

#[test]
fn a_full_queue_counts_what_it_drops_and_keeps_failures() {
    let mut sim = Sim::new();
    // One is in flight and does not take a place.
    sim.push(&[Running]);
    sim.send();
    for _ in 0..CAPACITY + 10 {
        sim.push(&[Running]);
    }
    sim.push(&[Failed; 3]);
    assert_eq!(sim.line(), "notifications: 0 sent, 13 not sent (queue full)");
    sim.answer(Verdict::Accepted);
    sim.run(0, |_| Verdict::Accepted);
    assert_eq!(sim.law.report().sent(), CAPACITY as u64 + 1);
    assert_eq!(sim.sent.iter().filter(|(_, body)| body.contains("Failed")).count(), 3);
}

#[test]
fn a_flush_with_nothing_left_is_over_at_once() {
    let mut sim = Sim::new();
    sim.law.begin_flush(0, 0, DEADLINE);
    assert_eq!(sim.run(0, |_| Verdict::Accepted), Rest::Done);
    assert_eq!(sim.now, 0);
}

#[test]
fn every_accepted_message_moves_the_deadline() {
    let mut sim = Sim::new();
    sim.push(&[Running; 40]);
    sim.law.begin_flush(0, 0, DEADLINE);
    assert_eq!(sim.run(10 * MS, |_| Verdict::Accepted), Rest::Done);
    assert_eq!(sim.line(), "notifications: 40 sent");
    assert!(sim.now >= 30 * SECOND);
}

#[test]
fn the_deadline_counts_from_the_end_of_the_run_and_names_what_was_wrong() {
    let mut sim = Sim::new();
    sim.now = 100 * SECOND;
    sim.push(&[Failed, Running]);
    sim.law.begin_flush(sim.now, sim.now, DEADLINE);
    assert_eq!(sim.run(0, |_| not_sent()), Rest::Done);
    // Tries at 0, 0.5, 1.5, 3.5; the next would be at 7.5, so there is nothing to wait for.
    assert_eq!(sim.times(), [100_000, 100_500, 101_500, 103_500]);
    assert_eq!(sim.now, 103_500 * MS);
    assert_eq!(sim.line(), "notifications: 0 sent, 2 not sent (slack: connection refused)");
}

#[test]
fn an_answer_that_does_not_come_by_the_deadline_is_given_up() {
    let mut sim = Sim::new();
    sim.push(&[Failed, Running]);
    sim.law.begin_flush(0, 0, DEADLINE);
    assert_eq!(sim.run(60 * SECOND, |_| panic!("no answer")), Rest::Done);
    assert_eq!(sim.line(), "notifications: 0 sent, 2 not sent (slack: timed out)");
}

#[test]
fn a_flush_waits_for_an_answer_but_not_past_the_deadline() {
    let mut sim = Sim::new();
    sim.push(&[Failed]);
    sim.send();
    assert_eq!(sim.law.next(SECOND), Step::Idle);
    sim.law.begin_flush(2 * SECOND, 2 * SECOND, DEADLINE);
    assert_eq!(sim.law.next(2 * SECOND), Step::Wait(7 * SECOND));
    assert_eq!(sim.law.remaining(), 1);
    assert_eq!(sim.law.next(7 * SECOND), Step::Done);
    assert_eq!(sim.law.remaining(), 0);
}

#[test]
fn a_retry_after_beyond_the_deadline_ends_the_flush_without_undercutting_it() {
    let mut sim = Sim::new();
    sim.push(&[Failed]);
    sim.send();
    sim.answer(limited(30));
    sim.law.begin_flush(0, 0, DEADLINE);
    assert_eq!(sim.run(0, |_| panic!("undercut")), Rest::Done);
    assert_eq!((sim.now, &*sim.line()), (0, "notifications: 0 sent, 1 not sent (slack: 429)"));
}

#[test]
fn a_flush_probes_a_destination_that_rests() {
    let mut sim = Sim::new();
    sim.push(&[Running; 5]);
    sim.run(0, |_| unavailable());
    sim.push(&[Failed, Failed]);
    assert!(matches!(sim.law.next(sim.now), Step::Wait(_)));
    sim.law.begin_flush(sim.now, sim.now, DEADLINE);
    assert_eq!(sim.run(0, |_| Verdict::Accepted), Rest::Done);
    assert_eq!(sim.line(), "notifications: 2 sent, 5 not sent (slack: 503)");
}

#[test]
fn a_flush_cuts_no_other_wait_short() {
    // The fifth failure, with a server that asks for as much as we would wait ourselves.
    let asked = Verdict::Unavailable("slack: 503".into(), Some(CIRCUIT_REST));
    for (failures, answer) in [(0, not_sent()), (0, limited(2)), (4, asked)] {
        let mut sim = Sim::new();
        sim.push(&[Running; 4][..failures]);
        sim.run(0, |_| unavailable());
        sim.push(&[Failed]);
        sim.now += nanos(CIRCUIT_REST);
        sim.send();
        sim.answer(answer);
        let before = sim.law.next(sim.now);
        assert!(matches!(before, Step::Wait(_)), "{before:?}");
        sim.law.begin_flush(sim.now, sim.now, Duration::MAX);
        assert_eq!(sim.law.next(sim.now), before);
    }
}

#[test]
fn absurd_waits_do_not_overflow() {
    let mut sim = Sim::new();
    sim.now = Tick::MAX / 2;
    sim.push(&[Failed]);
    sim.send();
    sim.answer(Verdict::RateLimited(Duration::MAX));
    assert_eq!(sim.law.next(sim.now), Step::Wait(Tick::MAX));
    sim.law.begin_flush(sim.now, sim.now, Duration::MAX);
    assert_eq!(sim.law.next(sim.now), Step::Done);
}

/// Splitmix, for cases rather than for jitter.
struct Dice(u64);
impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

#[test]
fn whatever_slack_answers_every_message_is_counted_once_in_order_and_within_the_rate() {
    for seed in 0..3_000 {
        let mut dice = Dice(seed);
        let mut sim = Sim::seeded(seed);
        let mut pushed = 0;
        let mut quiet_until = 0;
        let mut accepted = Vec::new();
        for round in 0..=dice.below(4) {
            for _ in 0..dice.below(30) {
                let kind = if dice.below(3) == 0 { Failed } else { Running };
                sim.law.push(message(kind, &format!("task {pushed:04}")));
                pushed += 1;
            }
            if round > 0 && dice.below(3) == 0 {
                sim.law.begin_flush(sim.now, sim.now, DEADLINE);
            }
            loop {
                match sim.law.next(sim.now) {
                    Step::Send(notice, form) => {
                        let body = body(&notice, form);
                        assert!(sim.now >= quiet_until, "seed {seed}: Retry-After undercut");
                        sim.sent.push((sim.now, body.clone()));
                        sim.now += dice.below(3) * 100 * MS;
                        let verdict = match dice.below(12) {
                            0 => unavailable(),
                            1 => not_sent(),
                            2 => {
                                let wait = dice.below(5);
                                quiet_until = sim.now + wait * SECOND;
                                limited(wait)
                            }
                            3 => Verdict::BadPayload("slack: no_text".into()),
                            4 => Verdict::Refused("slack: 403".into()),
                            5 if dice.below(20) == 0 => Verdict::BadConfig("no_team"),
                            _ => {
                                let at = body.find("task ").unwrap() + 5;
                                accepted.push(body[at..at + 4].to_owned());
                                Verdict::Accepted
                            }
                        };
                        sim.answer(verdict);
                    }
                    Step::Wait(tick) => sim.now = tick,
                    Step::Idle | Step::Unrecorded | Step::Done => break,
                }
            }
        }
        let report = sim.law.report();
        assert_eq!(report.sent(), accepted.len() as u64, "seed {seed}");
        assert_eq!(report.sent() + report.not_sent() + sim.law.remaining() as u64, pushed, "seed {seed}");
        assert_eq!(sim.law.remaining(), 0, "seed {seed}");
        assert!(accepted.is_sorted(), "seed {seed}: {accepted:?}");
        for (i, (start, _)) in sim.sent.iter().enumerate() {
            for (more, (end, _)) in sim.sent[i..].iter().enumerate() {
                assert!((more as u64) < 10 + (end - start) / SECOND, "seed {seed}: too fast");
            }
        }
    }
}
