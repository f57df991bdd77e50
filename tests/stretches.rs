//! What may happen to one child in the middle of many that a worker takes at once.
#![allow(
    clippy::items_after_statements,
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    reason = "the shapes are what is tested"
)]
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use prefect::prelude::*;
use prefect::{Clock, Executor, Flow, Mapped as MappedTask, RunSettings, Signal, StateKind};
use serde::{Deserialize, Serialize};

/// So many that workers, who begin with one, come to take many.
const CHILDREN: i64 = 2_000;
/// The one that something happens to.
const ODD: i64 = 777;

/// On every executor, all children but one succeed with their number and one; that one is in the state that `check` looks at.
fn all_but_one(make: impl Fn() -> MappedTask<i64>, check: impl Fn(&State)) {
    for executor in [Executor::Local, Executor::threads(1), Executor::threads(2), Executor::threads(8)] {
        let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
        let (flow, children) = mapped(&make);
        let run = flow.with(RunSettings::new().executor(executor).seed(1).clock(clock)).run();
        let states: Vec<State> = run.map_states(children.task()).collect();
        assert_eq!(states.len(), 2_000);
        for (x, state) in (0..).zip(&states) {
            if x == ODD {
                check(state);
            } else {
                assert_eq!((state.kind(), state.value::<i64>()), (StateKind::Success, Some(&(x + 1))), "child {x}");
            }
        }
    }
}

fn mapped<F: Fn() -> MappedTask<i64>>(make: F) -> (Flow<MappedTask<i64>>, MappedTask<i64>) {
    let mut made = None;
    let flow = flow!("stretches", { *made.insert(make()) });
    (flow, made.unwrap())
}

#[track_caller]
fn says(state: &State, kind: StateKind, start: &str, end: &str) {
    let message = state.message().unwrap_or_default();
    assert!(state.kind() == kind && message.starts_with(start) && message.ends_with(end), "{state:?}");
}

#[test]
fn an_error_a_panic_and_a_signal_are_those_of_one_child() {
    #[task]
    fn fails(x: i64) -> Result<i64, String> {
        if x == ODD { Err("odd".to_owned()) } else { Ok(x + 1) }
    }
    #[task]
    fn panics(x: i64) -> i64 {
        assert!(x != ODD, "odd");
        x + 1
    }
    #[task]
    fn skips(x: i64) -> Result<i64, Signal> {
        if x == ODD { Err(Signal::skip("odd")) } else { Ok(x + 1) }
    }
    all_but_one(
        || fails::map(0..CHILDREN),
        |state| says(state, StateKind::Failed, "Error during execution of task: ", "odd"),
    );
    all_but_one(
        || panics::map(0..CHILDREN),
        |state| {
            says(state, StateKind::Failed, "Error during execution of task: panicked at ", "odd");
        },
    );
    all_but_one(|| skips::map(0..CHILDREN), |state| says(state, StateKind::Skipped, "odd", ""));
}

#[test]
fn one_child_is_tried_again_and_knows_itself() {
    #[task(max_retries = 1, retry_delay = "1h")]
    fn flaky(x: i64) -> Result<i64, String> {
        let (index, count) = (context().map_index(), context().task_run_count());
        if index != usize::try_from(x).ok() || count != 1 + u32::from(x == ODD && count == 2) {
            return Err(format!("child {x} is {index:?}, run {count}"));
        }
        if x == ODD && count == 1 { Err("not yet".to_owned()) } else { Ok(x + 1) }
    }
    all_but_one(|| flaky::map(0..CHILDREN), |state| assert_eq!(state.value::<i64>(), Some(&(ODD + 1)), "{state:?}"));
}

#[test]
fn one_child_waits_and_another_task_has_a_timeout() {
    #[task]
    async fn waits(x: i64) -> i64 {
        if x == ODD {
            prefect::sleep(Duration::from_hours(1)).await;
        }
        x + 1
    }
    #[task(timeout = "1m")]
    async fn timed(x: i64) -> i64 {
        if x == ODD {
            prefect::sleep(Duration::from_hours(1)).await;
        }
        x + 1
    }
    all_but_one(|| waits::map(0..CHILDREN), |state| assert_eq!(state.value::<i64>(), Some(&(ODD + 1)), "{state:?}"));
    all_but_one(|| timed::map(0..CHILDREN), |state| assert_eq!(state.kind(), StateKind::TimedOut, "{state:?}"));
}

/// Panics where it is copied, unless it is copied with the whole list.
#[derive(Debug, Serialize, Deserialize)]
struct Brittle(i64);
impl Clone for Brittle {
    fn clone(&self) -> Self {
        assert!(self.0 != ODD, "brittle");
        Self(self.0)
    }
}

#[test]
fn an_element_that_cannot_be_copied_is_no_error_of_the_body() {
    // No retries: the next attempt of one would not be in a stretch.
    #[task]
    fn owns(x: Brittle) -> i64 {
        x.0 + 1
    }
    #[task]
    fn borrows(x: &Brittle) -> i64 {
        x.0 + 1
    }
    let list = || (0..CHILDREN).map(Brittle).collect::<Vec<_>>();
    let check = |state: &State| says(state, StateKind::Failed, "Unexpected error: panicked at ", "brittle");
    all_but_one(|| owns::map(list()), check);
    all_but_one(|| borrows::map(list()), check);
}

#[test]
fn constants_and_results_go_to_every_child_beside_its_element() {
    #[task]
    fn one() -> i64 {
        1
    }
    #[task]
    fn add(zero: i64, x: i64, one: &i64, text: &str) -> i64 {
        zero + x + one + i64::from(!text.is_empty())
    }
    all_but_one(
        || add::map(unmapped(-1), 0..CHILDREN, unmapped(one()), unmapped("text")),
        |state| assert_eq!(state.value::<i64>(), Some(&(ODD + 1))),
    );
}

#[test]
fn a_handler_hears_of_every_child() {
    static HEARD: AtomicUsize = AtomicUsize::new(0);
    fn count(_: &Tracked, _: &State, new: State) -> Result<State, prefect::TaskError> {
        HEARD.fetch_add(1, Ordering::Relaxed);
        Ok(new)
    }
    #[task(state_handlers = [count])]
    fn next(x: i64) -> i64 {
        x + 1
    }
    all_but_one(|| next::map(0..CHILDREN), |state| assert_eq!(state.value::<i64>(), Some(&(ODD + 1))));
    // Each is running, and a success, in four runs; and so the mapped task is told of once in each.
    assert_eq!(HEARD.load(Ordering::Relaxed), 4 * (2 * 2_000 + 1));
}

/// How many children have ended, for the one that waits for all others.
#[derive(Default)]
struct Gate(Mutex<i64>, Condvar);

#[test]
fn what_lies_behind_a_body_that_blocks_is_done_by_others() {
    #[task]
    fn blocks(x: i64, #[shared] gate: &Arc<Gate>) -> i64 {
        let mut ended = gate.0.lock().unwrap();
        if x == ODD {
            while *ended < CHILDREN - 1 {
                ended = gate.1.wait(ended).unwrap();
            }
        } else {
            *ended += 1;
            gate.1.notify_all();
        }
        x + 1
    }
    let (flow, children) = mapped(|| blocks::map(0..CHILDREN));
    // It hangs if the others' children stay with the one that blocks.
    let run = flow.share(Arc::<Gate>::default()).with(RunSettings::new().executor(Executor::threads(2))).run();
    assert!(run.map_states(children.task()).all(|state| state.kind() == StateKind::Success));
}
