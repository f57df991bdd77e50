//! Taking a run that nobody has.
use std::sync::Barrier;
use std::time::Duration;

use prefect_store::{
    ClaimRefused, Fault, GoesOnWith, Micros, Options, Parked, RunId, RunRow, Store, StoreUrl, TaskChange, TaskKey,
};

use crate::child::{self, Other, say};
use crate::support::*;

fn refusal(store: &Store, name: &str) -> String {
    let row = store.run(name).unwrap();
    let refused = store.claim(&row, Parked::Refuse).unwrap_err().to_string();
    assert_eq!(store.run(name).unwrap(), row, "nothing has changed");
    refused.replace(&row.id.short().to_string(), "ID")
}

#[test]
fn a_run_that_failed_is_taken_again() {
    let place = Place::new();
    let store = place.open();
    let first = store.begin(new_run("one")).unwrap();
    record(&first, vec![start(0, None), finish(0, None)]);
    end(&first, S::FAILED);
    let again = store.claim(&store.run("one").unwrap(), Parked::Refuse).unwrap();
    assert_eq!((again.version(), again.id()), (3, first.id()));
    assert!(again.epoch() > first.epoch());
    let row = store.run("one").unwrap();
    assert_eq!((row.state, row.version, row.ended_at, row.n_ok), (S::RUNNING, 3, None, 1));
    assert_eq!(row.owner.unwrap().pid, std::process::id());
    record(&again, vec![start(1, None)]);
    end(&again, S::SUCCESS);
    check(&place.sql());
}

#[test]
fn what_cannot_be_taken_is_refused_in_a_sentence() {
    let place = Place::new();
    let store = place.open();
    for (name, state) in [("good", S::SUCCESS), ("skipped", S::SKIPPED), ("stopped", S::CANCELLED)] {
        end(&store.begin(new_run(name)).unwrap(), state);
    }
    assert_eq!(refusal(&store, "good"), "run ID is Success, which is final: start a new run instead");
    assert_eq!(refusal(&store, "skipped"), "run ID is Skipped, which is final: start a new run instead");
    assert_eq!(refusal(&store, "stopped"), "run ID is Cancelled, which is final: start a new run instead");

    let run = store.begin(new_run("busy")).unwrap();
    let host = store.run("busy").unwrap().owner.unwrap().host;
    assert_eq!(
        refusal(&store, "busy"),
        format!(
            "run ID is being run by process {} on {host}. If that process is gone, wait until its lease is over and try again",
            std::process::id()
        )
    );
    let mut row = store.run("busy").unwrap();
    end(&run, S::FAILED);
    row.id = RunId::from_bytes([3; 16]);
    assert_eq!(
        store.claim(&row, Parked::Refuse).unwrap_err().to_string(),
        "run 03030303-0303-0303-0303-030303030303 is not in the store"
    );
}

/// A run that has failed, of which these are recorded as done, and one as failed.
const DONE: [(u32, Option<u32>); 6] = [(0, None), (1, None), (1, Some(0)), (1, Some(1)), (1, Some(3)), (2, None)];

fn failed(store: &Store) -> RunRow {
    let run = store.begin(new_run("one")).unwrap();
    record(&run, DONE.into_iter().flat_map(|(task, index)| [start(task, index), finish(task, index)]).collect());
    let fails = TaskChange::new(3, None, (S::RUNNING, S::FAILED), 1, 2, Micros(30));
    record(&run, vec![start(3, None), fails]);
    end(&run, S::FAILED);
    store.run("one").unwrap()
}

#[test]
fn what_starts_anew_is_pending_in_the_transaction_that_takes_the_run() {
    for nth in 1.. {
        let place = Place::in_memory();
        let (store, faults) = place.open_failing(Options::default());
        let seen = failed(&store);
        assert_eq!((seen.n_ok, seen.n_failed), (6, 1));
        let before = dump(&place.sql());
        // Nothing is recorded of some of them, and of a child that lies between others.
        let anew = [(1, None), (1, Some(1)), (1, Some(2)), (1, Some(3)), (3, None), (4, None), (4, Some(0))];
        let anew: Vec<_> = anew.into_iter().map(|(task, index)| TaskKey { task, index }).collect();
        let calls = faults.calls();
        faults.fail(nth, 1, Fault::Full);
        let run = loop {
            match store.claim_with(&seen, Parked::Refuse, GoesOnWith { graph: None, anew: anew.clone() }) {
                Ok(run) => break run,
                Err(_) => assert_eq!(dump(&place.sql()), before, "call {nth}"),
            }
        };
        let row = store.run("one").unwrap();
        assert_eq!((row.state, row.version, row.n_ok, row.n_failed), (S::RUNNING, 3, 3, 0));
        let rows: Vec<_> = store.recorded(row.id, None, 100).unwrap().into_iter().map(|(row, _)| row).collect();
        let pending = rows.iter().filter(|row| row.state == S::PENDING && row.version == 3);
        let pending: Vec<_> = pending.map(|row| (row.task, row.index)).collect();
        assert_eq!(pending, [(1, None), (1, Some(1)), (1, Some(3)), (3, None)]);
        assert!(rows.len() == 7 && rows.iter().all(|row| row.state == S::PENDING || row.state == S::SUCCESS));
        // What comes next follows on that.
        record(&run, vec![TaskChange::new(3, None, (S::PENDING, S::RUNNING), 1, 4, Micros(90))]);
        end(&run, S::SUCCESS);
        check(&place.sql());
        if faults.calls() - calls < nth {
            assert!(nth > 10, "{nth} calls");
            break;
        }
    }
}

/// What was read of its tasks may be of before and after.
#[test]
fn a_run_whose_owner_has_given_it_up_meanwhile_is_refused() {
    for state in [S::PAUSED, S::FAILED] {
        let place = Place::new();
        let (store, other) = (place.open(), place.open());
        let run = store.begin(new_run("one")).unwrap();
        let seen = other.run("one").unwrap();
        record(&run, vec![start(0, None), finish(0, None)]);
        end(&run, state);
        assert_eq!(
            other.claim(&seen, Parked::Refuse).unwrap_err(),
            ClaimRefused::Changed { run: run.id(), state },
            "{state}"
        );
        end(&other.claim(&other.run("one").unwrap(), Parked::Refuse).unwrap(), S::SUCCESS);
    }
}

#[test]
fn a_run_that_had_another_owner_meanwhile_is_refused() {
    let place = Place::new();
    let store = place.open();
    end(&store.begin(new_run("one")).unwrap(), S::FAILED);
    let seen = store.run("one").unwrap();
    end(&store.claim(&seen, Parked::Refuse).unwrap(), S::FAILED);
    let refused = store.claim(&seen, Parked::Refuse).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "another process was quicker: run {} has changed since it was read, and is Failed now. Look at it again",
            seen.id.short()
        )
    );
}

#[test]
fn a_run_that_crashed_three_times_is_put_aside() {
    let (place, time) = (Place::new(), Time::new());
    let (there, store) = (place.open_with(on_machine("there", &time)), place.open_with(on_machine("here", &time)));
    let mut run = there.begin(new_run("one")).unwrap();
    for crashes in 1..=3 {
        time.pass(Duration::from_secs(30));
        assert_eq!(store.reap().unwrap(), []);
        time.pass(Duration::from_secs(1));
        assert_eq!(store.reap().unwrap()[0].is_parked(), crashes == 3);
        drop(run);
        let row = store.run("one").unwrap();
        assert_eq!((row.crashes, row.is_parked()), (crashes, crashes == 3));
        if crashes == 3 {
            break;
        }
        run = there.claim(&row, Parked::Refuse).unwrap();
    }
    assert_eq!(
        refusal(&store, "one"),
        "run ID has ended its process 3 times and is put aside: see which of its tasks do that, then say that it may start again"
    );
    let run = store.claim(&store.run("one").unwrap(), Parked::StartAgain).unwrap();
    assert_eq!(store.run("one").unwrap().crashes, 0);
    end(&run, S::SUCCESS);
    check(&place.sql());
}

#[test]
fn of_many_threads_one_gets_it() {
    let place = Place::new();
    end(&place.open().begin(new_run("one")).unwrap(), S::FAILED);
    const RACERS: usize = 12;
    for round in 0..10 {
        let barrier = Barrier::new(RACERS);
        let results: Vec<_> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..RACERS)
                .map(|_| {
                    scope.spawn(|| {
                        let store = place.open();
                        let row = store.run("one").unwrap();
                        barrier.wait();
                        store.claim(&row, Parked::Refuse)
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1, "round {round}");
        for refused in lost {
            assert!(matches!(refused, Err(ClaimRefused::Owned { .. })), "{refused:?}");
        }
        end(won[0].as_ref().unwrap(), S::FAILED);
        assert_eq!(place.open().run("one").unwrap().version, 2 + 2 * (round + 1));
    }
    check(&place.sql());
}

/// Takes every run that it can.
pub fn child(url: &StoreUrl) {
    let store = Store::open(url, Options::default()).unwrap();
    let mut rows = store.runs(&prefect_store::RunFilter { limit: 1000, ..Default::default() }).unwrap();
    say("ready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    rows.reverse();
    for row in rows {
        match store.claim(&row, Parked::Refuse) {
            Ok(run) => {
                say(format!("won {}", run.id()));
                end(&run, S::FAILED);
            }
            Err(ClaimRefused::Owned { .. } | ClaimRefused::Changed { .. }) => {}
            Err(error) => say(error),
        }
    }
}

#[test]
fn of_8_processes_one_gets_each() {
    let place = Place::new();
    let store = place.open();
    const RUNS: usize = 40;
    for i in 0..RUNS {
        end(&store.begin(new_run(&format!("run {i}"))).unwrap(), S::FAILED);
    }
    let mut others: Vec<_> = (0..8).map(|_| Other::start(&mut child::command("claims", &place))).collect();
    for other in &mut others {
        assert_eq!(other.hear().unwrap(), "ready");
    }
    // The end of their input sets them off.
    let mut won = Vec::new();
    let ends: Vec<_> = others.into_iter().map(|other| std::thread::spawn(|| other.end())).collect();
    for end in ends {
        let (said, well) = end.join().unwrap();
        assert!(well, "{said:?}");
        won.extend(said);
    }
    assert!(won.iter().all(|line| line.starts_with("won ")), "{won:?}");
    won.sort();
    won.dedup();
    assert_eq!(won.len(), RUNS, "each was won once");
    assert_eq!(place.number("SELECT count(*) FROM flow_runs WHERE version <> 4 OR epoch <> 2"), 0, "and only once");
    check(&place.sql());
}
