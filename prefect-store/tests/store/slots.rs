//! Places of what is limited, over several processes.
use std::time::Duration;

use prefect_store::{Fault, Options, OwnedRun, SlotOwner, Slots, SlotsWanted, Store, Taking};

use crate::support::*;

fn places(wanted: &[(&str, u32)]) -> SlotsWanted {
    let places = wanted.iter().map(|(name, limit)| ((*name).to_owned(), *limit)).collect();
    SlotsWanted { places, ..SlotsWanted::default() }
}

/// More waits for this one of them.
fn and_more(wanted: &SlotsWanted, name: &str) -> SlotsWanted {
    SlotsWanted { more: vec![name.to_owned()], ..wanted.clone() }
}

fn starts(name: &str, interval: Duration) -> SlotsWanted {
    SlotsWanted { starts: vec![(name.to_owned(), interval)], ..SlotsWanted::default() }
}

fn owner(run: &OwnedRun, index: u32) -> SlotOwner {
    run.slot_owner(Some((1, Some(index))), Some(format!("load[{index}]")))
}

fn take(store: &Store, run: &OwnedRun, wanted: &SlotsWanted) -> Option<Slots> {
    match store.take_slots(&owner(run, 0), wanted).unwrap() {
        Taking::Taken(slots) => Some(slots),
        Taking::Full(_) | Taking::NotBefore { .. } => None,
        Taking::Lost => panic!("lost"),
    }
}

fn give_back(store: &Store, slots: Slots) {
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    store.give_back(slots, done);
    // The channel ends when it is done.
    is_done.recv_timeout(Duration::from_mins(1)).unwrap_err();
}

fn taken(store: &Store) -> Vec<(String, u32)> {
    store.slots().unwrap().into_iter().map(|slot| (slot.name, slot.slot)).collect()
}

#[test]
fn all_that_is_wanted_or_nothing() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("brave-otter")).unwrap();
    let both = take(&store, &run, &places(&[("a", 1), ("b", 2)])).unwrap();
    let b = take(&store, &run, &places(&[("b", 2)])).unwrap();
    assert_eq!(taken(&store), [("a".into(), 0), ("b".into(), 0), ("b".into(), 1)]);
    let full = match store.take_slots(&owner(&run, 7), &places(&[("a", 2), ("b", 2)])).unwrap() {
        Taking::Full(full) => full,
        other => panic!("{other:?}"),
    };
    assert_eq!((full.name.as_str(), full.limit, full.taken), ("b", 2, 2));
    let holder = full.holder.unwrap();
    assert_eq!((holder.run_name.as_str(), holder.task.as_deref()), ("brave-otter", Some("load[0]")));
    assert_eq!(taken(&store).len(), 3, "nothing of `a` was taken");
    give_back(&store, both);
    assert_eq!(taken(&store), [("b".into(), 1)]);
    let again = take(&store, &run, &places(&[("b", 2)])).unwrap();
    assert_eq!(taken(&store), [("b".into(), 0), ("b".into(), 1)], "the lowest number that is free");
    give_back(&store, again);
    give_back(&store, b);
    assert_eq!(taken(&store), []);
}

/// Two processes that want the same for ever take turns, whoever asks more often.
#[test]
fn processes_take_turns() {
    let (place, time) = (Place::new(), Time::new());
    let stores = [place.open_with(on_machine("one", &time)), place.open_with(on_machine("two", &time))];
    let runs = [0, 1].map(|i| stores[i].begin(new_run("run")).unwrap());
    let wanted = and_more(&places(&[("db", 1)]), "db");
    let mut held = Some((0, take(&stores[0], &runs[0], &wanted).unwrap()));
    let mut got = [0, 0];
    for _ in 0..20 {
        // Both hear that it is taken; then it is given back, and the greedy one asks first, and again.
        for i in [0, 1] {
            time.pass(Duration::from_millis(10));
            assert_eq!(take(&stores[i], &runs[i], &wanted), None);
        }
        let (i, slots) = held.take().unwrap();
        give_back(&stores[i], slots);
        for i in [0, 0, 0, 1, 0] {
            time.pass(Duration::from_millis(10));
            if let Some(slots) = take(&stores[i], &runs[i], &wanted) {
                assert!(held.is_none(), "two at once");
                got[i] += 1;
                held = Some((i, slots));
            }
        }
    }
    assert_eq!(got, [10, 10]);
    give_back(&stores[held.as_ref().unwrap().0], held.unwrap().1);
}

/// Two processes that want the same two never stand before each other: in the line for one of them, and in that for the other.
#[test]
fn two_that_want_both_never_wait_for_each_other() {
    let (place, time) = (Place::new(), Time::new());
    let stores = ["a", "b", "c"].map(|host| place.open_with(on_machine(host, &time)));
    let runs = [0, 1, 2].map(|i| stores[i].begin(new_run("run")).unwrap());
    let moment = || time.pass(Duration::from_millis(500));
    let (db, gpu, both) = (places(&[("db", 1)]), places(&[("gpu", 1)]), places(&[("db", 1), ("gpu", 1)]));
    let held = [&db, &gpu].map(|wanted| take(&stores[2], &runs[2], wanted).unwrap());
    // In the first process one waits for each of them, and behind these one for both.
    for wanted in [&db, &gpu] {
        assert_eq!(take(&stores[0], &runs[0], wanted), None);
    }
    let [held_db, held_gpu] = held;
    moment();
    give_back(&stores[2], held_db);
    let first = take(&stores[0], &runs[0], &and_more(&db, "db")).expect("it came first");
    moment();
    assert_eq!(take(&stores[1], &runs[1], &both), None);
    moment();
    give_back(&stores[2], held_gpu);
    let second = take(&stores[0], &runs[0], &and_more(&gpu, "gpu")).expect("it came first");
    moment();
    give_back(&stores[0], first);
    give_back(&stores[0], second);
    // Both places are free, and both ask as long as they have none.
    let mut waiting = vec![0, 1];
    let mut order = Vec::new();
    for _ in 0..20 {
        time.pass(Duration::from_millis(75));
        waiting.retain(|i| match take(&stores[*i], &runs[*i], &both) {
            Some(slots) => {
                order.push(*i);
                give_back(&stores[*i], slots);
                false
            }
            None => true,
        });
    }
    assert_eq!(order, [1, 0], "who waits for longer comes first");
    assert_eq!(taken(&stores[0]), []);
}

/// One that waited, and says so no more, holds up nobody.
#[test]
fn who_is_silent_waits_no_more() {
    let (place, time) = (Place::new(), Time::new());
    let stores = [place.open_with(on_machine("one", &time)), place.open_with(on_machine("two", &time))];
    let runs = [0, 1].map(|i| stores[i].begin(new_run("run")).unwrap());
    let wanted = places(&[("db", 1)]);
    let slots = take(&stores[0], &runs[0], &wanted).unwrap();
    assert_eq!(take(&stores[1], &runs[1], &wanted), None);
    give_back(&stores[0], slots);
    time.pass(Duration::from_secs(1));
    assert_eq!(take(&stores[0], &runs[0], &wanted), None, "the other one came first");
    time.pass(Duration::from_secs(3));
    let slots = take(&stores[0], &runs[0], &wanted).expect("the other one has gone");
    give_back(&stores[0], slots);
}

/// One that waits no more and says so holds up nobody, and neither does one that has got all that it wants of something.
#[test]
fn who_leaves_a_line_holds_up_nobody() {
    let (place, time) = (Place::new(), Time::new());
    let stores = [place.open_with(on_machine("one", &time)), place.open_with(on_machine("two", &time))];
    let runs = [0, 1].map(|i| stores[i].begin(new_run("run")).unwrap());
    let moment = || time.pass(Duration::from_millis(10));
    let (db, gpu, both) = (places(&[("db", 1)]), places(&[("gpu", 1)]), places(&[("db", 1), ("gpu", 1)]));
    let slots = take(&stores[0], &runs[0], &both).unwrap();
    assert_eq!(take(&stores[1], &runs[1], &both), None);
    give_back(&stores[0], slots);
    moment();
    assert_eq!(take(&stores[0], &runs[0], &gpu), None, "the other one came first");
    stores[1].leave_lines(&owner(&runs[1], 0), vec!["db".to_owned(), "gpu".to_owned()]);
    // Behind that.
    stores[1].begin(new_run("next")).unwrap();
    let slots = take(&stores[0], &runs[0], &and_more(&both, "db")).expect("nobody waits");
    give_back(&stores[0], slots);
    moment();
    let slots = take(&stores[1], &runs[1], &gpu).expect("nobody waits for this one");
    assert_eq!(take(&stores[1], &runs[1], &db), None, "the other one waits for one more of this");
    give_back(&stores[1], slots);
}

/// A process that was taken for dead loses its places, and frees nobody else's when it comes back.
#[test]
fn places_of_the_dead_are_free_and_never_freed_twice() {
    let (place, time) = (Place::new(), Time::new());
    let store = place.open_with(on_machine("one", &time));
    let run = store.begin(new_run("run")).unwrap();
    let wanted = places(&[("db", 1)]);
    let stale = take(&store, &run, &wanted).unwrap();
    time.pass(Duration::from_secs(31));
    let other = place.open_with(on_machine("two", &time));
    let theirs = other.begin(new_run("theirs")).unwrap();
    assert_eq!(take(&other, &theirs, &wanted), None);
    assert_eq!(other.reap().unwrap().len(), 1);
    let slots = take(&other, &theirs, &wanted).expect("the other process is gone");
    assert_eq!(store.take_slots(&owner(&run, 1), &wanted).unwrap(), Taking::Lost);
    give_back(&store, stale);
    assert_eq!(taken(&other), [("db".into(), 0)]);
    give_back(&other, slots);
    assert_eq!(taken(&other), []);
}

/// What a run of a living process has stays taken when the run is given up: its bodies may go on.
#[test]
fn a_process_that_lives_keeps_its_places() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("run")).unwrap();
    let slots = take(&store, &run, &places(&[("db", 1)])).unwrap();
    drop(run);
    let next = store.begin(new_run("next")).unwrap();
    assert_eq!(take(&store, &next, &places(&[("db", 1)])), None);
    give_back(&store, slots);
    let slots = take(&store, &next, &places(&[("db", 1)])).unwrap();
    give_back(&store, slots);
}

#[test]
fn starts_keep_their_distance() {
    let (place, time) = (Place::new(), Time::new());
    let stores = [place.open_with(on_machine("one", &time)), place.open_with(on_machine("two", &time))];
    let runs = [0, 1].map(|i| stores[i].begin(new_run("run")).unwrap());
    let wanted = starts("api", Duration::from_millis(100));
    for i in [0, 1, 0, 1] {
        let slots = take(&stores[i], &runs[i], &wanted).unwrap();
        let other = 1 - i;
        let asked = stores[other].take_slots(&owner(&runs[other], 0), &wanted).unwrap();
        assert_eq!(asked, Taking::NotBefore { name: "api".into(), wait: Duration::from_millis(100) });
        time.pass(Duration::from_micros(99_999));
        assert_eq!(take(&stores[other], &runs[other], &wanted), None);
        time.pass(Duration::from_micros(1));
        give_back(&stores[i], slots);
    }
    // The time was set back by a day: nobody waits for the day to pass.
    time.pass(Duration::from_hours(24));
    let slots = take(&stores[0], &runs[0], &starts("slow", Duration::from_secs(1))).unwrap();
    give_back(&stores[0], slots);
    let earlier = Time::new();
    let set_back = place.open_with(on_machine("three", &earlier));
    let run = set_back.begin(new_run("run")).unwrap();
    let nearer = set_back.take_slots(&owner(&run, 0), &starts("slow", Duration::from_millis(10))).unwrap();
    assert!(matches!(nearer, Taking::Taken(_)), "{nearer:?}");
}

/// Who reads an earlier time than the one who started last, by his clock or because he came later to the database, waits all the
/// same.
#[test]
fn a_clock_that_is_behind_starts_nothing_too_early() {
    let (place, ahead, behind) = (Place::new(), Time::new(), Time::new());
    ahead.pass(Duration::from_secs(1));
    let stores = [place.open_with(on_machine("one", &ahead)), place.open_with(on_machine("two", &behind))];
    let runs = [0, 1].map(|i| stores[i].begin(new_run("run")).unwrap());
    let wanted = starts("api", Duration::from_millis(100));
    let slots = take(&stores[0], &runs[0], &wanted).unwrap();
    let asked = stores[1].take_slots(&owner(&runs[1], 0), &wanted).unwrap();
    assert_eq!(asked, Taking::NotBefore { name: "api".into(), wait: Duration::from_millis(1_100) });
    give_back(&stores[0], slots);
}

/// Whatever call fails, in whatever way: what it says it did not take is not taken for long.
#[test]
fn no_place_is_lost_to_a_call_that_fails() {
    for fault in [Fault::Busy, Fault::Io, Fault::AnswerLost] {
        for nth in 1.. {
            let place = Place::in_memory();
            let (store, faults) = place.open_failing(Options::default().clock(Time::new().clock()));
            let run = store.begin(new_run("run")).unwrap();
            let before = faults.calls();
            faults.fail(nth, 1, fault);
            let wanted = places(&[("a", 1), ("b", 1)]);
            let asked = |store: &Store| loop {
                match store.take_slots(&owner(&run, 0), &wanted) {
                    Ok(Taking::Taken(slots)) => break slots,
                    Ok(other) => panic!("{fault:?} at call {nth}: {other:?}"),
                    Err(error) => assert!(error.to_string().len() > 10),
                }
            };
            let slots = asked(&store);
            assert_eq!(taken(&store).len(), 2, "{fault:?} at call {nth}");
            give_back(&store, slots);
            let slots = asked(&store);
            give_back(&store, slots);
            let calls = faults.calls() - before;
            // Whatever comes next gives back what could not be.
            faults.heal();
            end(&run, S::SUCCESS);
            let last = store.begin(new_run("last")).unwrap();
            let slots = take(&store, &last, &wanted).expect("all is free");
            give_back(&store, slots);
            assert_eq!(taken(&store), [], "{fault:?} at call {nth}");
            check(&place.sql());
            if calls < nth {
                break;
            }
        }
    }
}
