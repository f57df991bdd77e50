//! The steps after the body.
use std::borrow::Cow;

use super::keep::{Keeping, cached, checkpoint, keep_cached};
use super::{Body, Started, Step, done, enter, enter_and_decide, log_finished};
use crate::clock::Tick;
use crate::context::Logging;
use crate::engine::{Done, End, RunId, plain};
use crate::panics::guard;
use crate::run::RunCore;
use crate::state::{Entry, LoopResult, Looping};
use crate::{Signal, SignalKind, State, StateKind, StateResult, TaskError, Tracked, Value};

/// How a body ended.
pub(crate) enum Ended {
    /// By itself.
    Body(Result<Value, TaskError>),
    /// It took longer than its timeout.
    TimedOut,
    /// The run was cancelled while it waited.
    Cancelled,
}

/// Takes a task run from the end of its body to its next state.
#[inline]
pub(crate) fn finish(core: &RunCore, started: Started, ended: Ended, now: Tick) -> Done {
    // Its places are given back when its new state is known, unless its body still runs.
    let Started { body: Body { run, attempt, run_count, extras, places, .. }, since: at, watched, keeping } = started;
    let ended = match ended {
        Ended::Body(Ok(value)) if watched.is_none() => {
            log_finished(core, run, StateKind::Success);
            return run.done(attempt, [at, now], End::Success(value));
        }
        ended => ended,
    };
    let (tracked, running) = watched.map_or_else(|| (core.tracked(run), plain(StateKind::Running)), |watched| *watched);
    let iteration = Iteration { run, run_count, looping: extras.as_ref().and_then(|extras| extras.looping.as_ref()) };
    let state = steps(core, iteration, &tracked, &running, ended, keeping).unwrap_or_else(|state| state);
    let state = match iteration.looping {
        // It comes back to the same iteration.
        Some(looping) if !state.kind().is_finished() && state.looping().is_none() => {
            state.with_looping(Looping { entry: Entry::Again, ..looping.clone() })
        }
        _ => state,
    };
    let done = done(core, run, attempt, at, core.services.clock.now().max(now), state);
    drop(places);
    done
}

/// What has ended.
#[derive(Clone, Copy)]
struct Iteration<'a> {
    run: RunId,
    run_count: u32,
    looping: Option<&'a Looping>,
}

fn steps(
    core: &RunCore,
    this: Iteration<'_>,
    tracked: &Tracked,
    running: &State,
    ended: Ended,
    keeping: Option<Box<Keeping>>,
) -> Step<State> {
    let _logging = Logging::after(&core.services, this.run);
    let (state, ends) = outcome(core, this, ended, keeping.as_deref());
    let decide = |state: &State| match ends {
        Ends::Now => None,
        Ends::ByTheRules => retry(core, this.run, this.run_count, state),
    };
    let (mut state, mut next) = enter_and_decide(core, tracked, this.run, (running, state), decide)?;
    if state.kind() == StateKind::Looped {
        return Ok(next_iteration(state));
    }
    if let (Ends::ByTheRules, Some(cached)) = (ends, cached(core, this.run, keeping.as_deref(), &state)) {
        let expires = cached.cached_result_expiration();
        (state, next) = enter_and_decide(core, tracked, this.run, (&state, cached), decide)?;
        keep_cached(core, this.run, keeping.zip(expires), &state);
    }
    match next {
        Some(next) => enter(core, tracked, this.run, &state, next),
        None => Ok(state),
    }
}

/// A task that loops is pending again at once; no handler hears of that.
fn next_iteration(mut looped: State) -> State {
    let ended = looped.looping().map_or(1, |looping| looping.iteration);
    let looping =
        Looping { iteration: ended + 1, result: looped.take_value().map(LoopResult::Value), entry: Entry::Begun };
    State::new(StateKind::Pending).with_message(format!("Looping task (on loop index {ended})")).with_looping(looping)
}

#[derive(Clone, Copy)]
enum Ends {
    /// Without a look at the retries.
    Now,
    ByTheRules,
}

/// The state that the end of a body asks for.
fn outcome(core: &RunCore, this: Iteration<'_>, ended: Ended, keeping: Option<&Keeping>) -> (State, Ends) {
    let error = match ended {
        Ended::Body(Ok(value)) => {
            return (checkpoint(core, keeping, value), Ends::ByTheRules);
        }
        Ended::Cancelled => return (cancelled(CANCELLED), Ends::Now),
        Ended::TimedOut => {
            let state = Signal::of(SignalKind::Timeout).into_state();
            let result = StateResult::Signal(SignalKind::Timeout, Some("Execution timed out.".into()));
            return (state.with_message("Task timed out during execution.").with_result(result), Ends::ByTheRules);
        }
        Ended::Body(Err(error)) => error,
    };
    if let Some(signal) = error.downcast_ref::<Signal>() {
        // A success is a result like any other, and to loop is to go on.
        if !matches!(signal.kind(), SignalKind::Success | SignalKind::Loop) {
            tracing::info!(target: "prefect.TaskRunner", "{} signal raised: {signal}", signal.kind().name());
        }
        let ends = if signal.kind() == SignalKind::EndRun { Ends::Now } else { Ends::ByTheRules };
        let state = signal.state().clone();
        let state = match signal.kind() {
            SignalKind::Retry => {
                let state = state.with_run_count(this.run_count);
                if state.start().is_none() { state.start_in(std::time::Duration::ZERO) } else { state }
            }
            SignalKind::Loop => {
                let iteration = this.looping.map_or(1, |looping| looping.iteration);
                let state = state.with_looping(Looping { iteration, result: None, entry: Entry::Begun });
                if state.message().is_none() {
                    state.with_message(format!("Task is looping ({iteration})"))
                } else {
                    state
                }
            }
            _ => state,
        };
        return (state, ends);
    }
    // It was told to stop, and has.
    if core.stops(this.run.task) {
        return (cancelled(format!("{CANCELLED}: {}", core.services.redacted(&error))), Ends::Now);
    }
    tracing::error!(target: "prefect.TaskRunner", "Task '{}': Exception encountered during task execution!", core.full_name(this.run));
    (core.services.error_state(StateKind::Failed, "Error during execution of task", error), Ends::ByTheRules)
}

pub(super) const CANCELLED: &str = "Cancelled while it ran";

pub(super) fn cancelled(message: impl Into<Cow<'static, str>>) -> State {
    State::new(StateKind::Cancelled).with_message(message)
}

/// The state that follows at once on one that a body has led to: it is tried again, or could not be asked whether it should be.
fn retry(core: &RunCore, run: RunId, attempt: u32, state: &State) -> Option<State> {
    let retries = core.retries(run.task);
    if !state.kind().is_failed() || retries.max == 0 || core.stops(run.task) {
        return None;
    }
    if let Some(retry_on) = &core.graph.definition(run.task).retry_on {
        // Asked on the last attempt too, as Prefect does. A signal or a timeout is no error that it could name.
        let allowed = match state.result() {
            StateResult::None => Ok(true),
            StateResult::Error(error) => guard(|| retry_on.allows(error)),
            StateResult::Signal(..) | StateResult::Value(_) => Ok(false),
        };
        match allowed {
            Ok(true) => {}
            Ok(false) => {
                tracing::info!(
                    target: "prefect.TaskRunner",
                    "Task '{}': Skipping retry. The error is none of those that `retry_on` names.",
                    core.full_name(run)
                );
                return None;
            }
            Err(caught) => return Some(core.services.unexpected(caught.into_error())),
        }
    }
    if attempt > retries.max {
        return None;
    }
    let delay = retries.delay.after(attempt, || core.random(run, attempt));
    let message = format!("Retrying Task (after attempt {attempt} of {})", u64::from(retries.max) + 1);
    Some(State::new(StateKind::Retrying).with_message(message).with_run_count(attempt).start_in(delay))
}
