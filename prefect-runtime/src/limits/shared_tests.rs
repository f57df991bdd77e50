//! What no user can bring about: a fault of ours on the thread that looks after the line.
use std::sync::mpsc::{Sender, channel};
use std::task::{Wake, Waker};
use std::time::Duration;

use prefect_store::{Options, StoreUrl};

use super::*;
use crate::limits::Limits;
use crate::limits::places::Holder;

/// Somebody who has been let in.
struct Told(Option<Sender<()>>);

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        self.0.as_ref().expect("a fault of ours").send(()).unwrap();
    }
}

#[test]
fn a_fault_at_one_that_waits_holds_up_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&StoreUrl::sqlite(folder.path().join("runs.db")), Options::default()).unwrap();
    let gate = StoreGate::of(store, &Redactor::default());
    let demand = Arc::new(Demand::of_task(&Limits::new().tag("db", 1), ["db"]).unwrap());
    let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
    let ask = |told: Option<Sender<()>>| {
        let waiting = Waiting::new(&clock);
        waiting.wakes(Some(Waker::from(Arc::new(Told(told)))));
        // A run that the store knows nothing of is let in, to see for itself.
        let holder = Arc::new(Holder { task: None, run: "a run".into(), owner: None });
        let answer = gate.ask(Asks { demand: &demand, waiting: &waiting, key: None, resumed: false, holder });
        assert!(matches!(answer, Answer::Waits(_)));
        waiting
    };
    let first = ask(None);
    while !first.has_let_in() {
        std::thread::yield_now();
    }
    let (told, is_told) = channel();
    let _second = ask(Some(told));
    is_told.recv_timeout(Duration::from_mins(1)).expect("the second one is let in");
    // No token has been lost: time goes on.
    let (told, is_told) = channel();
    std::thread::spawn(move || {
        clock.block_until(1);
        told.send(()).unwrap();
    });
    is_told.recv_timeout(Duration::from_mins(1)).expect("time goes on");
}
