//! What stays of old runs because somebody needs it: notifications that wait, and what is known of ticks.
use prefect_store::{
    Fate, IfBusy, Mark, Micros, NotificationRef, NotificationStatus, OwnedRun, Prune, PruneStep, ScheduleSeen, Store,
    Tick, TickAnswer, Wanted,
};

use crate::support::*;

fn old(before: i64) -> Prune {
    Prune { ended_before: Micros(before), keep: 0 }
}

fn prunable(store: &Store) -> (u64, u64) {
    let found = store.count_prunable(&old(1000)).unwrap();
    (found.runs, found.held_up)
}

/// A run that has ended, of which two notifications are recorded.
fn told_run(store: &Store, name: &str) -> OwnedRun {
    let run = store.begin(new_run(name)).unwrap();
    let mut change = start(0, None);
    change.notifications = vec![told(1, "one"), told(2, "two")];
    record(&run, vec![change, finish(0, None)]);
    end(&run, S::SUCCESS);
    run
}

#[test]
fn a_run_stays_until_its_notifications_are_sent_or_given_up() {
    let place = Place::new();
    let store = place.open();
    let fate = |run: &OwnedRun, ticket, fate| {
        store.mark(vec![Mark { of: run.tickets().of(ticket), fate }]);
        store.wait_for_marks().unwrap();
    };
    let (sent, waits) = (told_run(&store, "sent"), told_run(&store, "waits"));
    // This process has all of them.
    assert_eq!(prunable(&store), (0, 2));
    assert_eq!(store.prune(&old(1000), |_| {}).unwrap().runs, 0);
    (1..=2).for_each(|ticket| fate(&sent, ticket, Fate::Sent));
    fate(&waits, 1, Fate::GivenUp("no_service".into()));
    fate(&waits, 2, Fate::Untried("no time".into()));
    assert_eq!(prunable(&store), (1, 1));
    assert_eq!(store.prune(&old(1000), |_| {}).unwrap().runs, 1);
    // All of it stays: what was given up can be tried again.
    let rows = store.notifications(prefect_store::Listed::All).unwrap();
    let statuses: Vec<_> = rows.iter().map(|row| (row.run.clone().unwrap().1, row.status)).collect();
    let of = |status| ("waits".to_owned(), status);
    assert_eq!(statuses, [of(NotificationStatus::GivenUp), of(NotificationStatus::Waits)]);
    let due = Wanted::Due { kind: "slack".into(), to: "HOOK".into(), limit: 9 };
    let taken = store.take_notifications(due).unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(prunable(&store), (0, 1));
    store.mark(vec![Mark { of: NotificationRef::row(taken[0].id), fate: Fate::Sent }]);
    store.wait_for_marks().unwrap();
    assert_eq!(prunable(&store), (1, 0));
    assert_eq!(store.prune(&old(1000), |_| {}).unwrap().runs, 1);
    assert_eq!(place.number("SELECT count(*) FROM outbox"), 0);
}

fn seen(schedule: &str, description: &str, at: i64) -> ScheduleSeen {
    let (description, catch_up, overlap) = (description.into(), "latest".into(), "skip".into());
    ScheduleSeen { schedule: schedule.into(), description, catch_up, overlap, next: None, at: Micros(at) }
}

fn tick(schedule: &str, at: i64) -> Tick {
    Tick { schedule: schedule.into(), at: Micros(at), next: None, if_busy: IfBusy::Begin }
}

fn begin(store: &Store, schedule: &str, at: i64) -> TickAnswer {
    store.begin_tick(new_run(&format!("{schedule} {at}")), tick(schedule, at)).unwrap()
}

fn begun(store: &Store, schedule: &str, at: i64) -> OwnedRun {
    match begin(store, schedule, at) {
        TickAnswer::Begun(run) => run,
        other => panic!("{schedule} at {at}: {other:?}"),
    }
}

fn skip(store: &Store, schedule: &str, ticks: &[i64]) {
    ticks.iter().for_each(|at| store.skip_tick(schedule, Micros(*at)).unwrap());
}

fn ticks(store: &Store, schedule: &str) -> Vec<i64> {
    store.ticks(schedule, 10_000).unwrap().into_iter().map(|tick| tick.at.0).rev().collect()
}

#[test]
fn ticks_go_when_they_are_old_and_stay_decided() {
    let place = Place::new();
    let store = place.open();
    for schedule in ["etl", "report", "rare"] {
        store.see_schedule(seen(schedule, "hourly", 1)).unwrap();
    }
    // What has a run stays, whatever became of it.
    let (ended, paused) = (begun(&store, "etl", 10), begun(&store, "etl", 30));
    end(&ended, S::SUCCESS);
    end(&paused, S::PAUSED);
    skip(&store, "etl", &[20, 40, 50, 900, 1100]);
    skip(&store, "report", &[15, 25]);
    store.skip_tick("rare", Micros(5)).unwrap();
    // Nobody has said that there is such a schedule: nothing could say up to where its ticks are decided.
    skip(&store, "unseen", &[1, 2]);
    let pruned = store.prune(&old(1000), |_| {}).unwrap();
    assert_eq!((pruned.runs, pruned.ticks), (1, 6));
    assert_eq!(ticks(&store, "etl"), [30, 1100]);
    assert_eq!((ticks(&store, "report"), ticks(&store, "rare")), (vec![25], vec![5]), "the last of each stays");
    assert_eq!(ticks(&store, "unseen"), [1, 2]);
    // Whoever comes late, from a long sleep say, does not get them.
    for at in [10, 20, 30, 40, 50, 900, 1100] {
        assert!(matches!(begin(&store, "etl", at), TickAnswer::Taken), "{at}");
        store.skip_tick("etl", Micros(at)).unwrap();
    }
    assert_eq!(ticks(&store, "etl"), [30, 1100], "nor is one noted down again");
    assert!(matches!(begin(&store, "report", 15), TickAnswer::Taken));
    end(&begun(&store, "report", 16), S::SUCCESS);
    end(&begun(&store, "etl", 901), S::SUCCESS);
    let row = |name: &str| store.schedule(name, Micros(35)).unwrap().unwrap();
    assert_eq!((row("etl").ticks_gone, row("report").ticks_gone), (Some(Micros(900)), Some(Micros(15))));
    assert_eq!((row("etl").last.unwrap().at, row("rare").ticks_gone), (Micros(30), None));
    // It is noted for good, also by who removes less.
    store.prune(&old(950), |_| {}).unwrap();
    store.see_schedule(seen("etl", "hourly", 2000)).unwrap();
    store.see_schedule(seen("etl", "daily", 2100)).unwrap();
    assert_eq!(row("etl").ticks_gone, Some(Micros(901)));
    check(&place.sql());
}

/// Somebody has pruned while the clock was years ahead: the schedule is served again when it has another text.
#[test]
fn a_new_schedule_begins_anew_after_a_clock_that_was_ahead() {
    let place = Place::new();
    let store = place.open();
    store.see_schedule(seen("etl", "hourly", 1)).unwrap();
    skip(&store, "etl", &[10, 9000, 9999]);
    assert_eq!(store.prune(&old(20_000), |_| {}).unwrap().ticks, 2);
    store.see_schedule(seen("etl", "hourly", 20)).unwrap();
    assert!(matches!(begin(&store, "etl", 30), TickAnswer::Taken));
    store.see_schedule(seen("etl", "daily", 20)).unwrap();
    end(&begun(&store, "etl", 30), S::SUCCESS);
}

#[test]
fn many_ticks_go_a_few_at_a_time() {
    let place = Place::new();
    let store = place.open();
    ["a", "b", "c"].iter().for_each(|schedule| store.see_schedule(seen(schedule, "hourly", 1)).unwrap());
    for (schedule, count) in [("a", 700), ("b", 3), ("c", 499)] {
        let rows: Vec<String> = (1..=count).map(|at| format!("('{schedule}', {at})")).collect();
        let sql = format!("INSERT INTO ticks(schedule, tick_at) VALUES {}", rows.join(", "));
        place.sql().execute_batch(&sql).unwrap();
    }
    let mut told = Vec::new();
    let pruned = store.prune(&old(10_000), |step| {
        if let PruneStep::Ticks(n) = step {
            told.push(n);
        }
    });
    assert_eq!(pruned.unwrap().ticks, 699 + 2 + 498);
    assert_eq!(told, [500, 1000, 1199]);
    assert_eq!(place.sql().rows("SELECT schedule, tick_at FROM ticks ORDER BY schedule").len(), 3);
}

/// Wherever it is interrupted, no tick is gone that does not count as decided.
#[test]
fn no_fault_lets_a_tick_be_decided_again() {
    for nth in 1.. {
        let place = Place::in_memory();
        let options = prefect_store::Options::default();
        let faults = options.faults.clone();
        let store = place.open_with(options);
        store.see_schedule(seen("etl", "hourly", 1)).unwrap();
        skip(&store, "etl", &[10, 20, 30]);
        faults.fail(nth, 1, prefect_store::Fault::AnswerLost);
        let done = store.prune(&old(1000), |_| {});
        faults.heal();
        for at in [10, 20, 30] {
            assert!(matches!(begin(&store, "etl", at), TickAnswer::Taken), "{at} after call {nth}");
        }
        if done.is_ok() {
            assert!(nth > 5, "{nth}");
            break;
        }
    }
}
