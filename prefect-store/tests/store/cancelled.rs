//! Asking for the end of a run.
use std::sync::mpsc;
use std::time::Duration;

use prefect_store::{CancelRefused, Cancelled, ClaimRefused, Fault, Options, Owner, Parked};

use crate::support::*;

#[test]
fn the_owner_is_told_once() {
    let place = Place::new();
    let (mine, theirs) = (place.open(), place.open());
    let run = mine.begin(new_run("one")).unwrap();
    let other = mine.begin(new_run("two")).unwrap();
    let (tell, told) = mpsc::channel();
    let (tell_other, told_other) = mpsc::channel();
    run.on_cancel(Box::new(move |by| tell.send(by.to_owned()).unwrap()));
    other.on_cancel(Box::new(move |by| tell_other.send(by.to_owned()).unwrap()));
    let Ok(Cancelled::Asked(owner)) = theirs.cancel(run.id(), "anna on a laptop") else { panic!("it has an owner") };
    assert_eq!(owner.pid, std::process::id());
    assert_eq!(told.recv().unwrap(), "anna on a laptop");
    assert!(told_other.try_recv().is_err());
    let again = theirs.cancel(run.id(), "bert").unwrap_err();
    let text = format!(
        "run {} is being cancelled already: anna on a laptop has asked {owner}, which ends it when its running tasks have ended",
        run.id().short()
    );
    assert_eq!(again.to_string(), text);
    // The owner goes on recording until it has ended.
    record(&run, vec![start(0, None), finish(0, None)]);
    end(&run, S::CANCELLED);
    let late = theirs.cancel(run.id(), "bert").unwrap_err();
    assert_eq!(late.to_string(), format!("run {} has ended already: it is Cancelled", run.id().short()));
    assert!(told.try_recv().is_err(), "told once");
    check(&place.sql());
}

#[test]
fn what_nobody_has_ends_at_once() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    end(&run, S::PAUSED);
    assert_eq!(store.cancel(run.id(), "anna"), Ok(Cancelled::Ended));
    let row = store.run("one").unwrap();
    assert_eq!((row.state, row.message.as_deref()), (S::CANCELLED, Some("Cancelled by anna.")));
    assert!(matches!(store.claim(&row, Parked::Refuse), Err(ClaimRefused::Ended { state: S::CANCELLED, .. })));
    assert!(matches!(store.cancel(run.id(), "anna"), Err(CancelRefused::Ended { state: S::CANCELLED, .. })));
    let done = store.begin(new_run("two")).unwrap();
    end(&done, S::FAILED);
    assert_eq!(store.cancel(done.id(), "anna"), Err(CancelRefused::Ended { run: done.id(), state: S::FAILED }));
    let unknown = prefect_store::RunId::new();
    assert_eq!(store.cancel(unknown, "anna"), Err(CancelRefused::Unknown(unknown)));
    check(&place.sql());
}

/// Its process dies before it hears of it: the run does not come back.
#[test]
fn a_dead_owner_is_no_way_out() {
    let (place, time) = (Place::new(), Time::new());
    let (there, here) = (place.open_with(on_machine("there", &time)), place.open_with(on_machine("here", &time)));
    let run = there.begin(new_run("one")).unwrap();
    record(&run, vec![start(0, None)]);
    let owner = Owner { host: "there".into(), pid: std::process::id() };
    assert_eq!(here.cancel(run.id(), "anna"), Ok(Cancelled::Asked(owner)));
    time.pass(Duration::from_secs(31));
    assert_eq!(here.reap().unwrap().len(), 1);
    let row = here.run("one").unwrap();
    assert_eq!((row.state, row.crashes), (S::CANCELLED, 0));
    assert_eq!(row.message.as_deref(), Some("Cancelled by anna; its process ended before it said so."));
    check(&place.sql());
}

/// It was paused before its owner looked: it has ended, and nobody goes on with it.
#[test]
fn what_is_paused_in_the_same_moment_ends() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    let other = store.begin(new_run("two")).unwrap();
    store.cancel(run.id(), "anna").unwrap();
    end(&other, S::PAUSED);
    end(&run, S::PAUSED);
    let row = store.run("one").unwrap();
    assert_eq!((row.state, row.message.as_deref()), (S::CANCELLED, Some("Cancelled by anna.")));
    assert!(matches!(store.claim(&row, Parked::Refuse), Err(ClaimRefused::Ended { state: S::CANCELLED, .. })));
    let row = store.run("two").unwrap();
    assert_eq!(row.state, S::PAUSED, "nobody has asked for the end of this one");
    end(&store.claim(&row, Parked::Refuse).unwrap(), S::SUCCESS);
    check(&place.sql());
}

/// The same if the store does not answer in that moment: then it ends when somebody would go on with it.
#[test]
fn a_question_outlives_a_store_that_does_not_answer() {
    let mut ended_late = 0;
    for nth in 1.. {
        let place = Place::in_memory();
        let (store, faults) = place.open_failing(Options::default().clock(Time::new().clock()));
        let run = store.begin(new_run("one")).unwrap();
        store.cancel(run.id(), "anna").unwrap();
        let before = faults.calls();
        faults.fail(nth, 1, Fault::Busy);
        end(&run, S::PAUSED);
        let calls = faults.calls() - before;
        faults.heal();
        let row = store.run("one").unwrap();
        ended_late += u32::from(row.state == S::PAUSED);
        assert!(matches!(store.claim(&row, Parked::Refuse), Err(ClaimRefused::Ended { state: S::CANCELLED, .. })));
        let row = store.run("one").unwrap();
        assert_eq!((row.state, row.message.as_deref()), (S::CANCELLED, Some("Cancelled by anna.")), "at call {nth}");
        check(&place.sql());
        if calls < nth {
            break;
        }
    }
    assert!(ended_late > 0, "some call is the one that would have ended it");
}

/// It ended before its owner looked. Who goes on with it later is not the one who was asked.
#[test]
fn an_old_question_ends_nothing_new() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    store.cancel(run.id(), "anna").unwrap();
    end(&run, S::FAILED);
    let run = store.claim(&store.run("one").unwrap(), Parked::Refuse).unwrap();
    let (tell, told) = mpsc::channel();
    run.on_cancel(Box::new(move |by| tell.send(by.to_owned()).unwrap()));
    assert_eq!(place.number("SELECT count(*) FROM cancels"), 0);
    store.cancel(run.id(), "bert").unwrap();
    assert_eq!(told.recv().unwrap(), "bert");
    end(&run, S::CANCELLED);
}
