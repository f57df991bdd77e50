//! Calling the body.
use std::pin::Pin;
use std::task::{Context as Cx, Poll, Waker};

use super::Body;
use crate::context::{Context, Now, as_task};
use crate::flow::{BodyOutcome, Inputs, TaskFuture};
use crate::panics::{Caught, guard};
use crate::quiet::Quiet;
use crate::run::RunCore;
use crate::{TaskError, Value};

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
    let now = Now { run: body.run, attempt: body.run_count, resumed: body.resumed };
    let outcome = guard(|| {
        as_task(now, body.extras.as_ref(), || code.run(&mut Inputs::new(inputs, code.parameters(), &core.shared)))
    });
    // What the body did not take must not wait here for the next job, which may never come.
    inputs.clear();
    let mut future = match outcome {
        Ok(BodyOutcome::Done(result)) => return Call::Ended(result),
        Ok(BodyOutcome::Future(future)) => Quiet::new(future),
        Err(caught) => return Call::Ended(Err(caught.into_error())),
    };
    if first == FirstPoll::InPlace {
        let mut cx = Cx::from_waker(Waker::noop());
        // The future stays outside: dropped while it panics, it could end the process.
        match guard(|| as_task(now, body.extras.as_ref(), || future.as_mut().poll(&mut cx))) {
            Ok(Poll::Ready(result)) => return Call::Ended(result),
            Ok(Poll::Pending) => {}
            Err(caught) => return Call::Ended(Err(caught.into_error())),
        }
    }
    let context = Context::of(&core.services, &core.graph, now, body.extras.clone());
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
