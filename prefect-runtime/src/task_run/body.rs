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
    let outcome = call_with(core, body, Source::Loaded(inputs)).unwrap_or_else(Err);
    // What the body did not take must not wait here for the next job, which may never come.
    inputs.clear();
    go_on(core, body, outcome, first)
}

/// The same for a child of a stretch. The error is that of an element that could not be copied.
#[inline]
pub(crate) fn call_alike(core: &RunCore, body: &Body, alike: &Alike) -> Result<Call, TaskError> {
    let child = body.run.child.expect("only children have neighbours") as usize;
    let slots = core.graph.slots(body.run.task).unwrap_or_default();
    let source = Source::Elsewhere(Elsewhere::new(slots, &alike.passed, child));
    let outcome = call_with(core, body, source)?;
    Ok(go_on(core, body, outcome, FirstPoll::InPlace))
}

/// The outer error is that of an element that could not be copied.
#[inline]
fn call_with(core: &RunCore, body: &Body, source: Source<'_>) -> Result<Result<BodyOutcome, TaskError>, TaskError> {
    let code = &core.graph.kind(body.run.task).code;
    let mut inputs = Inputs::new(source, code.parameters(), &core.shared);
    match guard(|| as_task(body.now(), body.extras.as_ref(), || code.run(&mut inputs))) {
        Ok(outcome) => Ok(Ok(outcome)),
        Err(caught) if inputs.was_copying() => Err(caught.into_error()),
        Err(caught) => Ok(Err(caught.into_error())),
    }
}

#[inline]
fn go_on(core: &RunCore, body: &Body, outcome: Result<BodyOutcome, TaskError>, first: FirstPoll) -> Call {
    let mut future = match outcome {
        Ok(BodyOutcome::Done(result)) => return Call::Ended(result),
        Ok(BodyOutcome::Future(future)) => Quiet::new(future),
        Err(error) => return Call::Ended(Err(error)),
    };
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
