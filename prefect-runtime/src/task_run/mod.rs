//! One task run, from "it is ready" to its next state: Prefect's pipeline, step by step and in its order.
//!
//! Of the pipeline's first steps (is it pending, has its time come, has all upstream finished) the engine has made sure
//! before a job is handed out.
mod after;
mod before;
mod body;
mod keep;
mod load;
mod mapping;
mod template;

use std::sync::Arc;

pub(crate) use after::{Ended, finish};
pub(crate) use before::{Prepared, no_inputs, prepare, prepare_alike};
pub(crate) use body::{Call, FirstPoll, call, call_alike, caught_poll};

use crate::clock::{Tick, nanos};
use crate::context::Extras;
use crate::door::{Change, Handled, handle};
use crate::engine::{Done, End, Other, RunId};
use crate::limits::Places;
use crate::run::RunCore;
use crate::state::Start;
use crate::{State, StateKind, Tracked};

/// A task run whose body is running, or about to.
pub(crate) struct Started {
    pub(crate) body: Body,
    since: Tick,
    /// What it is called and the state it is in, if somebody looks at it; else it is plainly `Running`.
    watched: Option<Box<(Tracked, State)>>,
    /// What is kept of its result.
    keeping: Option<Box<keep::Keeping>>,
}

/// Which body runs, and what it can ask about itself.
#[derive(Clone)]
pub(crate) struct Body {
    pub(crate) run: RunId,
    pub(crate) attempt: u32,
    run_count: u32,
    resumed: bool,
    extras: Option<Arc<Extras>>,
    /// What it has of limited things. Who runs the body holds them, also when nobody waits for it any more.
    pub(crate) places: Option<Places>,
}

/// A step's answer: go on, or the run of this task ends here (for now).
type Step<T> = Result<T, State>;

/// Whether nobody looks at the state changes of this task: no handler, no observer, no store, no log line that is written.
fn unwatched(core: &RunCore, run: RunId) -> bool {
    core.graph.definition(run.task).handlers.is_empty()
        && core.services.observers.is_empty()
        && core.services.recorder.is_none()
        && !tracing::enabled!(target: "prefect.TaskRunner", tracing::Level::DEBUG)
}

/// The one door, for a task. `Err` is the state that the task run ends in.
fn enter(core: &RunCore, tracked: &Tracked, run: RunId, old: &State, new: State) -> Step<State> {
    settle(core, handled(core, tracked, run, old, new).record(None))
}

/// The same, and what follows from the state at once, as `decide` says: it is recorded with it.
fn enter_and_decide(
    core: &RunCore,
    tracked: &Tracked,
    run: RunId,
    (old, new): (&State, State),
    decide: impl FnOnce(&State) -> Option<State>,
) -> Step<(State, Option<State>)> {
    let handled = handled(core, tracked, run, old, new);
    let next = match &handled.change {
        Change::To(state) => decide(state).map(|next| core.with_start_time(next)),
        Change::Ended(_) => None,
    };
    let state = settle(core, handled.record(next.as_ref()))?;
    Ok((state, next))
}

fn handled<'a>(core: &RunCore, tracked: &'a Tracked, run: RunId, old: &'a State, new: State) -> Handled<'a> {
    // Handlers see the moment, not the delay; what they put in place of the state is given one too.
    handle(tracked, &core.graph.definition(run.task).handlers, old, core.with_start_time(new))
}

fn settle(core: &RunCore, change: Change) -> Step<State> {
    match change {
        Change::To(state) => Ok(core.with_start_time(state)),
        Change::Ended(state) => Err(core.with_start_time(state)),
    }
}

/// What the engine is told of a task run that stops in this state.
fn done(core: &RunCore, run: RunId, attempt: u32, started: Tick, ended: Tick, state: State) -> Done {
    // To loop is to go on.
    if !state.begins_iteration() {
        log_finished(core, run, state.kind());
    }
    let due = due(core, &state, ended);
    run.done(attempt, [started, ended], End::Other(Box::new(Other::State(state, due))))
}

/// `Task '{}': Starting task run...`
pub(crate) fn log_starting(core: &RunCore, run: RunId) {
    tracing::info!(target: "prefect.TaskRunner", "Task '{}': Starting task run...", core.full_name(run));
}

/// `Task '{}': Finished task run for task with final state: '{}'`
pub(crate) fn log_finished(core: &RunCore, run: RunId, kind: StateKind) {
    tracing::info!(target: "prefect.TaskRunner", "Task '{}': Finished task run for task with final state: '{kind}'", core.full_name(run));
}

/// When a state that is not finished goes on by itself. A pause without a time waits for somebody.
fn due(core: &RunCore, state: &State, ended: Tick) -> Option<Tick> {
    if !state.kind().is_pending() {
        return None;
    }
    match state.start() {
        Some(Start::After(delay)) => Some(ended.saturating_add(nanos(delay))),
        Some(Start::At(moment)) => Some(core.services.clock.tick_of(moment)),
        None => (state.kind() != StateKind::Paused).then_some(ended),
    }
}
