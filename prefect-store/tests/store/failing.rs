//! Every call that the writer makes to the database, failing in every way.
use std::time::Duration;

use prefect_store::{
    ClaimRefused, Fault, Faults, IfBusy, LostReason, Micros, Options, Parked, Store, StoreError, Tick, TickAnswer,
};

use crate::support::*;

fn options(faults: &Faults) -> Options {
    failing(Options::default().clock(Time::new().clock()), faults)
}

/// A run of every kind of change; whatever the store refuses is asked for again, and what it says it did not do must not be
/// there.
fn work(store: &Store, place: &Place) {
    let run = loop {
        match store.begin(new_run("one")) {
            Ok(run) => break run,
            Err(error) => {
                assert!(error.may_pass(), "{error}");
                assert_eq!(place.number("SELECT count(*) FROM flow_runs"), 0, "{error}");
            }
        }
    };
    let mut done = finish(0, None).with_result(1, vec![4; 500]);
    done.notifications = vec![told(1, "done")];
    record(&run, vec![start(0, None), done]);
    record(&run, vec![start(1, Some(0)), start(1, Some(1))]);
    record(&run, vec![finish(1, Some(0))]);
    let position = run.record_run(flow_change(S::PAUSED, 2));
    run.wait(position).unwrap();
    drop(run);
    let again = loop {
        match store.claim(&store.run("one").unwrap(), Parked::Refuse) {
            Ok(run) => break run,
            Err(refused) => assert!(matches!(&refused, ClaimRefused::Store(_)), "{refused}"),
        }
    };
    record(&again, vec![finish(1, Some(1))]);
    end(&again, S::SUCCESS);
}

/// Every call fails once, and every fifth one twice.
fn whichever_call_fails(fault: Fault) {
    let clean = {
        let place = Place::in_memory();
        let faults = Faults::default();
        work(&place.open_with(options(&faults)), &place);
        assert!(faults.calls() > 25, "{} calls", faults.calls());
        dump(&place.sql())
    };
    for (times, step) in [(1, 1), (2, 5)] {
        for nth in (1..).step_by(step) {
            let place = Place::in_memory();
            let faults = Faults::default();
            faults.fail(nth, times, fault);
            work(&place.open_with(options(&faults)), &place);
            check(&place.sql());
            assert_eq!(dump(&place.sql()), clean, "{fault:?} at call {nth}, {times} times");
            if faults.calls() < nth {
                break;
            }
        }
    }
}

#[test]
fn nothing_is_lost_or_doubled_if_the_database_is_held() {
    whichever_call_fails(Fault::Busy);
}

#[test]
fn nothing_is_lost_or_doubled_if_the_disk_fails() {
    whichever_call_fails(Fault::Io);
}

#[test]
fn nothing_is_lost_or_doubled_if_the_disk_is_full() {
    whichever_call_fails(Fault::Full);
}

#[test]
fn nothing_is_lost_or_doubled_if_the_answer_to_a_commit_is_lost() {
    whichever_call_fails(Fault::AnswerLost);
}

/// Somebody goes on with a run that has paused, before the one who recorded that has heard that it is committed.
#[test]
fn a_run_that_was_taken_before_the_answer_came_has_paused_all_the_same() {
    let place = Place::new();
    let faults = Faults::default();
    let store = place.open_with(options(&faults));
    let (run, late) = (store.begin(new_run("one")).unwrap(), store.begin(new_run("two")).unwrap());
    faults.fail(crate::CALLS_OF_A_BATCH, u64::MAX, Fault::AnswerLost);
    let paused = run.record_run(flow_change(S::PAUSED, 2));
    let other = place.open();
    while other.run("one").unwrap().state != S::PAUSED {
        std::thread::yield_now();
    }
    let again = other.claim(&other.run("one").unwrap(), Parked::Refuse).unwrap();
    // Of one that was taken while it was not given up, nothing is.
    place.sql().execute_batch("UPDATE flow_runs SET epoch=epoch+1, proc_no=NULL WHERE name='two'").unwrap();
    faults.heal();
    assert_eq!((run.wait(paused), run.lost()), (Ok(()), None));
    let lost = late.wait(late.record_run(flow_change(S::PAUSED, 2))).unwrap_err();
    assert!(matches!(lost.reason, LostReason::TakenOver { by: None, .. }), "{lost:?}");
    record(&again, vec![start(0, None), finish(0, None)]);
    end(&again, S::SUCCESS);
}

#[test]
fn what_cannot_be_written_for_too_long_is_lost_and_said_so() {
    for fault in [Fault::Busy, Fault::Io, Fault::Full] {
        let place = Place::new();
        let faults = Faults::default();
        let store = place.open_with(options(&faults).keep_trying(Duration::from_millis(50)));
        let run = store.begin(new_run("one")).unwrap();
        record(&run, vec![start(0, None)]);
        faults.fail(1, u64::MAX, fault);
        let first = run.record(finish(0, None));
        let lost = run.wait(first).unwrap_err();
        let LostReason::Unwritable(error) = &lost.reason else { panic!("{lost:?}") };
        assert!(error.may_pass());
        if fault == Fault::Full {
            assert_eq!(*error, StoreError::Full(place.location()));
            assert!(lost.to_string().ends_with("is full: make room, then go on with the run"), "{lost}");
        }
        // It stays lost: what follows does not fit what is there.
        faults.heal();
        assert_eq!(run.wait(run.record(start(1, None))).unwrap_err(), lost);
        assert_eq!(place.number("SELECT count(*) FROM transitions"), 2);
        check(&place.sql());
        // Other runs go on.
        end(&store.begin(new_run("two")).unwrap(), S::SUCCESS);
    }
}

/// Three runs are written in one transaction, and the database takes none of it because of one.
#[test]
fn what_the_database_refuses_costs_only_the_run_that_has_it() {
    let place = Place::new();
    let store = place.open_with(Options::default().keep_trying(Duration::ZERO));
    let runs = ["one", "two", "three"].map(|name| store.begin(new_run(name)).unwrap());
    let holder = store.begin(new_run("holder")).unwrap();
    place.sql().execute_batch(crate::REFUSES_66).unwrap();
    let held = hold_writer(&holder);
    let first = runs.each_ref().map(|run| run.record_many([start(0, None), finish(0, None)]).unwrap());
    let bad = runs[1].record(start(66, None));
    let later = runs.each_ref().map(|run| run.record(start(1, None)));
    drop(held);
    for i in [0, 2] {
        assert_eq!((runs[i].wait(first[i]), runs[i].wait(later[i])), (Ok(()), Ok(())));
        end(&runs[i], S::SUCCESS);
    }
    let lost = runs[1].wait(bad).unwrap_err();
    let LostReason::Unwritable(error) = &lost.reason else { panic!("{lost:?}") };
    assert!(!error.may_pass() && error.to_string().contains("66"), "{error}");
    assert_eq!(runs[1].wait(later[1]).unwrap_err(), lost);
    end(&holder, S::SUCCESS);
    check(&place.sql());
    // What was recorded of it before is there, and it can go on.
    drop(runs);
    // By then it is given back.
    assert_eq!(store.reap().unwrap(), []);
    let again = store.claim(&store.run("two").unwrap(), Parked::Refuse).unwrap();
    record(&again, vec![start(0, None), finish(0, None)]);
    end(&again, S::SUCCESS);
    check(&place.sql());
}

/// The disk has room for one more: what is written together finds none, and one of them does when it is alone.
#[test]
fn of_several_runs_that_find_no_room_each_is_tried_alone() {
    let place = Place::new();
    let faults = Faults::default();
    let store = place.open_with(options(&faults).keep_trying(Duration::ZERO));
    let runs = ["one", "two"].map(|name| store.begin(new_run(name)).unwrap());
    let holder = store.begin(new_run("holder")).unwrap();
    let held = hold_writer(&holder);
    faults.fail(1, 1, Fault::Full);
    let positions = runs.each_ref().map(|run| run.record(start(0, None)));
    drop(held);
    assert_eq!([0, 1].map(|i| runs[i].wait(positions[i])), [Ok(()), Ok(())]);
    check(&place.sql());
}

/// What asks for a run, and is told that it was not given.
type Asks = fn(&Store) -> Result<(), StoreError>;

fn begins(store: &Store) -> Result<(), StoreError> {
    store.begin(new_run("begun")).map(drop)
}

fn begins_by_a_tick(store: &Store) -> Result<(), StoreError> {
    let tick = Tick { schedule: "etl".into(), at: Micros(5), next: None, if_busy: IfBusy::Begin };
    match store.begin_tick(new_run("ticked"), tick)? {
        TickAnswer::Begun(run) => drop(run),
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn claims(store: &Store) -> Result<(), StoreError> {
    match store.claim(&store.run("claimed").unwrap(), Parked::Refuse) {
        Ok(run) => drop(run),
        Err(ClaimRefused::Store(error)) => return Err(error),
        Err(refused) => panic!("{refused}"),
    }
    Ok(())
}

/// A store that is known, with a run that can be claimed.
fn asked(faults: &Faults) -> (Place, Store) {
    let place = Place::new();
    let store = place.open_with(options(faults));
    end(&store.begin(new_run("claimed")).unwrap(), S::FAILED);
    (place, store)
}

/// The commit is done, and whoever asks has to be told that it is not known. The process lives on: nobody else could take the run
/// from it.
#[test]
fn a_run_that_was_given_without_an_answer_can_be_taken_again() {
    for (name, asks) in [("begun", begins as Asks), ("ticked", begins_by_a_tick), ("claimed", claims)] {
        let epoch = format!("SELECT coalesce(max(epoch), 0) FROM flow_runs WHERE name='{name}'");
        let faults = Faults::default();
        let (place, store) = asked(&faults);
        let before = faults.calls();
        asks(&store).unwrap();
        store.reap().unwrap();
        let all = faults.calls() - before;
        drop((place, store));
        let mut lost = 0;
        for commit in 1..=all {
            let faults = Faults::default();
            let (place, store) = asked(&faults);
            let first = place.number(&epoch);
            // Longer than it is looked what became of it.
            faults.fail(commit, 12, Fault::AnswerLost);
            let error = asks(&store).err();
            faults.heal();
            // The second one stands behind what the writer does when it has time.
            assert_eq!((store.reap().unwrap(), store.reap().unwrap()), (vec![], vec![]));
            let Some(error) = error else { continue };
            let there = place.number(&epoch);
            if there == first {
                assert!(error.may_pass());
                continue;
            }
            lost += 1;
            let row = store.run(name).unwrap();
            assert_eq!((row.state, row.owner.clone(), row.crashes), (S::CRASHED, None, 0), "call {commit}");
            let again = store.claim(&row, Parked::Refuse).unwrap();
            record(&again, vec![start(0, None), finish(0, None)]);
            end(&again, S::SUCCESS);
            check(&place.sql());
        }
        assert_eq!(lost, 1, "one of the calls is the commit");
    }
}

/// The same if the process has no time any more to find it out before its end; and of runs that could not be given back.
#[test]
fn what_a_process_gives_back_at_its_end_is_not_put_down_to_its_runs() {
    for commit in 1.. {
        let faults = Faults::default();
        let (place, store) = asked(&faults);
        let run = store.begin(new_run("dropped")).unwrap();
        let before = faults.calls();
        faults.fail(commit, u64::MAX, Fault::AnswerLost);
        let begun = store.begin(new_run("run"));
        let calls = faults.calls() - before;
        let is_given = begun.is_ok();
        drop((run, begun));
        // Whatever it does when it has time fails.
        store.reap().unwrap_err();
        faults.heal();
        drop(store);
        assert_eq!(place.open().reap().unwrap(), [], "call {commit}");
        let left = "SELECT count(*) FROM flow_runs WHERE proc_no IS NOT NULL OR crashes > 0";
        assert_eq!(place.number(left), 0, "call {commit}");
        check(&place.sql());
        if is_given && calls < commit {
            break;
        }
    }
}

#[test]
fn a_reaper_that_fails_can_be_asked_again() {
    for nth in 1.. {
        let (place, time) = (Place::in_memory(), Time::new());
        let there = place.open_with(on_machine("there", &time));
        let run = there.begin(new_run("one")).unwrap();
        record(&run, vec![start(0, None), start(1, None)]);
        time.pass(Duration::from_secs(31));
        let (here, faults) = place.open_failing(on_machine("here", &time));
        faults.fail(nth, 1, Fault::Io);
        let first = here.reap();
        faults.heal();
        let second = here.reap().unwrap();
        assert_eq!(first.map_or(0, |reaped| reaped.len()) + second.len(), 1, "call {nth}");
        let row = here.run("one").unwrap();
        assert_eq!((row.state, row.crashes), (S::CRASHED, 1));
        check(&place.sql());
        if faults.calls() < nth {
            break;
        }
    }
}

/// The owner's lease is not over: only its file tells that it is gone.
#[test]
fn a_reaper_that_fails_between_two_runs_finds_the_other_one_at_once() {
    for nth in 1.. {
        let place = Place::in_memory();
        let (of_the_dead, faults) = (Faults::default(), Faults::default());
        let dead = place.open_with(options(&of_the_dead));
        let runs = ["one", "two"].map(|name| dead.begin(new_run(name)).unwrap());
        of_the_dead.fail(1, u64::MAX, Fault::Full);
        drop((runs, dead));
        let here = place.open_with(options(&faults));
        faults.fail(nth, 1, Fault::Io);
        let first = here.reap();
        faults.heal();
        let second = here.reap().unwrap();
        assert_eq!(first.map_or(0, |reaped| reaped.len()) + second.len(), 2, "call {nth}");
        check(&place.sql());
        if faults.calls() < nth {
            break;
        }
    }
}

#[test]
fn a_writer_that_panics_leaves_nobody_waiting() {
    let place = Place::new();
    let faults = Faults::default();
    let store = place.open_with(options(&faults));
    let run = store.begin(new_run("one")).unwrap();
    record(&run, vec![start(0, None)]);
    // In the middle of what is written, if that takes more than one call.
    faults.fail(crate::CALLS_OF_A_BATCH.div_ceil(2), 1, Fault::Panic);
    let lost = run.wait(run.record(finish(0, None))).unwrap_err();
    assert_eq!(lost.reason, LostReason::Unwritable(StoreError::WriterGone(place.location())));
    assert_eq!(run.wait(run.record(start(1, None))).unwrap_err(), lost);
    assert_eq!(store.begin(new_run("two")).unwrap_err(), StoreError::WriterGone(place.location()));
    assert_eq!(store.task_runs(run.id()).unwrap().len(), 1, "it can still be read");
    drop((run, store));
    // For all others this process is gone.
    assert_eq!(place.open_with(options(&Faults::default())).reap().unwrap().len(), 1);
    check(&place.sql());
}
