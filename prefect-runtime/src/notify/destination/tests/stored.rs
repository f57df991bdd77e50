//! What is in a store besides: messages of this run, and what others have left.
use super::*;

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
