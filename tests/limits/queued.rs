//! Handlers that hear of `Queued`.
#![allow(clippy::needless_pass_by_value, reason = "a handler is given the new state")]
use std::time::Duration;

use prefect::prelude::*;
use prefect::{Executor, Limits};

use crate::{settings, virtual_clock};

async fn second() {
    prefect::sleep(Duration::from_secs(1)).await;
}

/// What a handler puts in its place counts, and the place in the line is given up.
#[test]
fn a_handler_may_refuse_to_wait() {
    fn impatient(_: &Tracked, _: &State, new: State) -> Option<State> {
        (new.kind() == Queued).then(|| State::failed("not today"))
    }
    #[task(tags = ["db"], state_handlers = [impatient])]
    async fn query() {
        second().await;
    }
    for executor in [Executor::threads(1), Executor::threads(2)] {
        let clock = virtual_clock();
        let flow = || {
            flow!("impatient", {
                for _ in 0..4 {
                    query();
                }
            })
        };
        let limits = Limits::new().tag("db", 1);
        for _ in 0..2 {
            let run = flow().with(settings(executor, &clock, limits.clone())).run();
            let mut kinds: Vec<_> = run.task_runs().map(|task| task.state.kind()).collect();
            kinds.sort_unstable();
            let mut expected = [Success, Failed, Failed, Failed];
            expected.sort_unstable();
            assert_eq!(kinds, expected, "{executor:?}");
            assert_eq!(run.duration(), Duration::from_secs(1));
        }
    }
}

/// The trigger and the handlers are asked before anything is taken, so who does not run takes no place.
#[test]
fn a_handler_that_forbids_the_run_gives_the_place_back() {
    fn forbids(_: &Tracked, _: &State, new: State) -> Option<State> {
        (new.kind() == Running).then(|| State::skipped("not this one"))
    }
    #[task(tags = ["db"], state_handlers = [forbids])]
    fn forbidden() {}
    #[task(tags = ["db"])]
    async fn query() {
        second().await;
    }
    for executor in [Executor::Local, Executor::threads(1), Executor::threads(2)] {
        let clock = virtual_clock();
        let flow = flow!("forbidden", {
            for _ in 0..3 {
                forbidden();
                query();
            }
        });
        let run = flow.with(settings(executor, &clock, Limits::new().tag("db", 1))).run();
        assert_eq!((run.state().kind(), run.duration()), (Success, Duration::from_secs(3)), "{executor:?}");
        let skipped = run.task_runs().filter(|task| task.state.kind() == Skipped).count();
        assert_eq!(skipped, 3);
    }
}

#[test]
fn a_handler_that_panics_fails_the_task_and_loses_no_place() {
    fn panics(_: &Tracked, _: &State, new: State) {
        assert!(new.kind() != Queued, "I do not wait");
    }
    #[task(tags = ["db"], state_handlers = [panics])]
    async fn query() {
        second().await;
    }
    let clock = virtual_clock();
    let flow = flow!("panics", { (query(), query()) });
    let run = flow.with(settings(Executor::threads(1), &clock, Limits::new().tag("db", 1))).run();
    let mut kinds: Vec<_> = run.task_runs().map(|task| task.state.kind()).collect();
    kinds.sort_unstable();
    assert!(kinds.contains(&Success) && kinds.contains(&Failed), "{kinds:?}");
    let again = flow!("again", { query() }).with(settings(Executor::threads(1), &clock, Limits::new().tag("db", 1)));
    assert_eq!(again.run().state().kind(), Success);
}
