//! The run of a flow for a test, with everything that it needs.
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::thread;

use tracing::dispatcher::{Dispatch, with_default};

use super::Recording;
use super::kept::KeptResults;
use super::record::{Record, Recorder};
use super::recording::GivenTasks;
use crate::FlowRun;
use crate::flow::{Flow, FlowOutput, Unread};
use crate::run::{AsyncRuntime, Prepared, Until, run_next};

pub(super) struct Rehearsal {
    pub(super) flow: Flow<Unread>,
    pub(super) recorder: Recorder,
    pub(super) log: Dispatch,
    pub(super) given: GivenTasks,
    pub(super) kept: KeptResults,
}

/// A run that has ended, and what was kept of it.
pub(super) struct Rehearsed {
    run: FlowRun,
    record: Record,
    given: GivenTasks,
    kept: BTreeMap<String, Vec<u8>>,
}

impl Rehearsed {
    #[track_caller]
    pub(super) fn recording<O: FlowOutput>(self, output: O) -> Recording<O> {
        Recording::new(self.run.with_output(output), self.record, self.given, self.kept)
    }
}

impl Rehearsal {
    pub(super) fn once(&self, runtime: AsyncRuntime) -> Rehearsed {
        with_default(&self.log, || self.rehearsed(Prepared::new(&self.flow, Until::TheEnd, runtime, None).run()))
    }

    /// # Panics
    /// If the flow has no schedule.
    #[track_caller]
    pub(super) fn scheduled(&self, runtime: impl Fn() -> AsyncRuntime, count: usize) -> Vec<Rehearsed> {
        let Some(schedule) = &self.flow.schedule else {
            panic!(
                "flow `{}` has no schedule: give it one by `flow.schedule(..)`, or write `.run()`",
                self.flow.name()
            );
        };
        let mut runs = Vec::new();
        with_default(&self.log, || {
            run_next(&self.flow, schedule, runtime, count, |run| runs.push(self.rehearsed(run)));
        });
        runs
    }

    fn rehearsed(&self, run: FlowRun) -> Rehearsed {
        Rehearsed { run, record: self.recorder.take(), given: self.given.clone(), kept: self.kept.all() }
    }
}

/// What this gives on a thread of its own, while the caller's goes on with other things.
///
/// # Panics
/// If it does.
pub(super) async fn on_a_thread<R: Send + 'static>(what: impl FnOnce() -> R + Send + 'static) -> R {
    let (tell, told) = tokio::sync::oneshot::channel();
    let thread = thread::Builder::new().name("prefect-test".into()).spawn(move || {
        // Nobody may be listening any more.
        let _ = tell.send(what());
    });
    match (told.await, thread.expect("a thread for the run")) {
        (Ok(result), _) => result,
        (Err(_), thread) => match thread.join() {
            Err(panic) => resume_unwind(panic),
            Ok(()) => unreachable!("it tells its end, or panics"),
        },
    }
}
