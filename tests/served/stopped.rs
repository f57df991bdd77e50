//! The end of it: who serves is stopped.
use prefect::Canceller;
use prefect::store::StateCode;

use super::*;

#[test]
fn nothing_begins_any_more_and_what_runs_is_cancelled() {
    for executor in [Executor::Local, Executor::threads(2)] {
        let (folder, seen) = (Folder::new(), Seen::default());
        let store = folder.store();
        let stop = Canceller::new();
        let stops = stop.clone();
        let mut flow = FlowBuilder::new(FlowOptions::new("two steps"));
        let first = flow.task(
            TaskDefinition::new("first"),
            TaskBody::new([], move |_| {
                if context().scheduled_start_time() == Some(at("2026-01-01T02:00:00Z")) {
                    stops.cancel();
                }
                Ok(Value::new(()))
            }),
        );
        let second = flow.task(TaskDefinition::new("second"), TaskBody::new([], |_| Ok(Value::new(()))));
        flow.order(first, second);
        let settings = RunSettings::new().config(Config::default()).executor(executor);
        let flow = flow.build().with(settings).schedule(hours(1));
        let idle = seen.flow("idle", SignedDuration::ZERO, hours(24));
        let clock = Clock::virtual_from(at(START));
        seen.scheduler(&store, &[&flow, &idle], &clock).canceller(stop).serve().unwrap();
        let states: Vec<_> = runs(&store).iter().map(|run| run.state).collect();
        assert_eq!(states, [StateCode::SUCCESS, StateCode::CANCELLED]);
    }
}

/// One run is stopped by the store: the others, and the schedule, go on.
#[test]
fn who_cancels_a_run_does_not_stop_the_schedule() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let cancels = store.clone();
    let flow = flow_of("watch", move || {
        let run = context().flow_run_id().unwrap().to_owned();
        if context().scheduled_start_time() == Some(at("2026-01-01T01:00:00Z")) {
            cancels.cancel(cancels.run(&run).unwrap().id, "a test").unwrap();
            // The process looks twenty times a second, whatever the clock of the run shows.
            for _ in 0..1_000_000_000 {
                if context().is_cancelled() {
                    raise(Signal::fail("gives up"));
                }
                std::thread::yield_now();
            }
        }
    })
    .schedule(hours(1).end_date("2026-01-01T03:00").unwrap());
    seen.serve(&store, &[&flow], START);
    let states: Vec<_> = runs(&store).iter().map(|run| run.state).collect();
    assert_eq!(states, [StateCode::CANCELLED, StateCode::SUCCESS, StateCode::SUCCESS]);
}

/// The canceller of a flow is for its runs, and not for who serves it.
#[test]
fn the_canceller_of_a_flow_cancels_its_runs() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let canceller = Canceller::new();
    let flow = seen.flow("watch", SignedDuration::ZERO, hours(1).end_date("2026-01-01T02:00").unwrap());
    let settings = RunSettings::new().config(Config::default()).canceller(canceller.clone());
    canceller.cancel();
    seen.serve(&store, &[&flow.with(settings)], START);
    let states: Vec<_> = runs(&store).iter().map(|run| run.state).collect();
    assert_eq!(states, [StateCode::CANCELLED; 2]);
}
