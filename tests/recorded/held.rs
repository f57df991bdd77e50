//! An SQLite database that is held while a run is recorded: by another program, for 1, 4 and 30 seconds of real time, and by
//! whoever has the turn.
use std::time::Duration;

use prefect::prelude::*;
use prefect::{Executor, FlowBuilder, FlowOptions, RecordStart, TaskBody, TaskDefinition, Tracked, Value};
use prefect_store::{Held, StateCode};

use crate::{Folder, settings};

#[task]
fn one() -> u64 {
    1
}

#[task]
fn next(n: u64) -> u64 {
    n + 1
}

#[test]
fn a_run_outlasts_a_program_that_holds_its_database() {
    std::thread::scope(|scope| {
        for seconds in [1, 4, 30] {
            scope.spawn(move || outlasts(Duration::from_secs(seconds)));
        }
    });
}

fn outlasts(time: Duration) {
    let folder = Folder::new();
    let store = folder.store();
    let held = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| {
            let shell = Held::of(&folder.path());
            held.wait();
            std::thread::sleep(time);
            assert_eq!(shell.runs(), 0, "nobody writes while another program holds the database");
        });
        held.wait();
        let flow = flow!("chain", {
            let mut last = one();
            for _ in 0..20 {
                last = next(last);
            }
            last
        });
        let run = flow.with(settings(&store, Executor::threads(2))).run();
        assert_eq!(run.output().unwrap(), 21, "held for {time:?}");
        holder.join().unwrap();
    });
    let row = store.runs(&prefect::store::RunFilter::default()).unwrap().remove(0);
    assert_eq!((row.state, row.n_ok), (StateCode::SUCCESS, 21), "held for {time:?}");
}

/// Holds up the store from the moment a task is about to run until its body has begun, or has not for a while. Gives what came
/// first.
fn begins_while_the_store_waits(how: RecordStart) -> bool {
    let folder = Folder::new();
    let store = folder.store();
    let (begins, begun) = std::sync::mpsc::channel();
    let (tells, told) = std::sync::mpsc::channel();
    let turn = std::fs::File::options().write(true).open(folder.file("runs.db-turn")).unwrap();
    let held = std::sync::Mutex::new(Some((turn, begun, tells)));
    // A body that waits is given less than one that is about to begin, on whatever machine.
    let patience = match how {
        RecordStart::Await => Duration::from_millis(300),
        RecordStart::Behind => Duration::from_mins(1),
    };
    let hold = move |_: &Tracked, _: &State, new: State| {
        if let Some((turn, begun, tells)) = held.lock().unwrap().take().filter(|_| new.kind() == Running) {
            turn.lock().unwrap();
            std::thread::spawn(move || {
                let first = begun.recv_timeout(patience);
                turn.unlock().unwrap();
                tells.send(first.is_ok()).unwrap();
            });
        }
        new
    };
    let mut flow = FlowBuilder::new(FlowOptions::new("pays"));
    let body = TaskBody::new([], move |_| {
        let _ = begins.send(());
        Ok(Value::new(1_i64))
    });
    flow.task(TaskDefinition::new("pay").state_handler(hold).record_start(how), body);
    let run = flow.build().with(settings(&store, Executor::threads(1))).run();
    assert_eq!(run.state().kind(), Success);
    told.recv().unwrap()
}

#[test]
fn a_body_waits_until_its_start_is_recorded_if_it_says_so() {
    assert!(begins_while_the_store_waits(RecordStart::Behind));
    assert!(!begins_while_the_store_waits(RecordStart::Await));
}
