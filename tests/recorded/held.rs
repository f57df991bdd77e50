//! Another program holds the database while a run is recorded: for 1, 4 and 30 seconds of real time.
use std::time::Duration;

use prefect::Executor;
use prefect::prelude::*;
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
