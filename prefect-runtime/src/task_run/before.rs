//! The steps before the body.
use std::sync::Arc;

use super::{Body, Started, Step, done, enter, log_starting, run_name, unwatched};
use crate::clock::Tick;
use crate::engine::{Done, Job, More};
use crate::flow::definition::Expects;
use crate::flow::graph::TaskId;
use crate::flow::trigger::Refusal;
use crate::flow::{Parameter, Passed, Slot, Upstreams};
use crate::panics::guard;
use crate::run::RunCore;
use crate::{Signal, State, StateKind, TaskError, Tracked, Value};

/// What comes of the steps before the body.
pub(crate) enum Prepared {
    /// The body is to be called with the inputs.
    Run(Started),
    /// The task run ends without its body.
    Done(Done),
}

/// Takes a job through the steps before its body; the inputs end up in `inputs`.
#[inline]
pub(crate) fn prepare(
    core: &RunCore,
    mut job: Job,
    passed: &mut Vec<Passed>,
    inputs: &mut Vec<Option<Value>>,
    now: Tick,
) -> Prepared {
    inputs.clear();
    log_starting(core, job.task);
    let plain = job.more.is_none() && core.graph.slots(job.task).is_none();
    if plain && unwatched(core, job.task) && core.graph.definition(job.task).task_run_name.is_none() {
        inputs.extend(passed.drain(..).map(|passed| match passed {
            Passed::Value(value) => Some(value),
            Passed::State(_) => unreachable!("a job without more has values only"),
        }));
        let body =
            Body { task: job.task, attempt: job.attempt, run_count: job.run_count, resumed: false, run_name: None };
        return Prepared::Run(Started { body, since: now, watched: None });
    }
    let more = job.more.take().map(|more| *more).unwrap_or_default();
    match steps(core, &job, more, passed, inputs, now) {
        Ok(started) => Prepared::Run(started),
        Err(state) => {
            // What was not loaded must not wait for the next job: it would be dropped under the desk's lock.
            passed.clear();
            Prepared::Done(done(core, job.task, job.attempt, now, core.services.clock.now(), state))
        }
    }
}

fn steps(
    core: &RunCore,
    job: &Job,
    more: More,
    passed: &mut Vec<Passed>,
    inputs: &mut Vec<Option<Value>>,
    now: Tick,
) -> Step<Started> {
    let task = job.task;
    let tracked = core.tracked(task);
    let resumed = more.resumed;
    let old = more.old.unwrap_or_else(|| State::new(StateKind::Pending));
    let upstream = more.upstream.as_deref();
    check_upstream_skipped(core, &tracked, task, &old, upstream)?;
    // An upstream task that did not succeed is the trigger's business first.
    let missing = match load_inputs(core, task, passed, inputs) {
        Ok(missing) => missing,
        Err(error) => return end(core, &tracked, task, &old, core.services.unexpected(error)),
    };
    let run_name = set_task_run_name(core, &tracked, job, &old, inputs)?;
    check_trigger(core, &tracked, task, &old, upstream, resumed)?;
    if let Some(error) = missing {
        return end(core, &tracked, task, &old, core.services.unexpected(error));
    }
    let state = set_running(core, &tracked, task, &old)?;
    let body = Body { task, attempt: job.attempt, run_count: job.run_count, resumed, run_name };
    Ok(Started { body, since: now, watched: Some((tracked, state)) })
}

/// Enters the state, then ends the task run with it.
fn end<T>(core: &RunCore, tracked: &Tracked, task: TaskId, old: &State, state: State) -> Step<T> {
    Err(enter(core, tracked, task, old, state).unwrap_or_else(|ended| ended))
}

const UPSTREAM_SKIPPED: &str = "Upstream task was skipped; if this was not the intended behavior, \
     consider changing `skip_on_upstream_skip=False` for this task.";

fn check_upstream_skipped(
    core: &RunCore,
    tracked: &Tracked,
    task: TaskId,
    old: &State,
    upstream: Option<&[State]>,
) -> Step<()> {
    let skipped = upstream.is_some_and(|states| states.iter().any(|state| state.kind().is_skipped()));
    if skipped && core.graph.definition(task).skip_on_upstream_skip {
        return end(core, tracked, task, old, State::skipped(UPSTREAM_SKIPPED));
    }
    Ok(())
}

/// Puts what the edges bring, and the constants, in the order of the parameters. Gives the first input that has no value
/// because its task did not succeed.
fn load_inputs(
    core: &RunCore,
    task: TaskId,
    passed: &mut Vec<Passed>,
    inputs: &mut Vec<Option<Value>>,
) -> Result<Option<TaskError>, TaskError> {
    let mut missing = None;
    let mut load = |parameter: &Parameter, passed: Passed, from: TaskId| {
        match load_one(core, parameter, passed, from) {
            Ok(value) => return Ok(Some(value)),
            Err(NoInput::NotSuccessful(error)) => missing.get_or_insert_with(|| error.into()),
            Err(NoInput::Unfit(error)) => return Err(TaskError::from(error)),
        };
        Ok(None)
    };
    let parameters = core.graph.kind(task).code.parameters();
    let upstream = core.graph.data_upstream(task);
    let mut passed = passed.drain(..);
    let Some(slots) = core.graph.slots(task) else {
        for ((parameter, from), passed) in parameters.iter().zip(upstream).zip(passed) {
            inputs.push(load(parameter, passed, *from)?);
        }
        return Ok(missing);
    };
    for (parameter, slot) in parameters.iter().zip(slots) {
        inputs.push(match slot {
            Slot::Value(value) => load(parameter, Passed::Value(value.clone()), task)?,
            Slot::Upstream(from) => load(parameter, passed.next().expect("one for each edge"), *from)?,
            Slot::Computed(computed) => {
                let mut given: Vec<_> = passed.by_ref().take(computed.upstream.len()).collect();
                match guard(|| (computed.make)(&given)).map_err(crate::panics::Caught::into_error)? {
                    Ok(value) => Some(value),
                    // The edge that has no value where one is needed.
                    Err(i) => load(parameter, given.swap_remove(i), computed.upstream[i])?,
                }
            }
        });
    }
    Ok(missing)
}

/// Why there is no input.
enum NoInput {
    /// Its task did not succeed.
    NotSuccessful(String),
    /// Its task succeeded with something else.
    Unfit(String),
}

fn load_one(core: &RunCore, parameter: &Parameter, passed: Passed, from: TaskId) -> Result<Value, NoInput> {
    match (&parameter.expects, passed) {
        (Expects::State, Passed::State(state)) => Ok(Value::in_memory(*state)),
        (Expects::State, Passed::Value(value)) => Ok(Value::in_memory(success_with(value))),
        (Expects::Any, Passed::Value(value)) => Ok(value),
        (Expects::Type { id, .. }, Passed::Value(value)) if value.type_id_of_value() == id() => Ok(value),
        (Expects::Type { name, .. }, Passed::Value(value)) => Err(NoInput::Unfit(format!(
            "parameter `{}` takes a `{}`, but task `{}` gave a `{}`",
            parameter.name(),
            name(),
            core.graph.name(from),
            value.type_name(),
        ))),
        (_, Passed::State(state)) => {
            let text = no_value(core, parameter, from, &state);
            Err(if state.kind() == StateKind::Success { NoInput::Unfit(text) } else { NoInput::NotSuccessful(text) })
        }
    }
}

fn success_with(value: Value) -> State {
    crate::engine::plain(StateKind::Success).with_value(value)
}

fn no_value(core: &RunCore, parameter: &Parameter, from: TaskId, state: &State) -> String {
    let wanted = match parameter.expects {
        Expects::Type { name, .. } => format!("takes a `{}`", name()),
        Expects::Any | Expects::State => "needs a value".to_owned(),
    };
    format!(
        "parameter `{}` {wanted}, but task `{}` is in a {} state without a value",
        parameter.name(),
        core.graph.name(from),
        state.kind()
    )
}

fn set_task_run_name(
    core: &RunCore,
    tracked: &Tracked,
    job: &Job,
    old: &State,
    inputs: &[Option<Value>],
) -> Step<Option<Arc<str>>> {
    let task = job.task;
    let Some(name) = &core.graph.definition(task).task_run_name else { return Ok(None) };
    // Inputs become text by their own `Serialize`.
    let expanded = guard(|| run_name::expand(core, task, job.run_count, name, inputs));
    match expanded.unwrap_or_else(|caught| Err(caught.into_error())) {
        Ok(name) => Ok(Some(name.into())),
        Err(error) => end(core, tracked, task, old, core.services.unexpected(error)),
    }
}

fn check_trigger(
    core: &RunCore,
    tracked: &Tracked,
    task: TaskId,
    old: &State,
    upstream: Option<&[State]>,
    resumed: bool,
) -> Step<()> {
    // Without states, all that is upstream succeeded, and the trigger is the one that asks for that.
    let Some(states) = upstream else { return Ok(()) };
    let trigger = &core.graph.definition(task).trigger;
    let upstreams = Upstreams { states, resumed };
    let refusal = match guard(|| trigger.check(&upstreams)) {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(Refusal::State(state))) => state,
        Ok(Err(Refusal::Error(error))) => trigger_failed(core, error),
        Err(caught) => {
            let error = caught.into_error();
            match error.downcast_ref::<Signal>() {
                Some(signal) => signal.clone().into_state(),
                None => trigger_failed(core, error),
            }
        }
    };
    end(core, tracked, task, old, refusal)
}

fn trigger_failed(core: &RunCore, error: TaskError) -> State {
    core.services.error_state(StateKind::TriggerFailed, "Unexpected error while checking task trigger", error)
}

/// A handler that turns `Running` into a state that is not running has vetoed the run.
fn set_running(core: &RunCore, tracked: &Tracked, task: TaskId, old: &State) -> Step<State> {
    let running = State::new(StateKind::Running).with_message("Starting task run.");
    let state = enter(core, tracked, task, old, running)?;
    if state.kind().is_running() { Ok(state) } else { Err(state) }
}
