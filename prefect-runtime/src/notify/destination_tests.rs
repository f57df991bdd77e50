//! The law under virtual time: no thread, no network, no clock.
use std::collections::BTreeSet;

use super::*;
use crate::StateKind::{self, Failed, Running, TimedOut};
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

fn recorded(kind: StateKind, ticket: u32, upto: u64) -> Message {
    Message::of(Notice::for_tests(kind, &format!("recorded {ticket}")), 1, Origin::Recorded { ticket, upto })
}

fn of_others(id: i64) -> Message {
    Message::of(Notice::for_tests(Failed, &format!("other {id}")), 1, Origin::LeftByOthers(id))
}

/// The tickets and numbers of what was settled, and how.
fn settled(sim: &mut Sim) -> Vec<(i64, Outcome)> {
    let number = |origin| match origin {
        Origin::Memory => panic!("nobody waits for it"),
        Origin::Recorded { ticket, .. } => ticket.into(),
        Origin::LeftByOthers(id) => id,
    };
    sim.law.take_settled().into_iter().map(|(origin, outcome)| (number(origin), outcome)).collect()
}

#[test]
fn what_is_recorded_is_sent_when_the_store_has_it() {
    let mut sim = Sim::new();
    sim.law.push(recorded(Failed, 1, 5));
    sim.law.push(message(Failed, "t"));
    assert_eq!(sim.law.next(0), Step::Unrecorded);
    assert_eq!(sim.law.committed(4), Look::Again);
    assert_eq!(sim.law.next(0), Step::Unrecorded);
    sim.law.committed(5);
    assert_eq!(sim.run(0, |_| Verdict::Accepted), Rest::Idle);
    assert_eq!((sim.sent.len(), sim.law.committed(6)), (2, Look::Later));
    assert_eq!(settled(&mut sim), [(1, Outcome::Sent)]);
}

#[test]
fn what_cannot_be_sent_waits_in_the_store_unless_it_was_refused_for_good() {
    let left = |why: &str, doubt| Outcome::Left(why.into(), doubt);
    for (verdict, outcome) in [
        (unavailable(), left("slack: 503", Doubt::MayHaveArrived)),
        (not_sent(), left("slack: connection refused", Doubt::NotArrived)),
        (limited(60), left("slack: 429", Doubt::NotArrived)),
        (Verdict::Refused("slack: 403".into()), left("slack: 403", Doubt::NotArrived)),
        (Verdict::BadPayload("slack: no_text".into()), Outcome::GivenUp("slack: no_text".into())),
        (Verdict::BadConfig("no_service"), Outcome::GivenUp("slack: no_service".into())),
    ] {
        let mut sim = Sim::new();
        sim.law.push(recorded(Failed, 1, 0));
        sim.law.push(of_others(7));
        sim.law.begin_flush(0, 0, DEADLINE);
        assert_eq!(sim.run(0, |_| verdict.clone()), Rest::Done);
        let is_left = matches!(outcome, Outcome::Left(..));
        assert_eq!((sim.law.report().left(), sim.law.report().not_sent()), (is_left.into(), (!is_left).into()));
        let settled = settled(&mut sim);
        assert_eq!(settled[0], (1, outcome), "{verdict:?}");
        assert_eq!((settled.len(), settled[1].0), (2, 7), "what others have left is never lost");
    }
    // The second is given back without a try.
    let mut sim = Sim::new();
    sim.law.push(recorded(Failed, 1, 0));
    sim.law.push(recorded(Failed, 2, 0));
    sim.law.begin_flush(0, 0, DEADLINE);
    sim.run(0, |_| not_sent());
    let why = "slack: connection refused";
    assert_eq!(settled(&mut sim), [(1, left(why, Doubt::NotArrived)), (2, left(why, Doubt::NotTried))]);
    let mut sim = Sim::new();
    sim.law.push(recorded(Failed, 1, 0));
    sim.law.begin_flush(0, 0, DEADLINE);
    sim.run(60 * SECOND, |_| panic!("no answer"));
    assert_eq!(settled(&mut sim), [(1, left("slack: timed out", Doubt::MayHaveArrived))]);
}

/// How many of others were sent, and that none of them is lost.
fn sent_of_others(sim: &mut Sim, all: usize) -> usize {
    let settled = settled(sim);
    assert_eq!(settled.len(), all);
    settled.iter().filter(|(_, outcome)| *outcome == Outcome::Sent).count()
}

#[test]
fn the_end_of_a_run_waits_for_its_own_and_sends_of_others_what_can_go_at_once() {
    let ended = |own: usize, latency: Tick| {
        let mut sim = Sim::new();
        (0..30).for_each(|id| sim.law.push(of_others(id)));
        sim.push(&[Failed; 12][..own]);
        sim.law.begin_flush(0, 0, DEADLINE);
        assert_eq!(sim.run(latency, |_| Verdict::Accepted), Rest::Done);
        (sim.now / MS, sim.line(), sent_of_others(&mut sim, 30))
    };
    assert_eq!(ended(0, 0), (0, "notifications: 0 sent, 10 that were left before".into(), 10));
    // What has been begun is answered.
    assert_eq!(ended(0, 200 * MS), (600, "notifications: 0 sent, 3 that were left before".into(), 3));
    assert_eq!(ended(4, 0), (0, "notifications: 4 sent, 6 that were left before".into(), 6));
    // Ten of its own at once and two more: there is no time left for others.
    assert_eq!(ended(12, 0), (2000, "notifications: 12 sent".into(), 0));
}

#[test]
fn the_end_of_a_run_waits_a_second_for_an_answer_to_what_others_have_left() {
    let mut sim = Sim::new();
    sim.law.push(of_others(7));
    sim.send();
    sim.law.begin_flush(0, 0, DEADLINE);
    assert_eq!((sim.law.next(0), sim.law.remaining()), (Step::Wait(SECOND), 0));
    assert_eq!(sim.law.next(SECOND), Step::Done);
    assert_eq!(settled(&mut sim), [(7, Outcome::Left("slack: timed out".into(), Doubt::MayHaveArrived))]);
    // Where it cannot be sent it is not tried again and again.
    let mut sim = Sim::new();
    (0..3).for_each(|id| sim.law.push(of_others(id)));
    sim.law.begin_flush(0, 0, DEADLINE);
    assert_eq!(sim.run(0, |_| not_sent()), Rest::Done);
    assert_eq!((sim.now, sim.sent.len(), sent_of_others(&mut sim, 3)), (0, 1, 0));
}

#[test]
fn while_a_run_goes_on_the_burst_is_for_its_own() {
    let mut sim = Sim::new();
    (0..30).for_each(|id| sim.law.push(of_others(id)));
    for second in 0..3 {
        sim.now = second * SECOND;
        sim.send();
        sim.answer(Verdict::Accepted);
        assert_eq!(sim.law.next(sim.now), Step::Wait(sim.now + SECOND));
    }
    // One of the others was about to go: it goes behind.
    sim.push(&[Failed; 9]);
    sim.law.begin_flush(sim.now, sim.now, DEADLINE);
    assert_eq!(sim.run(0, |_| Verdict::Accepted), Rest::Done);
    assert_eq!((sim.now, sim.line()), (2 * SECOND, "notifications: 9 sent, 3 that were left before".into()));
    assert_eq!(sent_of_others(&mut sim, 30), 3);
    // Whose turn it was has it first at the next run.
    assert!(sim.sent[..3].iter().all(|(_, body)| body.contains("other")), "{:?}", sim.sent);
}

#[test]
fn a_store_that_cannot_be_written_keeps_nobody_from_hearing_and_a_run_that_is_elsewhere_does() {
    for (lost, sent) in [(Lost::Unwritable, 4), (Lost::Elsewhere, 1)] {
        let mut sim = Sim::new();
        sim.law.committed(1);
        sim.law.push(recorded(Failed, 1, 1));
        sim.law.push(recorded(Failed, 2, 2));
        sim.law.push(message(Failed, "t"));
        sim.law.lose(lost);
        sim.law.push(recorded(Failed, 3, 3));
        sim.law.begin_flush(0, 0, DEADLINE);
        assert_eq!(sim.run(0, |_| Verdict::Accepted), Rest::Done);
        assert_eq!(sim.sent.len(), sent, "{lost:?}");
        assert_eq!(sim.law.report().sent() + sim.law.report().left(), 4);
        let told = settled(&mut sim);
        if lost == Lost::Unwritable {
            assert_eq!(told, [(1, Outcome::Sent)], "the store knows of one");
        }
    }
}

/// The run goes to another process while a message of it is on its way.
#[test]
fn what_is_on_its_way_when_the_run_goes_elsewhere_is_waited_for() {
    let told = |verdict: Verdict| {
        let mut sim = Sim::new();
        sim.law.committed(1);
        sim.law.push(recorded(Failed, 1, 1));
        assert!(matches!(sim.law.next(0), Step::Send(..)));
        sim.law.lose(Lost::Elsewhere);
        sim.law.answered(MS, verdict);
        sim.law.begin_flush(MS, MS, DEADLINE);
        assert_eq!(sim.run(MS, |_| panic!("it is the other process's")), Rest::Done);
        settled(&mut sim)
    };
    assert_eq!(told(Verdict::Accepted), [(1, Outcome::Sent)]);
    let left = |doubt| [(1, Outcome::Left(elsewhere(), doubt))];
    assert_eq!(told(not_sent()), left(Doubt::NotArrived));
    assert_eq!(told(unavailable()), left(Doubt::MayHaveArrived));
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
