//! Another program holds the database.
use std::time::Duration;

use prefect_store::{Options, StoreError};

use crate::support::*;

#[test]
fn changes_wait_for_a_program_that_holds_the_database() {
    let place = Place::new();
    let (store, faults) = place.open_failing(Options::default().busy_timeout(Duration::from_millis(5)));
    let run = store.begin(new_run("one")).unwrap();

    let shell = place.sql();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let position = run.record_many([start(0, None), finish(0, None)]).unwrap();
    // Until it has been tried several times.
    let before = faults.calls();
    while faults.calls() < before + 4 {
        std::thread::yield_now();
    }
    assert_eq!(store.task_runs(run.id()).unwrap(), [], "readers are not held up, and see nothing yet");
    shell.execute_batch("COMMIT").unwrap();
    run.wait(position).unwrap();
    end(&run, S::SUCCESS);
    check(&place.sql());
}

/// While somebody else has the turn, the store does not even try.
#[test]
fn a_store_waits_for_its_turn() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    let turn = std::fs::File::options().write(true).open(place.folder().join("runs.db-turn")).unwrap();
    turn.lock().unwrap();
    let position = run.record(start(0, None));
    // Who has the turn is never told that the database is locked, and nobody writes in between.
    let mine = place.sql();
    mine.busy_timeout(Duration::ZERO).unwrap();
    for i in 0..300 {
        mine.execute_batch("BEGIN IMMEDIATE; UPDATE flow_runs SET message='mine'; COMMIT").unwrap();
        assert_eq!(store.task_runs(run.id()).unwrap(), [], "{i}");
    }
    turn.unlock().unwrap();
    run.wait(position).unwrap();
    end(&run, S::SUCCESS);
}

#[test]
fn a_run_that_cannot_begin_says_who_is_in_the_way() {
    let place = Place::new();
    let store = place.open_with(Options::default().busy_timeout(Duration::from_millis(5)));
    end(&store.begin(new_run("one")).unwrap(), S::SUCCESS);
    let shell = place.sql();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.begin(new_run("two")).unwrap_err();
    assert_eq!(error, StoreError::Busy { at: place.path().into(), waited: Duration::from_millis(5) });
    assert_eq!(
        error.to_string(),
        format!(
            "another program holds {} (waited 5ms for it): end it (a database shell with an open transaction?), then go on with the run",
            place.path().display()
        )
    );
    shell.execute_batch("ROLLBACK").unwrap();
    end(&store.begin(new_run("two")).unwrap(), S::SUCCESS);
    assert_eq!(place.number("SELECT count(*) FROM flow_runs"), 2);
}

/// Somebody holds the database for longer than the store waits at once.
#[test]
fn what_is_not_tried_again_waits_as_long_as_it_is_said_to() {
    let place = Place::new();
    let (store, faults) = place.open_failing(Options::default().lease(Duration::from_millis(300)));
    let run = store.begin(new_run("one")).unwrap();
    let shell = place.sql();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let two = std::thread::scope(|scope| {
        let before = faults.calls();
        let begun = scope.spawn(|| store.begin(new_run("two")));
        while faults.calls() < before + 5 && !begun.is_finished() {
            std::thread::yield_now();
        }
        shell.execute_batch("COMMIT").unwrap();
        begun.join().unwrap().unwrap()
    });
    for run in [run, two] {
        end(&run, S::SUCCESS);
    }
    check(&place.sql());
}
