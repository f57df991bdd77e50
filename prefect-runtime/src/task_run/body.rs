//! Calling the body.
use std::pin::Pin;
use std::task::{Context as Cx, Poll, Waker};

use super::Body;
use crate::context::{Context, Now, as_task};
use crate::engine::Alike;
use crate::flow::{BodyOutcome, Elsewhere, Inputs, Source, TaskFuture};
use crate::panics::{Caught, guard};
use crate::quiet::Quiet;
use crate::run::RunCore;
use crate::{TaskError, Value};

impl Body {
    const fn now(&self) -> Now {
        Now { run: self.run, attempt: self.run_count, resumed: self.resumed }
    }
}

/// What calling a body gave.
pub(crate) enum Call {
    /// It has ended.
    Ended(Result<Value, TaskError>),
    /// It waits.
    Waits(Quiet<TaskFuture>, Context),
}

/// Whether an async body is polled where it is, first of all. Most are ready at once, and a hand-over costs more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstPoll {
    InPlace,
    Later,
}

/// Calls the body of a task run on this thread.
#[inline]
pub(crate) fn call(core: &RunCore, body: &Body, inputs: &mut Vec<Option<Value>>, first: FirstPoll) -> Call {
    let code = &core.graph.kind(body.run.task).code;
    let outcome = guard(|| {
        let mut inputs = Inputs::new(Source::Loaded(inputs), code.parameters(), &core.shared);
        as_task(body.now(), body.extras.as_ref(), || code.run(&mut inputs))
    });
    // What the body did not take must not wait here for the next job, which may never come.
    inputs.clear();
    go_on(core, body, outcome, first)
}

/// The same for a child of a stretch. The error is that of an element that could not be copied.
#[inline]
pub(crate) fn call_alike(core: &RunCore, body: &Body, alike: &Alike) -> Result<Call, TaskError> {
    let child = body.run.child.expect("only children have neighbours") as usize;
    let slots = core.graph.slots(body.run.task).unwrap_or_default();
    let elsewhere = Source::Elsewhere(Elsewhere::new(slots, &alike.passed, child));
    let code = &core.graph.kind(body.run.task).code;
    let mut inputs = Inputs::new(elsewhere, code.parameters(), &core.shared);
    match guard(|| as_task(body.now(), body.extras.as_ref(), || code.run(&mut inputs))) {
        Err(caught) if inputs.was_copying() => Err(caught.into_error()),
        outcome => Ok(go_on(core, body, outcome, FirstPoll::InPlace)),
    }
}

#[inline]
fn go_on(core: &RunCore, body: &Body, outcome: Result<BodyOutcome, Caught>, first: FirstPoll) -> Call {
    match outcome {
        Ok(BodyOutcome::Done(result)) => Call::Ended(result),
        Ok(BodyOutcome::Future(future)) => poll(core, body, Quiet::new(future), first),
        Err(caught) => Call::Ended(Err(caught.into_error())),
    }
}

fn poll(core: &RunCore, body: &Body, mut future: Quiet<TaskFuture>, first: FirstPoll) -> Call {
    if first == FirstPoll::InPlace {
        let mut cx = Cx::from_waker(Waker::noop());
        // The future stays outside: dropped while it panics, it could end the process.
        match guard(|| as_task(body.now(), body.extras.as_ref(), || future.as_mut().poll(&mut cx))) {
            Ok(Poll::Ready(result)) => return Call::Ended(result),
            Ok(Poll::Pending) => {}
            Err(caught) => return Call::Ended(Err(caught.into_error())),
        }
    }
    let context = Context::of(&core.services, &core.graph, body.now(), body.extras.clone());
    Call::Waits(future, context)
}

/// Polls a body that waits, with its context; a panic is its error.
pub(crate) fn caught_poll(
    future: &mut Option<Quiet<TaskFuture>>,
    context: &Context,
    cx: &mut Cx<'_>,
) -> Poll<Result<Value, TaskError>> {
    let poll = {
        let body: Pin<&mut _> = future.as_mut().expect("not polled after its end").as_mut();
        guard(|| context.enter(|| body.poll(cx)))
    };
    let result = match poll {
        Ok(Poll::Pending) => return Poll::Pending,
        Ok(Poll::Ready(result)) => result,
        Err(caught) => Err(Caught::into_error(caught)),
    };
    // What the body held goes before its end is told.
    *future = None;
    Poll::Ready(result)
}
