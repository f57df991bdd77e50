//! One task after the other on the caller's thread, in passes over the flow as Prefect 1's runner makes them.
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Accounted, wait};
use crate::clock::{Held, HoldsToken, Tick};
use crate::context::{Context, Working};
use crate::engine::{Batch, Done, Engine, RecordId};
use crate::flow::graph::TaskId;
use crate::flow::{BodyKind, Passed, TaskFuture};
use crate::quiet::Quiet;
use crate::run::{Ran, RunCore, Until, log_beginning};
use crate::sync;
use crate::task_run::{self, Call, Ended, FirstPoll, Prepared, Started};
use crate::{State, TaskError, Value};

pub(crate) fn run(core: &Arc<RunCore>, mut engine: Engine, until: Until, held: Held) -> Ran {
    let clock = &core.services.clock;
    let _working = Working::new(&core.services, &core.graph);
    let handle = core.has_async().then(|| core.services.runtime.handle());
    let _entered = handle.as_ref().map(sync::Handle::enter);
    let order = core.graph.order().expect("checked before").to_vec();
    let mut steps = Steps::new(core);
    loop {
        for task in &order {
            // A mapped task is looked at in every pass, and so are all its children.
            if !engine.kind_of(*task).is_finished() || engine.children(*task).is_some() {
                steps.look_at(&mut engine, *task);
            }
            for child in engine.children(*task).into_iter().flatten() {
                steps.look_at(&mut engine, child);
            }
            if core.is_cancelled() {
                return Ran { engine, broken: steps.lost, held };
            }
            if steps.lost.is_some() {
                return Ran { engine, broken: steps.lost, held };
            }
        }
        // Children may be left though all that nothing is downstream of has ended: Prefect forgets them, we do not.
        if engine.is_over() {
            break;
        }
        tracing::info!(target: "prefect.FlowRunner", "Flow run RUNNING: terminal tasks are incomplete.");
        let limits = core.limits.as_ref().filter(|limits| limits.is_any_waiting());
        let due = match (until, engine.next_due(), limits) {
            (Until::OnePass, ..) | (_, None, None) => break,
            // For ever.
            (Until::TheEnd, due, _) => due.unwrap_or(Tick::MAX),
        };
        if due > clock.now() && due < Tick::MAX {
            let flow = &*core.graph.name;
            tracing::info!(target: "prefect", flow, "Waiting for next available Task run at {}", clock.at(due));
        }
        let let_in = limits.map(|limits| Accounted::new(clock, limits.let_some_in()));
        match (core.cancelled(), let_in) {
            (None, None) => clock.block_until(due),
            (Some(cancelled), None) => wait(clock, either(clock.sleep_until(due), cancelled)),
            (None, Some(let_in)) => wait(clock, either(clock.sleep_until(due), let_in)),
            (Some(cancelled), Some(let_in)) => {
                wait(clock, either(either(clock.sleep_until(due), cancelled), let_in));
            }
        }
        if let Some(limits) = limits {
            limits.let_in(&mut engine);
        }
        engine.wake(clock.now());
        // A resource that is set up again is gone before that, unless somebody needs it.
        engine.garbage.clear();
        log_beginning(core);
    }
    Ran { engine, broken: None, held }
}

/// What is used for one task run after the other.
struct Steps<'c> {
    core: &'c Arc<RunCore>,
    /// By record.
    is_ready: Vec<bool>,
    batch: Batch,
    passed: Vec<Passed>,
    inputs: Vec<Option<Value>>,
    done: Vec<Done>,
    /// Why the run is no longer recorded.
    lost: Option<State>,
}

impl<'c> Steps<'c> {
    fn new(core: &'c Arc<RunCore>) -> Self {
        let (passed, inputs, done) = (Vec::new(), Vec::new(), Vec::new());
        Self { core, is_ready: Vec::new(), batch: Batch::default(), passed, inputs, done, lost: None }
    }

    /// Runs a task run that is ready. One that waits, or has ended, Prefect looks at all the same, and says so.
    fn look_at(&mut self, engine: &mut Engine, record: RecordId) {
        if !self.is_ready(engine, record) {
            let run = engine.run_id(record);
            task_run::log_starting(self.core, run);
            task_run::log_finished(self.core, run, engine.kind_of(record));
            return;
        }
        // One that loops is ready again.
        while !self.core.is_cancelled() && std::mem::take(&mut self.is_ready[record as usize]) {
            engine.start(record, &mut self.batch);
            let job = self.batch.pop(&mut self.passed).expect("just started");
            let now = self.core.services.clock.now();
            let end = match task_run::prepare(self.core, job, &mut self.passed, &mut self.inputs, now) {
                Prepared::Done(done) => done,
                Prepared::Run(started) => run_body(self.core, started, &mut self.inputs),
            };
            self.done.push(end);
            if let Some(recorder) = &self.core.services.recorder
                && let Err(lost) = recorder.wait()
            {
                self.lost = Some(State::failed(format!("Unexpected error: {lost}")));
            }
            engine.complete(&mut self.done);
            engine.garbage.clear();
            self.is_ready(engine, record);
        }
    }

    fn is_ready(&mut self, engine: &mut Engine, record: RecordId) -> bool {
        for ready in engine.drain_ready() {
            let ready = ready as usize;
            if self.is_ready.len() <= ready {
                self.is_ready.resize(ready + 1, false);
            }
            self.is_ready[ready] = true;
        }
        self.is_ready.get(record as usize) == Some(&true)
    }
}

fn run_body(core: &Arc<RunCore>, started: Started, inputs: &mut Vec<Option<Value>>) -> Done {
    let clock = &core.services.clock;
    let task = started.body.run.task;
    let limit = core.timeout(task);
    let ended = match (limit, core.graph.kind(task).code.kind()) {
        (None, _) => match task_run::call(core, &started.body, inputs, FirstPoll::InPlace) {
            Call::Ended(result) => Ended::Body(result),
            Call::Waits(future, context) => wait(clock, cancellable(core, task, drive(future, context))),
        },
        (Some(limit), BodyKind::Async) => match task_run::call(core, &started.body, inputs, FirstPoll::Later) {
            Call::Ended(result) => Ended::Body(result),
            Call::Waits(future, context) => {
                wait(clock, timed(core, limit, cancellable(core, task, drive(future, context))))
            }
        },
        (Some(limit), BodyKind::Sync) => on_its_own_thread(core, &started, std::mem::take(inputs), limit),
    };
    task_run::finish(core, started, ended, clock.now())
}

async fn drive(future: Quiet<TaskFuture>, context: Context) -> Result<Value, TaskError> {
    let mut future = Some(future);
    poll_fn(move |cx| task_run::caught_poll(&mut future, &context, cx)).await
}

/// The body's end, or the cancel if it stops this task, whichever comes first.
async fn cancellable(core: &RunCore, task: TaskId, body: impl Future<Output = Result<Value, TaskError>>) -> Ended {
    let mut cancelled = core.stopped(task);
    let mut body = pin!(body);
    poll_fn(|cx| {
        let is_over = cancelled.as_mut().is_some_and(|cancelled| cancelled.poll_cancelled(cx.waker()).is_ready());
        if is_over { Poll::Ready(Ended::Cancelled) } else { body.as_mut().poll(cx).map(Ended::Body) }
    })
    .await
}

/// Ends with the one that ends first.
pub(crate) async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => other.as_mut().poll(cx),
    })
    .await;
}

/// The body's end, or the timeout, whichever comes first.
async fn timed(core: &RunCore, limit: Duration, body: impl Future<Output = Ended>) -> Ended {
    let mut sleep = pin!(core.services.clock.sleep(limit));
    let mut body = pin!(body);
    poll_fn(|cx| match body.as_mut().poll(cx) {
        Poll::Ready(ended) => Poll::Ready(ended),
        Poll::Pending => sleep.as_mut().poll(cx).map(|()| Ended::TimedOut),
    })
    .await
}

/// A plain function cannot be stopped: one that takes too long is left behind with its thread.
fn on_its_own_thread(core: &Arc<RunCore>, started: &Started, mut inputs: Vec<Option<Value>>, limit: Duration) -> Ended {
    let clock = &core.services.clock;
    let (tell, told) = oneshot::channel();
    let busy = clock.busy();
    let (theirs, body) = (Arc::clone(core), started.body.clone());
    // Unless it ends in time, it is left behind from its start.
    core.left_behind.add(body.run);
    let spawned = sync::spawn(format!("prefect: {}", core.graph.name(body.run.task)), move || {
        let _holds = HoldsToken::new();
        let _working = Working::new(&theirs.services, &theirs.graph);
        let Call::Ended(result) = task_run::call(&theirs, &body, &mut inputs, FirstPoll::InPlace) else {
            unreachable!("a plain function does not wait")
        };
        theirs.left_behind.remove(body.run);
        // With it go the places that it had.
        drop(body);
        // The busy token goes along, so that virtual time does not move before the end is seen.
        let _ = tell.send((result, busy));
    });
    if let Err(error) = spawned {
        core.left_behind.remove(started.body.run);
        return Ended::Body(Err(format!("no thread for a task with a timeout: {error}").into()));
    }
    let mut kept = None;
    let ended = wait(
        clock,
        timed(core, limit, async {
            let (result, busy) = told.await.unwrap_or_else(|_| (Err("its thread ended".into()), clock.busy()));
            kept = Some(busy);
            Ended::Body(result)
        }),
    );
    drop(kept);
    ended
}
