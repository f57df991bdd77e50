//! Runs that are cancelled.
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use prefect::prelude::*;
use prefect::{Canceller, Clock, Config, Executor, FlowRun, Limits, RunSettings};

fn executors() -> [Executor; 3] {
    [Executor::Local, Executor::threads(1), Executor::threads(2)]
}

fn settings(executor: Executor, canceller: &Canceller) -> RunSettings {
    let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
    let settings = RunSettings::new().executor(executor).clock(clock).seed(1).config(Config::default());
    settings.canceller(canceller.clone())
}

/// What became of each task run: name and state.
fn states<O>(run: &FlowRun<O>) -> Vec<(String, StateKind)> {
    run.task_runs().map(|task| (task.name, task.state.kind())).collect()
}

fn named<const N: usize>(states: [(&str, StateKind); N]) -> Vec<(String, StateKind)> {
    states.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect()
}

#[task]
fn cancels(#[shared] canceller: &Canceller) -> u32 {
    canceller.cancel();
    1
}

#[task]
fn next(x: u32) -> u32 {
    x + 1
}

#[test]
fn what_has_not_started_stays_pending() {
    for executor in executors() {
        let canceller = Canceller::new();
        let flow = flow!("cancelled", { next(next(cancels())) }).share(canceller.clone());
        let run = flow.with(settings(executor, &canceller)).run();
        assert_eq!((run.state().kind(), run.state().message()), (Cancelled, Some("Flow run was cancelled.")));
        assert_eq!(states(&run), named([("cancels", Success), ("next", Pending), ("next", Pending)]), "{executor:?}");
    }
}

/// Counts what is dropped.
struct Held(Arc<AtomicU32>);
impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[task]
async fn waits(#[shared] dropped: &Arc<AtomicU32>) -> u32 {
    let _held = Held(Arc::clone(dropped));
    prefect::sleep(Duration::from_hours(1)).await;
    7
}

/// After a minute.
#[task]
async fn cancels_later(#[shared] canceller: &Canceller) {
    prefect::sleep(Duration::from_mins(1)).await;
    canceller.cancel();
}

#[test]
fn async_bodies_are_dropped_where_they_wait() {
    for executor in [Executor::threads(1), Executor::threads(2)] {
        let (canceller, dropped) = (Canceller::new(), Arc::new(AtomicU32::new(0)));
        let flow = flow!("many", {
            cancels_later();
            for _ in 0..1_000 {
                next(waits());
            }
        });
        let flow = flow.share(canceller.clone()).share(Arc::clone(&dropped));
        let run = flow.with(settings(executor, &canceller)).run();
        assert_eq!(run.state().kind(), Cancelled);
        assert_eq!(dropped.load(Ordering::SeqCst), 1_000);
        let mut counts = [0; 3];
        for (_, kind) in states(&run) {
            match kind {
                Success => counts[0] += 1,
                Cancelled => counts[1] += 1,
                Pending => counts[2] += 1,
                other => panic!("{other}"),
            }
        }
        assert_eq!(counts, [1, 1_000, 1_000], "{executor:?}");
        assert_eq!(run.duration(), Duration::from_mins(1));
    }
}

#[task(max_retries = 1, retry_delay = "1h")]
fn fails() -> Result<u32, String> {
    Err("boom".to_owned())
}

#[test]
fn a_wait_for_a_retry_ends() {
    for executor in [Executor::threads(1), Executor::threads(2)] {
        let canceller = Canceller::new();
        let flow = flow!("retries", {
            fails();
            cancels_later();
        });
        let run = flow.share(canceller.clone()).with(settings(executor, &canceller)).run();
        assert_eq!((run.state().kind(), run.duration()), (Cancelled, Duration::from_mins(1)));
        assert_eq!(states(&run)[0], ("fails".to_owned(), Retrying), "{executor:?}");
    }
    // One after the other on one thread: somebody else has to cancel.
    let canceller = Canceller::new();
    let flow = flow!("retries", { fails() });
    let on_retry = {
        let canceller = canceller.clone();
        move |_: &Tracked, _: &State, new: &State| {
            if new.kind() == Retrying {
                canceller.cancel();
            }
        }
    };
    let flow = flow.with(settings(Executor::Local, &canceller).observer(Arc::new(Sees(on_retry))));
    let run = flow.run();
    assert_eq!((run.state().kind(), run.duration()), (Cancelled, Duration::ZERO));
}

struct Sees<F>(F);
impl<F: Fn(&Tracked, &State, &State) + Send + Sync> prefect::Observer for Sees<F> {
    fn changed(&self, object: &Tracked, old: &State, new: &State) {
        self.0(object, old, new);
    }
}

/// Cancels as soon as the task of this name is in this state.
fn cancels_at(canceller: &Canceller, name: &'static str, kind: StateKind) -> Arc<dyn prefect::Observer> {
    let canceller = canceller.clone();
    Arc::new(Sees(move |object: &Tracked, _: &State, new: &State| {
        if object.name() == name && new.kind() == kind {
            canceller.cancel();
        }
    }))
}

/// How many bodies have begun.
type Begun = Arc<AtomicU32>;

#[task(tags = ["db"])]
fn plain(#[shared] begun: &Begun) -> u32 {
    begun.fetch_add(1, Ordering::SeqCst)
}

#[allow(clippy::unused_async, reason = "an async body")]
#[task(tags = ["db"])]
async fn awaited(#[shared] begun: &Begun) -> u32 {
    begun.fetch_add(1, Ordering::SeqCst)
}

/// Who cancels when he hears that a task is `Running` is heard before its body begins.
#[test]
fn a_body_does_not_start_after_the_cancel() {
    for (executor, is_limited) in executors().into_iter().flat_map(|executor| [(executor, false), (executor, true)]) {
        let limits = if is_limited { Limits::new().tag("db", 1) } else { Limits::new() };
        for name in ["plain", "awaited"] {
            let (canceller, begun) = (Canceller::new(), Begun::default());
            let flow = match name {
                "plain" => flow!("sync", { next(plain()) }),
                _ => flow!("async", { next(awaited()) }),
            };
            let settings = settings(executor, &canceller).limits(limits.clone());
            let settings = settings.observer(cancels_at(&canceller, name, Running));
            let run = flow.share(Arc::clone(&begun)).with(settings).run();
            assert_eq!(run.state().kind(), Cancelled, "{executor:?}");
            assert_eq!(states(&run), named([(name, Cancelled), ("next", Pending)]), "{executor:?}");
            let state = run.task_runs().next().unwrap().state;
            assert_eq!(state.message(), Some("Cancelled while it ran"), "{executor:?}: {name}");
            assert_eq!(begun.load(Ordering::SeqCst), 0, "{executor:?}: {name}");
        }
        // The only place is free again.
        let begun = Begun::default();
        let flow = flow!("after", { plain() }).share(Arc::clone(&begun));
        let run = flow.with(settings(executor, &Canceller::new()).limits(limits)).run();
        assert_eq!((run.state().kind(), begun.load(Ordering::SeqCst)), (Success, 1));
    }
}

#[task]
fn stops_when_told(#[shared] together: &Arc<Barrier>) -> Result<u32, String> {
    together.wait();
    while !context().is_cancelled() {
        std::thread::yield_now();
    }
    Err("stopped half-way".to_owned())
}

#[task]
fn goes_on_to_its_end(#[shared] together: &Arc<Barrier>) -> u32 {
    together.wait();
    while !context().is_cancelled() {
        std::thread::yield_now();
    }
    8
}

#[task]
fn cancels_both(#[shared] together: &Arc<Barrier>, #[shared] canceller: &Canceller) {
    together.wait();
    canceller.cancel();
}

#[test]
fn plain_functions_are_told_and_waited_for() {
    let (canceller, together) = (Canceller::new(), Arc::new(Barrier::new(3)));
    let flow = flow!("blocking", {
        stops_when_told();
        next(goes_on_to_its_end());
        cancels_both();
    });
    let flow = flow.share(canceller.clone()).share(together);
    let run = flow.with(settings(Executor::threads(3), &canceller)).run();
    let expected =
        [("stops_when_told", Cancelled), ("goes_on_to_its_end", Success), ("next", Pending), ("cancels_both", Success)];
    assert_eq!(states(&run), named(expected));
    let stopped = run.task_runs().next().unwrap().state;
    assert_eq!(stopped.message(), Some("Cancelled while it ran: stopped half-way"));
}

/// In which order resources were set up and cleaned up.
type Log = Arc<Mutex<Vec<String>>>;

#[task(in_memory)]
fn open(#[shared] log: &Log, name: String) -> Arc<str> {
    log.lock().unwrap().push(format!("open {name}"));
    name.into()
}

#[task]
fn close(#[shared] log: &Log, name: &Arc<str>) {
    log.lock().unwrap().push(format!("close {name}"));
}

#[task]
fn uses(name: &Arc<str>, x: u32) -> u32 {
    x + u32::try_from(name.len()).unwrap()
}

#[test]
fn what_was_set_up_is_cleaned_up() {
    for executor in executors() {
        let (canceller, log) = (Canceller::new(), Log::default());
        let flow = flow!("resources", {
            resource(open("outer"), close, |outer| {
                let last = resource(open("inner", upstream_tasks = [outer]), close, |inner| {
                    uses(inner, uses(inner, cancels(upstream_tasks = [inner])))
                });
                uses(outer, last)
            });
        });
        let flow = flow.share(canceller.clone()).share(Arc::clone(&log));
        let run = flow.with(settings(executor, &canceller)).run();
        assert_eq!(run.state().kind(), Cancelled);
        let log = log.lock().unwrap().clone();
        assert_eq!(log, ["open outer", "open inner", "close inner", "close outer"], "{executor:?}");
    }
}

/// It is cancelled when the set-up, or the clean-up, is about to run: what was not set up is not cleaned up, and what was is.
#[test]
fn what_is_about_to_run_is_cleaned_up_if_it_was_set_up() {
    let expected: [(&str, &[&str]); 2] = [("open", &[]), ("close", &["open it", "close it"])];
    for executor in executors() {
        for (name, expected) in expected {
            let (canceller, log) = (Canceller::new(), Log::default());
            let flow = flow!("resources", {
                resource(open("it"), close, |it| uses(it, 1));
            });
            let observer = cancels_at(&canceller, name, Running);
            let flow = flow.share(Arc::clone(&log)).with(settings(executor, &canceller).observer(observer));
            assert_eq!(flow.run().state().kind(), Cancelled);
            assert_eq!(*log.lock().unwrap(), expected, "{executor:?}: cancelled at {name}");
        }
    }
}

/// Cancels the run, and takes a minute.
#[task]
async fn close_slowly(#[shared] log: &Log, #[shared] canceller: &Canceller, name: &Arc<str>) {
    canceller.cancel();
    prefect::sleep(Duration::from_mins(1)).await;
    log.lock().unwrap().push(format!("close {name}"));
}

/// Cancels the run, and fails the first time.
#[task(max_retries = 1, retry_delay = "1h")]
fn close_at_last(#[shared] log: &Log, #[shared] canceller: &Canceller, name: &Arc<str>) -> Result<(), String> {
    canceller.cancel();
    if context().task_run_count() == 1 {
        return Err("busy".to_owned());
    }
    log.lock().unwrap().push(format!("close {name}"));
    Ok(())
}

/// Nobody would begin it once more.
#[test]
fn a_clean_up_that_has_begun_goes_on_to_its_end() {
    for executor in executors() {
        let flows = [
            flow!("slow", {
                resource(open("it"), close_slowly, |it| uses(it, 1));
            }),
            flow!("timed", {
                resource(open("it"), |it| close_slowly(it).with(options().timeout("1h")), |it| uses(it, 1));
            }),
            flow!("failing", {
                resource(open("it"), close_at_last, |it| uses(it, 1));
            }),
        ];
        // The second time it is called at once.
        let durations = [Duration::from_mins(1), Duration::from_mins(1), Duration::ZERO];
        for (flow, duration) in flows.into_iter().zip(durations) {
            let (canceller, log) = (Canceller::new(), Log::default());
            let flow = flow.share(canceller.clone()).share(Arc::clone(&log));
            let run = flow.with(settings(executor, &canceller)).run();
            let cleaned_up = run.task_runs().last().unwrap();
            let seen = (run.state().kind(), cleaned_up.state.kind(), run.duration());
            assert_eq!(seen, (Cancelled, Success, duration), "{executor:?}: {}", cleaned_up.name);
            assert_eq!(*log.lock().unwrap(), ["open it", "close it"], "{executor:?}: {}", cleaned_up.name);
        }
    }
}

#[test]
fn cancelling_twice_or_too_late_changes_nothing() {
    let canceller = Canceller::new();
    let flow = flow!("late", { next(1) });
    let run = flow.with(settings(Executor::Local, &canceller)).run();
    canceller.cancel();
    canceller.cancel();
    assert_eq!(run.state().kind(), Success);
    let again = flow!("late", { next(1) }).with(settings(Executor::threads(2), &canceller)).run();
    assert_eq!((again.state().kind(), states(&again)), (Cancelled, named([("next", Pending)])));
}
