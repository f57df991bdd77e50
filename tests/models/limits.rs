//! Who gets a place, and when: never more at once than there are places, never more often than the rate, and nobody waits for
//! what is free.
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use prefect_runtime::jiff::Timestamp;
use prefect_runtime::{Canceller, Clock, Executor, Limits, TaskDefinition, TaskRef};
use shuttle::sync::Mutex;
use shuttle::thread;

use crate::flows::{Small, assert_value, jumping};
use crate::schedules::explore;

/// How many are in a body, and when each began.
#[derive(Default)]
struct Bodies {
    at_once: AtomicU32,
    began: Mutex<Vec<Timestamp>>,
}

impl Bodies {
    /// A task whose runs share places, after these.
    fn task(self: &Arc<Self>, flow: &mut Small, places: u32, clock: &Clock, reads: &[TaskRef]) -> TaskRef {
        let (bodies, clock) = (Arc::clone(self), clock.clone());
        flow.task(TaskDefinition::new("limited").tags(["db"]), reads, move || {
            bodies.began.lock().expect("nobody panics").push(clock.timestamp());
            let at_once = bodies.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            assert!(at_once <= places, "{at_once} at once");
            thread::yield_now();
            bodies.at_once.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        })
    }
}

fn places(n: u32) -> Limits {
    Limits::new().tag("db", n)
}

#[test]
fn never_more_at_once_than_there_are_places_and_all_get_one() {
    for (workers, at_once) in [(2, 1), (3, 2)] {
        explore(300, move || {
            let (bodies, clock) = (Arc::new(Bodies::default()), jumping());
            let mut flow = Small::new().limits(places(at_once));
            let limited: Vec<_> = (0..4).map(|_| bodies.task(&mut flow, at_once, &clock, &[])).collect();
            let end = flow.plain(&limited);
            let run = flow.run(Executor::threads(workers), clock);
            assert_value(&run, end, 5);
        });
    }
}

/// What one gives back another one hears of, whatever it runs on.
#[test]
fn runs_share_places_and_wake_each_other() {
    for executor in [Executor::Local, Executor::threads(2)] {
        explore(300, move || {
            let (bodies, clock) = (Arc::new(Bodies::default()), jumping());
            let run = move |bodies: &Arc<Bodies>, clock: &Clock, executor: Executor| {
                let mut flow = Small::new().limits(places(1));
                let first = bodies.task(&mut flow, 1, clock, &[]);
                let end = bodies.task(&mut flow, 1, clock, &[first]);
                assert_value(&flow.run(executor, clock.clone()), end, 2);
            };
            let theirs = (Arc::clone(&bodies), clock.clone(), executor.clone());
            let other = thread::spawn(move || run(&theirs.0, &theirs.1, theirs.2));
            run(&bodies, &clock, executor.clone());
            other.join().expect("the other run");
        });
    }
}

/// A run is cancelled while what it waits for is on its way to it: the place is for somebody else.
#[test]
fn what_is_given_to_a_run_that_has_left_is_free_again() {
    explore(500, || {
        let (bodies, clock, canceller) = (Arc::new(Bodies::default()), jumping(), Canceller::new());
        let (theirs, their_clock, cancelled) = (Arc::clone(&bodies), clock.clone(), canceller.clone());
        let other = thread::spawn(move || {
            let mut flow = Small::new().limits(places(1)).canceller(cancelled);
            theirs.task(&mut flow, 1, &their_clock, &[]);
            theirs.task(&mut flow, 1, &their_clock, &[]);
            flow.run_to_be_cancelled(Executor::threads(2), their_clock.clone());
        });
        let mut flow = Small::new().limits(places(1));
        let first = bodies.task(&mut flow, 1, &clock, &[]);
        let cancels = flow.task(TaskDefinition::new("cancels"), &[], move || {
            canceller.cancel();
            Ok(())
        });
        let end = bodies.task(&mut flow, 1, &clock, &[first, cancels]);
        assert_value(&flow.run(Executor::threads(2), clock), end, 3);
        other.join().expect("the other run");
    });
}

#[test]
fn starts_are_spread_by_the_rate() {
    explore(300, || {
        let (bodies, clock) = (Arc::new(Bodies::default()), jumping());
        let mut flow = Small::new().limits(Limits::new().rate("db", "1/s".parse().expect("a rate")));
        let limited: Vec<_> = (0..4).map(|_| bodies.task(&mut flow, 4, &clock, &[])).collect();
        let end = flow.plain(&limited);
        let run = flow.run(Executor::threads(3), clock);
        assert_value(&run, end, 5);
        let began = bodies.began.lock().expect("nobody panics");
        let pauses: Vec<_> = began.windows(2).map(|two| two[1].duration_since(two[0])).collect();
        assert_eq!(pauses, [Duration::from_secs(1); 3].map(|second| second.try_into().expect("a second")));
    });
}
