//! Who is taken for dead, what is done then, and what becomes of a late writer.
use std::time::Duration;

use prefect_store::{Fault, LostReason, Options, Owner, Parked, SlotsWanted, Store, StoreUrl, Taking, TaskChange};
use rustix::process::Signal;
use rustix::time::ClockId;

use crate::child::{self, Other, say};
use crate::support::*;

pub const LEASE: Duration = Duration::from_secs(30);
pub const SECOND: Duration = Duration::from_secs(1);

#[test]
fn on_another_machine_the_lease_decides() {
    let (place, time) = (Place::new(), Time::new());
    let (there, here) = (place.open_with(on_machine("there", &time)), place.open_with(on_machine("here", &time)));
    let run = there.begin(new_run("one")).unwrap();
    record(&run, vec![start(0, None), finish(0, None), start(1, Some(3))]);

    time.pass(LEASE);
    assert_eq!(here.reap().unwrap(), [], "the lease is not over");
    time.pass(SECOND);
    let reaped = here.reap().unwrap();
    assert_eq!(reaped.len(), 1);
    let owner = Owner { host: "there".into(), pid: std::process::id() };
    assert_eq!((reaped[0].id, reaped[0].crashes, reaped[0].released), (run.id(), 1, 1));
    assert_eq!((&*reaped[0].flow, &*reaped[0].name, &reaped[0].owner), ("etl", "one", &owner));
    assert_eq!(here.reap().unwrap(), [], "once");

    let row = here.run("one").unwrap();
    assert_eq!((row.state, row.crashes, row.owner.clone()), (S::CRASHED, 1, None));
    let released = here.children(row.id, 1, 0, 10).unwrap();
    assert_eq!((released[0].state, released[0].version, released[0].attempt), (S::PENDING, 2, 1));
    assert_eq!(here.task_runs(row.id).unwrap()[0].state, S::SUCCESS);
    check(&place.sql());

    // The late one writes nothing, and hears who has it.
    let taken = here.claim(&row, Parked::Refuse).unwrap();
    let before = dump(&place.sql());
    let late = run.record_many([start(2, None), finish(2, None)]).unwrap();
    let lost = run.wait(late).unwrap_err();
    let by = Some(Owner { host: "here".into(), pid: std::process::id() });
    assert_eq!(lost.reason, LostReason::TakenOver { by, state: S::RUNNING });
    assert!(
        lost.to_string().ends_with("on here has it now, as this one gave no sign of life for longer than the lease")
    );
    let lost = run.wait(run.record_run(flow_change(S::SUCCESS, 2))).unwrap_err();
    assert!(matches!(lost.reason, LostReason::TakenOver { .. }));
    drop(run);
    assert_eq!(dump(&place.sql()), before);

    // It can go on with other runs: it makes itself known again.
    end(&there.begin(new_run("two")).unwrap(), S::SUCCESS);
    record(&taken, vec![TaskChange::new(1, Some(3), (S::PENDING, S::RUNNING), 1, 3, prefect_store::Micros(70))]);
    end(&taken, S::SUCCESS);
    check(&place.sql());
}

/// Giving a run back fails, once or more often: until the process is gone, or beyond.
#[test]
fn a_run_that_could_not_be_given_back_is_found_at_once() {
    for times in 1..12 {
        let place = Place::new();
        let (store, faults) = place.open_failing(Options::default());
        let run = store.begin(new_run("one")).unwrap();
        record(&run, vec![start(0, None)]);
        faults.fail(1, times, Fault::Full);
        drop((run, store));
        let other = place.open();
        other.reap().unwrap();
        let row = other.run("one").unwrap();
        assert_eq!((row.state, row.owner), (S::CRASHED, None), "{times} times");
        check(&place.sql());
    }
}

/// The process lives on: nobody else could take the run from it.
#[test]
fn a_run_that_could_not_be_given_back_is_given_back_later() {
    let place = Place::new();
    let (store, faults) = place.open_failing(Options::default().lease(Duration::from_millis(300)));
    let run = store.begin(new_run("one")).unwrap();
    record(&run, vec![start(0, None)]);
    faults.fail(1, u64::MAX, Fault::Full);
    drop(run);
    // The writer has tried.
    let refused = store.reap();
    assert!(refused.is_err());
    faults.heal();
    // Whatever it is asked next, it comes back to that.
    while store.run("one").unwrap().owner.is_some() {
        assert_eq!(store.reap().unwrap(), []);
    }
    let row = store.run("one").unwrap();
    assert_eq!((row.state, row.crashes), (S::CRASHED, 0));
    end(&store.claim(&row, Parked::Refuse).unwrap(), S::SUCCESS);
}

/// One run of a batch was taken over, the other was not.
#[test]
fn a_late_writer_goes_on_with_what_is_still_its_own() {
    let (place, time) = (Place::new(), Time::new());
    let there = place.open_with(on_machine("there", &time));
    let (taken, kept) = (there.begin(new_run("taken")).unwrap(), there.begin(new_run("kept")).unwrap());
    // As if it had been reaped alone.
    place.sql().execute_batch("UPDATE flow_runs SET epoch=epoch+1, proc_no=NULL WHERE name='taken'").unwrap();
    // The writer waits in here until both are recorded: they are one batch then.
    let (go_on, wait) = std::sync::mpsc::sync_channel::<()>(0);
    let wait = std::sync::Mutex::new(wait);
    kept.on_commit(Box::new(move |_| {
        let _ = wait.lock().unwrap().recv();
    }));
    kept.record(start(0, None));
    go_on.send(()).unwrap();
    kept.record(start(1, None));
    let (mine, lost) = (kept.record(start(2, None)), taken.record(start(0, None)));
    drop(go_on);
    assert_eq!(kept.wait(mine), Ok(()));
    assert!(matches!(taken.wait(lost).unwrap_err().reason, LostReason::TakenOver { by: None, .. }));
    assert_eq!(there.task_runs(taken.id()).unwrap(), []);
    assert_eq!(there.transitions(taken.id(), 1, 10).unwrap(), []);
    end(&kept, S::SUCCESS);
}

#[test]
fn signs_of_life_make_the_lease_longer() {
    let (place, time) = (Place::new(), Time::new());
    let (there, here) = (place.open_with(on_machine("there", &time)), place.open_with(on_machine("here", &time)));
    let run = there.begin(new_run("one")).unwrap();
    for i in 0..20 {
        time.pass(LEASE / 2);
        record(&run, vec![start(0, Some(i))]);
        // The sign comes behind the commit; another request stands behind both.
        assert_eq!(there.reap().unwrap(), []);
        assert_eq!(here.reap().unwrap(), [], "{i}");
    }
    end(&run, S::SUCCESS);
}

/// Its disk is full, say: that is no death.
#[test]
fn signs_of_life_are_given_while_a_batch_cannot_be_written() {
    let (place, time) = (Place::new(), Time::new());
    let (store, faults) = place.open_failing(on_machine("there", &time));
    let run = store.begin(new_run("one")).unwrap();
    let lease = "SELECT lease_until FROM processes";
    let before = place.number(lease);
    let (tell, told) = std::sync::mpsc::channel();
    let (tell, sql) = (std::sync::Mutex::new(tell), std::sync::Mutex::new(place.sql()));
    // On the writer's thread, behind the commit and before anything else.
    run.on_commit(Box::new(move |_| tell.lock().unwrap().send(sql.lock().unwrap().number(lease)).unwrap()));
    time.pass(LEASE - SECOND);
    // A sign, which is due, and the batch; then there is room again for the next of both.
    faults.fail(1, 2, Fault::Full);
    run.wait(run.record(start(0, None))).unwrap();
    assert_eq!(told.recv().unwrap() - before, (LEASE - SECOND).as_micros() as i64);
    end(&run, S::SUCCESS);
}

/// Keeps a run that it has lost, and says how many milliseconds of a processor it takes to do nothing for a while.
pub fn buried(url: &StoreUrl) {
    let time = Time::new();
    let open = |host| Store::open(url, on_machine(host, &time)).unwrap();
    let (there, here) = (open("there"), open("here"));
    let run = there.begin(new_run("one")).unwrap();
    run.on_cancel(Box::new(|_| {}));
    // So that it has looked for that once.
    record(&run, vec![start(0, None)]);
    time.pass(LEASE + SECOND);
    assert_eq!(here.reap().unwrap().len(), 1);
    let late = run.record_many([finish(0, None)]).unwrap();
    run.wait(late).unwrap_err();
    let taken = || Duration::try_from(rustix::time::clock_gettime(ClockId::ProcessCPUTime)).unwrap();
    let before = taken();
    std::thread::sleep(Duration::from_millis(400));
    say((taken() - before).as_millis());
}

/// Real time, in a process of its own, as others share the processors. How much of it there is to take is not asked: on a busy
/// machine it is less, and the test sees nothing rather than too much.
#[test]
fn who_has_lost_its_runs_sleeps() {
    let place = Place::new();
    let (said, well) = Other::start(&mut child::command("buried", &place)).end();
    assert!(well);
    let milliseconds: u64 = said[0].parse().unwrap();
    assert!(milliseconds < 100, "{milliseconds} ms of 400");
}

/// Does this on the writer's thread, when it is dropped there.
struct There(Box<dyn Fn() + Send>);

impl Drop for There {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn signs_of_life_are_given_between_requests_that_take_their_time() {
    let (place, time) = (Place::new(), Time::new());
    let store = place.open_with(on_machine("there", &time));
    let (run, holder) = (store.begin(new_run("one")).unwrap(), store.begin(new_run("holder")).unwrap());
    let lease = "SELECT lease_until FROM processes";
    let before = place.number(lease);
    let wanted = SlotsWanted { places: vec![("tag:db".into(), 9)], ..SlotsWanted::default() };
    let slots = [(); 3].map(|()| match store.take_slots(&run.slot_owner(None, None), &wanted).unwrap() {
        Taking::Taken(slots) => slots,
        other => panic!("{other:?}"),
    });
    let (tell, told) = std::sync::mpsc::channel();
    let pass = || {
        let time = time.clone();
        There(Box::new(move || time.pass(SECOND * 20)))
    };
    let sql = place.sql();
    let look = There(Box::new(move || tell.send(sql.number(lease)).unwrap()));
    let held = hold_writer(&holder);
    for (slots, done) in slots.into_iter().zip([pass(), pass(), look]) {
        store.give_back(slots, done);
    }
    drop(held);
    assert_eq!(told.recv().unwrap() - before, (SECOND * 40).as_micros() as i64);
    end(&run, S::SUCCESS);
    end(&holder, S::SUCCESS);
}

#[test]
fn who_holds_its_lock_is_given_a_second_lease() {
    let (place, time) = (Place::new(), Time::new());
    let (one, other) = (place.open_with(on_machine("here", &time)), place.open_with(on_machine("here", &time)));
    let run = one.begin(new_run("one")).unwrap();
    time.pass(LEASE + SECOND);
    assert_eq!(other.reap().unwrap(), [], "it is stopped, perhaps");
    time.pass(LEASE - SECOND);
    assert_eq!(other.reap().unwrap(), []);
    time.pass(SECOND);
    assert_eq!(other.reap().unwrap().len(), 1);
    assert!(run.wait(run.record(start(0, None))).is_err());
}

/// A machine that was asleep wakes all its processes at once.
#[test]
fn who_has_slept_itself_judges_nobody_by_leases() {
    let (place, time) = (Place::new(), Time::new());
    let (there, here) = (place.open_with(on_machine("there", &time)), place.open_with(on_machine("here", &time)));
    let run = there.begin(new_run("one")).unwrap();
    let mine = here.begin(new_run("two")).unwrap();
    time.pass(LEASE * 100);
    assert_eq!(here.reap().unwrap(), []);
    record(&run, vec![start(0, None)]);
    assert_eq!(here.reap().unwrap(), [], "it has given a sign");
    // Who gives none is judged a lease later.
    time.pass(LEASE / 2);
    record(&mine, vec![start(0, None)]);
    time.pass(LEASE / 2);
    record(&mine, vec![start(1, None)]);
    time.pass(SECOND);
    assert_eq!(here.reap().unwrap().len(), 1);
    end(&mine, S::SUCCESS);
}

/// The same of one that has no runs, and is not known.
#[test]
fn who_only_judges_knows_whether_it_has_slept() {
    let (place, time) = (Place::new(), Time::new());
    let (there, here) = (place.open_with(on_machine("there", &time)), place.open_with(on_machine("here", &time)));
    let run = there.begin(new_run("one")).unwrap();
    assert_eq!(here.reap().unwrap(), []);
    time.pass(LEASE * 100);
    assert_eq!(here.reap().unwrap(), []);
    record(&run, vec![start(0, None)]);
    assert_eq!(here.reap().unwrap(), [], "it has given a sign");
    // One that gives none is judged when a lease has passed, all of which this one was awake.
    time.pass(LEASE / 2);
    assert_eq!(here.reap().unwrap(), []);
    time.pass(LEASE / 2);
    assert_eq!(here.reap().unwrap(), []);
    time.pass(SECOND);
    assert_eq!(here.reap().unwrap().len(), 1);
}

/// A machine was asleep, and the first that happens then is that another program is started.
#[test]
fn who_has_just_come_judges_nobody_who_holds_its_lock() {
    let (place, time) = (Place::new(), Time::new());
    let old = place.open_with(on_machine("here", &time));
    let run = old.begin(new_run("one")).unwrap();
    record(&run, vec![start(0, None)]);
    time.pass(LEASE * 100);
    let new = place.open_with(on_machine("here", &time));
    assert_eq!(new.reap().unwrap(), []);
    record(&run, vec![finish(0, None)]);
    time.pass(LEASE / 2);
    assert_eq!(new.reap().unwrap(), []);
    record(&run, vec![start(1, None)]);
    time.pass(LEASE / 2 + SECOND);
    assert_eq!(new.reap().unwrap(), [], "it has given a sign since");
    end(&run, S::SUCCESS);
}

#[test]
fn what_a_dead_process_held_is_free() {
    let (place, time) = (Place::new(), Time::new());
    let there = place.open_with(on_machine("there", &time));
    let run = there.begin(new_run("one")).unwrap();
    record(&run, vec![start(0, None)]);
    place
        .sql()
        .execute_batch(
            "INSERT INTO slots(tag, slot, run_no, task_no, map_index, proc_no) VALUES('db', 0, 1, 0, -1, 1), ('db', 1, 99, 0, -1, 1);
             INSERT INTO outbox(run_no, kind, payload, status, not_before, proc_no) VALUES
               (1, 'slack', 'waits', 0, 0, NULL), (1, 'slack', 'is being sent', 1, 0, 1), (1, 'slack', 'sent', 2, 0, 1);",
        )
        .unwrap();
    time.pass(LEASE + SECOND);
    assert_eq!(place.open_with(on_machine("here", &time)).reap().unwrap().len(), 1);
    assert_eq!(place.number("SELECT count(*) FROM slots"), 0);
    assert_eq!(place.number("SELECT count(*) FROM outbox WHERE proc_no IS NOT NULL"), 0);
    let statuses = place.number("SELECT sum(status * CASE id WHEN 1 THEN 100 WHEN 2 THEN 10 ELSE 1 END) FROM outbox");
    assert_eq!(statuses, 2, "0, 0, 2");
    assert_eq!(place.number("SELECT count(*) FROM processes"), 0);
}

/// Begins a run, and holds it until its input ends.
pub fn child(url: &StoreUrl, options: Options) {
    let store = Store::open(url, options).unwrap();
    let run = match store.run("held") {
        Ok(row) => store.claim(&row, Parked::Refuse),
        Err(_) => store.begin(new_run("held")).map_err(Into::into),
    };
    let run = match run {
        Ok(run) => run,
        Err(refused) => return say(refused),
    };
    let next = store.transitions(run.id(), 0, 1000).unwrap().len() as u32;
    record(&run, vec![start(0, Some(next)), start(1, Some(next)), finish(1, Some(next))]);
    say(format!("holds {}", run.id()));
    std::io::stdin().read_line(&mut String::new()).unwrap();
    match run.wait(run.record(finish(0, Some(next)))) {
        Ok(()) => say("recorded"),
        Err(lost) => say(lost),
    }
    end_if_mine(&run);
}

fn end_if_mine(run: &prefect_store::OwnedRun) {
    if run.lost().is_none() {
        end(run, S::SUCCESS);
    }
}

#[test]
fn the_end_of_a_process_on_this_machine_is_seen_at_once() {
    let place = Place::new();
    let store = place.open();
    for crashes in 1..=3 {
        let mut other = Other::start(&mut child::command("holds", &place));
        assert!(other.hear().unwrap().starts_with("holds"));
        assert_eq!(store.reap().unwrap(), [], "it lives");
        other.kill();
        let reaped = store.reap().unwrap();
        assert_eq!(reaped.len(), 1, "at once");
        assert_eq!((reaped[0].crashes, reaped[0].released), (crashes, 1));
        assert_eq!(reaped[0].is_parked(), crashes == 3);
        assert_eq!(store.run("held").unwrap().state, S::CRASHED);
        check(&place.sql());
    }
    let (said, _) = Other::start(&mut child::command("holds", &place)).end();
    assert!(said[0].contains("has ended its process 3 times and is put aside"), "{said:?}");
    let left = std::fs::read_dir(place.locks()).unwrap().count();
    assert_eq!(left, 0, "lock files of the dead");
}

#[test]
fn a_process_that_ends_well_leaves_nothing() {
    let place = Place::new();
    let mut other = Other::start(&mut child::command("holds", &place));
    other.hear().unwrap();
    let (said, well) = other.end();
    assert!(well);
    assert_eq!(said, ["recorded"]);
    assert_eq!(place.number("SELECT count(*) FROM processes"), 0);
    assert_eq!(std::fs::read_dir(place.locks()).unwrap().count(), 0);
}

/// Stops it where it does not have the turn to write, which nobody else would get then.
fn stop_between_turns(other: &Other, place: &Place) {
    loop {
        other.signal(Signal::STOP);
        other.wait_until_stopped();
        // On a server there is no such file.
        let Ok(turn) = std::fs::File::open(place.folder().join("runs.db-turn")) else { return };
        if turn.try_lock().is_ok() {
            return;
        }
        other.signal(Signal::CONT);
    }
}

/// Real time: a process that is stopped sees none of it.
#[test]
fn a_process_that_was_stopped_comes_back_too_late() {
    // Long enough for a busy machine to let its signs of life be given.
    const LEASE: Duration = Duration::from_secs(1);
    let place = Place::new();
    let mut other = Other::start(child::command("holds", &place).env("STORE_LEASE_MS", LEASE.as_millis().to_string()));
    other.hear().unwrap();
    let store = place.open_with(Options::default().lease(LEASE));
    assert_eq!(store.reap().unwrap(), [], "it lives");
    stop_between_turns(&other, &place);
    while store.reap().unwrap().is_empty() {
        std::thread::yield_now();
    }
    let run = store.claim(&store.run("held").unwrap(), Parked::Refuse).unwrap();
    let before = dump(&place.sql());
    other.signal(Signal::CONT);
    let (said, _) = other.end();
    assert!(said[0].contains(&format!("process {} on", std::process::id())), "{said:?}");
    assert_eq!(dump(&place.sql()), before, "it has written nothing");
    end(&run, S::SUCCESS);
    check(&place.sql());
}
