//! Handlers that hear of `Queued`.
#![allow(clippy::needless_pass_by_value, reason = "a handler is given the new state")]
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
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

/// Who was refused stands in no line: nothing is given to him, and nobody waits behind him.
#[test]
fn those_that_do_not_wait_use_up_no_places_and_no_starts() {
    static REFUSED: AtomicUsize = AtomicUsize::new(0);
    fn impatient(_: &Tracked, _: &State, new: State) -> Option<State> {
        (new.kind() == Queued).then(|| {
            REFUSED.fetch_add(1, SeqCst);
            State::failed("not today")
        })
    }
    #[task(tags = ["db"], state_handlers = [impatient])]
    async fn query(n: u64) -> u64 {
        second().await;
        n
    }
    #[task(tags = ["db"])]
    async fn patient() {
        second().await;
    }
    let numbers = || (0..5_000).collect::<Vec<u64>>();
    let store = tempfile::tempdir().unwrap();
    let store = prefect::store::Store::open(
        &prefect::store::StoreUrl::sqlite(store.path().join("runs.db")),
        prefect::store::Options::default(),
    )
    .unwrap();
    let rates = Limits::new().rate("db", "1/m".parse().unwrap());
    for limits in [Limits::new().tag("db", 1), rates.clone()] {
        for recorded in [false, true] {
            // Starts are counted by the store's clock, which is the machine's.
            if recorded && limits == rates {
                continue;
            }
            let clock = virtual_clock();
            let settings = || {
                let settings = settings(Executor::threads(2), &clock, limits.clone());
                if recorded { settings.store(store.clone()) } else { settings }
            };
            // A store takes its time for each.
            let most = if recorded { 100 } else { 5_000 };
            let many: Vec<u64> = numbers().into_iter().take(most).collect();
            let run = flow!("impatient", { query::map(many) }).with(settings()).run();
            assert_eq!(run.state().kind(), Failed);
            let refused = REFUSED.swap(0, SeqCst);
            assert!(refused > most / 2, "{refused} of {most}");
            let next = flow!("patient", { patient() }).with(settings()).run();
            assert_eq!(next.state().kind(), Success);
            assert!(next.duration() <= Duration::from_secs(62), "recorded {recorded}: {:?}", next.duration());
        }
    }
}
