//! Ticks of schedules: each is decided once, together with its run.
use prefect_store::{DecidedTick, Fault, IfBusy, Micros, Options, PauseChange, ScheduleSeen, Store, Tick, TickAnswer};

use crate::support::*;

fn tick(at: i64, if_busy: IfBusy) -> Tick {
    Tick { schedule: "etl".into(), at: Micros(at), next: Some(Micros(at + 10)), if_busy }
}

fn seen(description: &str, at: i64) -> ScheduleSeen {
    ScheduleSeen {
        schedule: "etl".into(),
        description: description.into(),
        catch_up: "latest".into(),
        overlap: "skip".into(),
        next: Some(Micros(at + 1)),
        at: Micros(at),
    }
}

fn decided(store: &Store) -> Vec<(i64, Option<String>)> {
    let ticks = store.ticks("etl", 100).unwrap();
    ticks.into_iter().map(|tick| (tick.at.0, tick.run.map(|(_, name, _)| name))).collect()
}

#[test]
fn of_two_that_ask_one_gets_it() {
    let place = Place::new();
    let (mine, theirs) = (place.open(), place.open());
    let TickAnswer::Begun(run) = mine.begin_tick(new_run("one"), tick(10, IfBusy::Begin)).unwrap() else {
        panic!("nobody else has it")
    };
    let other = theirs.begin_tick(new_run("two"), tick(10, IfBusy::Begin)).unwrap();
    assert!(matches!(other, TickAnswer::Taken), "{other:?}");
    assert_eq!(decided(&theirs), [(10, Some("one".to_owned()))]);
    assert_eq!(place.number("SELECT count(*) FROM flow_runs"), 1);
    // It is a run like others.
    record(&run, vec![start(0, None), finish(0, None)]);
    end(&run, S::SUCCESS);
    check(&place.sql());
}

#[test]
fn who_has_a_run_is_looked_at_in_the_transaction() {
    let place = Place::new();
    let (mine, theirs) = (place.open(), place.open());
    let TickAnswer::Begun(run) = mine.begin_tick(new_run("one"), tick(10, IfBusy::Skip)).unwrap() else {
        panic!("nothing runs")
    };
    let waits = theirs.begin_tick(new_run("two"), tick(20, IfBusy::Wait)).unwrap();
    assert!(matches!(&waits, TickAnswer::Busy(runs) if *runs == [run.id()]), "{waits:?}");
    assert_eq!(decided(&mine), [(10, Some("one".to_owned()))], "nothing is decided");
    let skipped = theirs.begin_tick(new_run("two"), tick(20, IfBusy::Skip)).unwrap();
    assert!(matches!(&skipped, TickAnswer::Skipped(runs) if *runs == [run.id()]), "{skipped:?}");
    let late = mine.begin_tick(new_run("two"), tick(20, IfBusy::Begin)).unwrap();
    assert!(matches!(late, TickAnswer::Taken), "for good: {late:?}");
    // Another schedule has nothing to do with it.
    let other = Tick { schedule: "other".into(), ..tick(20, IfBusy::Skip) };
    assert!(matches!(theirs.begin_tick(new_run("other"), other).unwrap(), TickAnswer::Begun(_)));
    // One that waits for somebody is nobody's.
    end(&run, S::PAUSED);
    assert!(matches!(theirs.begin_tick(new_run("two"), tick(30, IfBusy::Skip)).unwrap(), TickAnswer::Begun(_)));
    assert_eq!(decided(&mine), [(30, Some("two".to_owned())), (20, None), (10, Some("one".to_owned()))]);
    mine.skip_tick("etl", Micros(40)).unwrap();
    mine.skip_tick("etl", Micros(30)).unwrap();
    assert_eq!(decided(&mine)[..2], [(40, None), (30, Some("two".to_owned()))]);
    check(&place.sql());
}

#[test]
fn a_process_that_dies_leaves_a_run_that_has_crashed() {
    let (place, time) = (Place::new(), Time::new());
    let there = place.open_with(on_machine("there", &time));
    let TickAnswer::Begun(run) = there.begin_tick(new_run("one"), tick(10, IfBusy::Skip)).unwrap() else {
        panic!("nothing runs")
    };
    time.pass(std::time::Duration::from_secs(31));
    let here = place.open_with(on_machine("here", &time));
    assert_eq!(here.reap().unwrap().len(), 1);
    // It is decided: whoever wants it goes on with the run.
    assert!(matches!(here.begin_tick(new_run("two"), tick(10, IfBusy::Skip)).unwrap(), TickAnswer::Taken));
    let last = here.ticks("etl", 1).unwrap();
    assert_eq!(last, [DecidedTick { at: Micros(10), run: Some((run.id(), "one".to_owned(), S::CRASHED)) }]);
    assert!(matches!(here.begin_tick(new_run("two"), tick(20, IfBusy::Skip)).unwrap(), TickAnswer::Begun(_)));
}

#[test]
fn a_paused_schedule_decides_nothing() {
    let place = Place::new();
    let (mine, theirs) = (place.open(), place.open());
    assert_eq!(mine.pause_schedule("etl", Micros(5), "anna").unwrap(), PauseChange::Unknown);
    mine.see_schedule(seen("hourly", 1)).unwrap();
    assert_eq!(mine.pause_schedule("etl", Micros(5), "anna").unwrap(), PauseChange::Done);
    let already = PauseChange::Already(Some((Micros(5), "anna".to_owned())));
    assert_eq!(theirs.pause_schedule("etl", Micros(6), "bert").unwrap(), already);
    let paused = theirs.begin_tick(new_run("one"), tick(10, IfBusy::Skip)).unwrap();
    assert!(matches!(paused, TickAnswer::Paused), "{paused:?}");
    assert!(decided(&mine).is_empty() && place.number("SELECT count(*) FROM flow_runs") == 0);
    // A process that serves it anew changes nothing of that.
    theirs.see_schedule(seen("hourly", 7)).unwrap();
    let row = theirs.schedule("etl", Micros(100)).unwrap().unwrap();
    assert_eq!((row.since, row.seen_at, row.next_at), (Micros(1), Micros(7), Some(Micros(8))));
    assert_eq!((row.paused, row.resumed_at, row.last), (Some((Micros(5), "anna".to_owned())), None, None));
    assert_eq!(theirs.resume_schedule("etl", Micros(8)).unwrap(), PauseChange::Done);
    assert_eq!(theirs.resume_schedule("etl", Micros(8)).unwrap(), PauseChange::Already(None));
    assert!(matches!(theirs.begin_tick(new_run("one"), tick(10, IfBusy::Skip)).unwrap(), TickAnswer::Begun(_)));
    let row = theirs.schedule("etl", Micros(100)).unwrap().unwrap();
    assert_eq!((row.paused, row.resumed_at, row.next_at), (None, Some(Micros(8)), Some(Micros(20))));
    assert_eq!(row.last.unwrap().at, Micros(10));
    assert_eq!(theirs.schedule("etl", Micros(9)).unwrap().unwrap().last, None, "only up to a moment");
    // Another text is another schedule: nothing before it was seen.
    theirs.see_schedule(seen("daily", 30)).unwrap();
    assert_eq!(theirs.schedules().unwrap()[0].since, Micros(30));
}

/// Whatever fails, a tick and its run are there together or not at all, and who asks again gets an answer.
#[test]
fn a_tick_and_its_run_are_decided_together_whichever_call_fails() {
    for fault in [Fault::Busy, Fault::Io, Fault::Full, Fault::AnswerLost] {
        for nth in 1.. {
            let place = Place::in_memory();
            let (store, faults) = place.open_failing(Options::default());
            faults.fail(nth, 1, fault);
            let mut run = None;
            while run.is_none() {
                let counts = "SELECT count(*) FROM flow_runs";
                match store.begin_tick(new_run("one"), tick(10, IfBusy::Skip)) {
                    Ok(TickAnswer::Begun(begun)) => run = Some(begun),
                    Ok(other) => panic!("{fault:?} at call {nth}: {other:?}"),
                    Err(error) => {
                        assert!(error.may_pass(), "{error}");
                        assert!(decided(&store).is_empty() && place.number(counts) == 0, "{fault:?} at call {nth}");
                    }
                }
            }
            assert_eq!(decided(&store), [(10, Some("one".to_owned()))], "{fault:?} at call {nth}");
            end(&run.unwrap(), S::SUCCESS);
            check(&place.sql());
            if faults.calls() < nth {
                assert!(nth > 10, "{nth} calls");
                break;
            }
        }
    }
}
