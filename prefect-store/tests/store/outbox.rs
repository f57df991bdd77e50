//! Notifications: who has them, how often they are tried, what is counted, who hears of a crash.
use std::sync::Barrier;
use std::time::Duration;

use prefect_store::{
    Arrival, DOUBTFUL_TRIES, Fate, Fault, Faults, Listed, Mark, Micros, NotificationRef, NotificationStatus, Options,
    OwnedRun, Store, TRIES, TaskChange, ToSend, Wanted,
};

use crate::owners::{LEASE, SECOND};
use crate::support::*;

fn due(to: &str) -> Wanted {
    Wanted::Due { kind: "slack".into(), to: to.into(), limit: 100 }
}

fn mark(store: &Store, id: i64, fate: Fate) {
    store.mark(vec![Mark { of: NotificationRef::row(id), fate }]);
    store.wait_for_marks().unwrap();
}

fn left(arrival: Arrival) -> Fate {
    Fate::Left { why: "slack: 503".into(), arrival }
}

/// A run with so many messages, each with a change of a child.
fn run_with(store: &Store, messages: u32) -> OwnedRun {
    let run = store.begin(new_run("one")).unwrap();
    for ticket in 0..messages {
        let mut change = start(0, Some(ticket));
        change.notifications = vec![told(ticket, &format!("message {ticket}"))];
        record(&run, vec![change]);
    }
    run
}

fn statuses(store: &Store) -> Vec<NotificationStatus> {
    store.notifications(Listed::All).unwrap().into_iter().map(|row| row.status).collect()
}

#[test]
fn what_is_recorded_is_its_owners_until_that_says_what_became_of_it_or_ends() {
    use NotificationStatus::{GivenUp, Sent, Taken, Waits};
    let (place, other) = (Place::new(), Place::new());
    let store = place.open();
    let run = run_with(&store, 4);
    assert_eq!(statuses(&store), [Taken; 4]);
    assert_eq!(place.open().take_notifications(due("HOOK")).unwrap(), [], "they are somebody's");
    let fates = [Fate::Sent, left(Arrival::No), Fate::GivenUp("no_service".into())];
    store.mark((0..).zip(fates).map(|(ticket, fate)| Mark { of: run.tickets().of(ticket), fate }).collect());
    store.wait_for_marks().unwrap();
    assert_eq!(statuses(&store), [Sent, Waits, GivenUp, Taken]);
    let rows = store.notifications(Listed::Unsent).unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0].run, Some((run.id(), "one".to_owned())));
    assert_eq!((rows[0].state, rows[0].changes, rows[0].tries, rows[0].created_at), (S::RUNNING, 1, 1, Micros(20)));
    assert_eq!(
        (rows[0].message.clone(), rows[0].last_error.as_deref()),
        (message("HOOK", "message 1"), Some("slack: 503"))
    );
    end(&run, S::SUCCESS);
    drop((run, store));
    let store = place.open();
    assert_eq!(statuses(&store), [Sent, Waits, GivenUp, Waits]);
    assert_eq!(store.due_notifications().unwrap(), [("slack".to_owned(), "HOOK".to_owned())]);
    let taken = store.take_notifications(due("HOOK")).unwrap();
    assert_eq!(
        taken.iter().map(|taken| taken.message.payload.as_str()).collect::<Vec<_>>(),
        ["message 1", "message 3"]
    );
    assert_eq!(other.open().due_notifications().unwrap(), []);
}

/// Eight processes want the same hundred: each is one's.
#[test]
fn of_several_that_want_a_notification_one_gets_it() {
    let place = Place::new();
    drop(run_with(&place.open(), 100));
    let start = Barrier::new(8);
    let mut taken: Vec<i64> = std::thread::scope(|scope| {
        let takers: Vec<_> = (0..8)
            .map(|_| {
                let (place, start) = (&place, &start);
                scope.spawn(move || {
                    let store = place.open();
                    start.wait();
                    let mut mine = Vec::new();
                    loop {
                        let wanted = Wanted::Due { kind: "slack".into(), to: "HOOK".into(), limit: 3 };
                        let taken = store.take_notifications(wanted).unwrap();
                        if taken.is_empty() {
                            // Whoever ends gives back what it has.
                            store.mark(
                                mine.iter()
                                    .map(|id| Mark { of: NotificationRef::row(*id), fate: Fate::Sent })
                                    .collect(),
                            );
                            store.wait_for_marks().unwrap();
                            return mine;
                        }
                        mine.extend(taken.into_iter().map(|taken| taken.id));
                    }
                })
            })
            .collect();
        takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect()
    });
    taken.sort_unstable();
    assert_eq!(taken, (1..=100).collect::<Vec<_>>());
    assert_eq!(place.number("SELECT count(*) FROM outbox WHERE status = 2 AND proc_no IS NULL"), 100);
}

/// The process lives on, and nobody in it knows that it has them.
#[test]
fn what_was_taken_by_an_answer_that_was_lost_is_given_back() {
    let prepared = |faults: &Faults| {
        let place = Place::new();
        drop(run_with(&place.open(), 2));
        let store = place.open_with(failing(Options::default(), faults));
        // It is known from here on.
        assert_eq!(store.take_notifications(due("ANOTHER")).unwrap(), []);
        (place, store)
    };
    let faults = Faults::default();
    let (_place, store) = prepared(&faults);
    let before = faults.calls();
    let wanted = store.take_notifications(due("HOOK")).unwrap();
    let commit = faults.calls() - before;
    assert_eq!(wanted.len(), 2);
    for fault in [Fault::AnswerLost, Fault::Io] {
        // So often what it may have cannot be given back either.
        for times in [1, 2, 5] {
            let faults = Faults::default();
            let (place, store) = prepared(&faults);
            faults.fail(commit, times, fault);
            store.take_notifications(due("HOOK")).unwrap_err();
            faults.heal();
            store.wait_for_marks().unwrap();
            let rows = store.notifications(Listed::Unsent).unwrap();
            assert_eq!(rows.iter().map(|row| row.tries).collect::<Vec<_>>(), [1, 1], "{fault:?}, {times} times");
            assert_eq!(statuses(&store), [NotificationStatus::Waits; 2]);
            // Whoever asks next gets them.
            assert_eq!(place.open().take_notifications(due("HOOK")).unwrap(), wanted);
        }
    }
}

/// How often it is taken until it is given up.
fn tries(arrival: Arrival) -> u32 {
    let (place, time) = (Place::new(), Time::new());
    drop(run_with(&place.open_with(on_machine("here", &time)), 1));
    let store = place.open_with(on_machine("here", &time));
    for taken in 1.. {
        let Some(ToSend { id, .. }) = store.take_notifications(due("HOOK")).unwrap().pop() else { return taken };
        mark(&store, id, left(arrival));
        assert_eq!(store.take_notifications(due("HOOK")).unwrap(), [], "not before some time has passed");
        time.pass(Duration::from_hours(6));
    }
    0
}

#[test]
fn a_notification_is_given_up_some_time() {
    // Who recorded it was the first.
    assert_eq!(tries(Arrival::No), TRIES);
    assert_eq!(tries(Arrival::Perhaps), DOUBTFUL_TRIES);
}

#[test]
fn one_that_was_not_tried_is_as_if_it_had_not_been_taken() {
    let place = Place::new();
    let store = place.open();
    drop(run_with(&store, 1));
    drop(store);
    let store = place.open();
    for _ in 0..2 * TRIES {
        let taken = store.take_notifications(due("HOOK")).unwrap();
        assert_eq!(taken.len(), 1);
        mark(&store, taken[0].id, Fate::Untried("no time".into()));
    }
    let row = &store.notifications(Listed::Unsent).unwrap()[0];
    assert_eq!((row.tries, row.status, row.last_error.as_deref()), (1, NotificationStatus::Waits, Some("no time")));
}

#[test]
fn what_was_given_up_is_revived_by_who_asks_for_it() {
    let place = Place::new();
    let store = place.open();
    drop(run_with(&store, 2));
    drop(store);
    let store = place.open();
    mark(&store, 1, Fate::GivenUp("late".into()));
    assert_eq!(statuses(&store)[0], NotificationStatus::Waits, "it was not this process's");
    store.take_notifications(Wanted::These(vec![1, 2])).unwrap();
    mark(&store, 1, Fate::GivenUp("no_service".into()));
    assert_eq!(store.take_notifications(Wanted::These(vec![2, 3])).unwrap(), [], "taken, and not there");
    let revived = store.take_notifications(Wanted::These(vec![1])).unwrap();
    assert_eq!(revived.len(), 1);
    assert_eq!(store.notifications(Listed::All).unwrap()[0].tries, 1);
}

#[test]
fn what_is_told_together_is_counted_with_the_changes_and_by_cause() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    let change = |child: u32, cause: &str| {
        let mut change = start(0, Some(child));
        change.notifications = vec![told_because(7, cause)];
        change
    };
    record(&run, (0..3000).map(|child| change(child, if child % 3 == 0 { "a" } else { "b" })).collect());
    // Refused with its change: it is not counted.
    let position = run.record_many([change(0, "c"), change(9000, "d")]).unwrap();
    assert!(run.wait(position).is_err());
    drop((run, store));
    let store = place.open();
    let taken = store.take_notifications(due("HOOK")).unwrap();
    let causes = vec![("b".to_owned(), 2000), ("a".to_owned(), 1000)];
    assert_eq!(taken, [ToSend { id: 1, message: message("HOOK", "some"), changes: 3000, causes }]);
}

#[test]
fn who_is_to_hear_of_a_crash_does_once_for_each_crash() {
    let (place, time) = (Place::new(), Time::new());
    let there = place.open_with(on_machine("there", &time));
    let run = there.begin(new_run("one")).unwrap();
    run.tell_of_crash(vec![message("OLD", "crashed")]).unwrap();
    run.tell_of_crash(vec![message("A", "crashed"), message("B", "crashed"), message("A", "twice")]).unwrap();
    record(&run, vec![start(0, None)]);
    let here = place.open_with(on_machine("here", &time));
    assert_eq!(here.reap().unwrap(), []);
    assert_eq!(here.notifications(Listed::All).unwrap(), []);
    time.pass(LEASE);
    assert_eq!(here.reap().unwrap(), []);
    time.pass(SECOND);
    assert_eq!(here.reap().unwrap().len(), 1);
    assert_eq!(place.open_with(on_machine("third", &time)).reap().unwrap(), []);
    let told: Vec<_> =
        here.notifications(Listed::All).unwrap().into_iter().map(|row| (row.message, row.state, row.status)).collect();
    let expected = |to| (message(to, "crashed"), S::CRASHED, NotificationStatus::Waits);
    assert_eq!(told, [expected("A"), expected("B")]);

    // Who goes on has the last word, and one that was taken for dead has none.
    let again = here.claim(&here.run("one").unwrap(), prefect_store::Parked::Refuse).unwrap();
    again.tell_of_crash(vec![message("C", "crashed again")]).unwrap();
    run.tell_of_crash(vec![message("LATE", "crashed")]).unwrap();
    drop(again);
    here.reap().unwrap();
    let last = here.notifications(Listed::All).unwrap().pop().unwrap();
    assert_eq!(last.message, message("C", "crashed again"));

    // One that ends tells nobody.
    let good = here.begin(new_run("two")).unwrap();
    good.tell_of_crash(vec![message("A", "crashed")]).unwrap();
    record(&good, vec![TaskChange::new(0, None, (S::PENDING, S::RUNNING), 1, 1, Micros(1))]);
    end(&good, S::FAILED);
    assert_eq!(here.notifications(Listed::All).unwrap().len(), 3);
}

/// The process was taken for dead while the message was on its way; it was not sent again yet.
#[test]
fn what_was_sent_is_sent_whoever_has_it() {
    let (place, time) = (Place::new(), Time::new());
    let there = place.open_with(on_machine("there", &time));
    let run = run_with(&there, 2);
    time.pass(LEASE + SECOND);
    let here = place.open_with(on_machine("here", &time));
    here.reap().unwrap();
    let of = run.tickets().of(0);
    there.mark(vec![Mark { of, fate: Fate::Sent }, Mark { of: run.tickets().of(1), fate: left(Arrival::No) }]);
    there.wait_for_marks().unwrap();
    assert_eq!(statuses(&here), [NotificationStatus::Sent, NotificationStatus::Waits]);
    assert_eq!(here.take_notifications(due("HOOK")).unwrap().len(), 1);
}
