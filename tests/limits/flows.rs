//! How many runs of one flow run at once.
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use prefect::prelude::*;
use prefect::{Canceller, Config, Executor, Limits, RunSettings};

use crate::{Inside, Seen, settings, virtual_clock};

#[task]
async fn work(#[shared] inside: &Inside) {
    let _entered = inside.enter(&["flow"]);
    prefect::sleep(Duration::from_secs(1)).await;
}

#[test]
fn so_many_runs_of_a_flow_at_once() {
    let (clock, inside) = (virtual_clock(), Inside::default());
    let runs: Vec<_> = (0..6)
        .map(|i| {
            let (clock, inside) = (clock.clone(), inside.clone());
            let executor = if i % 2 == 0 { Executor::Local } else { Executor::threads(2) };
            thread::spawn(move || {
                let flow = flow!("limited flow", { work() }).share(inside);
                let run = flow.with(settings(executor, &clock, Limits::new().flow("limited flow", 2))).run();
                run.state().kind()
            })
        })
        .collect();
    for run in runs {
        assert_eq!(run.join().unwrap(), Success);
    }
    assert!(inside.most("flow") <= 2);
}

/// Tells when the flow run waits.
struct Tells(mpsc::Sender<String>);
impl prefect::Observer for Tells {
    fn changed(&self, object: &Tracked, old: &State, new: &State) {
        if new.kind() == Queued {
            let _ = self.0.send(format!("{object}: {} -> {new}", old.kind()));
        }
    }
}

#[task]
fn waits_for_leave(#[shared] leave: &Arc<std::sync::Mutex<mpsc::Receiver<()>>>) {
    leave.lock().unwrap().recv_timeout(Duration::from_mins(1)).unwrap();
}

/// One run has the place until it is told to end; the second waits, and is seen to wait.
#[test]
fn a_run_that_waits_is_queued_and_can_be_cancelled() {
    let config = || Config::builder().user_config("[concurrency.flows]\n\"Nightly ETL\" = 1\n").build().unwrap();
    let clock = virtual_clock();
    let settings = |executor| RunSettings::new().executor(executor).clock(clock.clone()).config(config());
    let (leave, leaves) = mpsc::channel();
    let first = flow!("Nightly ETL", { waits_for_leave() }).share(Arc::new(std::sync::Mutex::new(leaves)));
    let (begun, has_begun) = mpsc::channel();
    let first = first.with(settings(Executor::threads(1)).observer(Arc::new(Begins(begun))));
    let first = thread::spawn(move || first.run().state().kind());
    has_begun.recv_timeout(Duration::from_mins(1)).unwrap();
    let canceller = Canceller::new();
    let (tell, told) = mpsc::channel();
    let second = |executor: Executor| {
        let seen = Seen::new(&clock);
        let flow = flow!("Nightly ETL", { work() }).share(Inside::default());
        let settings = settings(executor).observer(Arc::new(Tells(tell.clone()))).observer(Arc::new(seen.clone()));
        let flow = flow.with(settings.canceller(canceller.clone()));
        (thread::spawn(move || flow.run().state().clone()), seen)
    };
    let (cancelled, seen) = second(Executor::threads(1));
    let said = told.recv_timeout(Duration::from_mins(1)).unwrap();
    let expected =
        "Scheduled -> <Queued: \"Waiting for flow 'Nightly ETL': 1 of 1 place is taken (by a run of `Nightly ETL`)\">";
    assert!(said.ends_with(expected), "{said}");
    canceller.cancel();
    let state = cancelled.join().unwrap();
    assert_eq!((state.kind(), state.message()), (Cancelled, Some("Flow run was cancelled.")));
    assert_eq!(seen.kinds_of("Nightly ETL"), [Queued, Cancelled]);
    assert!(seen.kinds_of("work").is_empty());
    // One more waits until the first has ended.
    let flow = flow!("Nightly ETL", { work() }).share(Inside::default());
    let seen = Seen::new(&clock);
    let flow = flow.with(settings(Executor::Local).observer(Arc::new(Tells(tell))).observer(Arc::new(seen.clone())));
    let third = thread::spawn(move || flow.run().state().kind());
    told.recv_timeout(Duration::from_mins(1)).unwrap();
    leave.send(()).unwrap();
    assert_eq!(first.join().unwrap(), Success);
    assert_eq!(third.join().unwrap(), Success);
    assert_eq!(seen.kinds_of("Nightly ETL"), [Queued, Running, Success]);
}

struct Begins(mpsc::Sender<()>);
impl prefect::Observer for Begins {
    fn changed(&self, object: &Tracked, _: &State, new: &State) {
        if new.kind() == Running && object.map_index().is_none() {
            let _ = self.0.send(());
        }
    }
}
