//! The steps before the body.
use std::sync::Arc;

use super::after::{CANCELLED, cancelled};
use super::keep::{Keeping, check_kept};
use super::load::{MadeOf, is_static, load_inputs};
use super::mapping::map;
use super::template::{OfRun, Purpose, expand};
use super::{Body, Started, Step, done, enter, log_starting, unwatched};
use crate::clock::Tick;
use crate::context::{Extras, Logging};
use crate::engine::{Alike, Done, Job, More, Part, RunId, UpstreamStates, plain};
use crate::flow::trigger::{Refusal, Seen};
use crate::flow::{Elsewhere, Passed, RecordStart, Upstreams};
use crate::limits::{Answer, Demand, Places};
use crate::panics::guard;
use crate::run::RunCore;
use crate::state::{Entry, Looping};
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
    debug_assert!(inputs.is_empty(), "what a job leaves behind is dropped at its end");
    let run = job.run;
    let old = job.more.as_ref().and_then(|more| more.old.as_ref());
    if !old.is_some_and(State::begins_iteration) {
        log_starting(core, run);
    }
    if job.part == Part::Mapping {
        return Prepared::Done(map(core, job, passed, now));
    }
    if job.more.is_none() && has_body_only(core, run) {
        let error = match load_inputs(core, run, passed, inputs, None) {
            Ok(None) => {
                let body = Body {
                    run,
                    attempt: job.attempt,
                    run_count: job.run_count,
                    resumed: false,
                    extras: None,
                    places: None,
                };
                return Prepared::Run(Started { body, since: now, watched: None, keeping: None });
            }
            Ok(Some(error)) | Err(error) => error,
        };
        // What was not loaded must not wait for the next job: it would be dropped under the desk's lock.
        passed.clear();
        inputs.clear();
        return Prepared::Done(without_inputs(core, run, job.attempt, error, now));
    }
    let more = job.more.take().map(|more| *more).unwrap_or_default();
    match steps(core, &job, more, passed, inputs, now) {
        Ok(started) => Prepared::Run(started),
        Err(state) => {
            passed.clear();
            inputs.clear();
            Prepared::Done(done(core, run, job.attempt, now, core.services.clock.now(), state))
        }
    }
}

/// The same for a child of a stretch, if it has no steps but its body and nothing has to be looked at: the body is to be
/// called [with what the stretch has](super::call_alike).
#[inline]
pub(crate) fn prepare_alike(core: &RunCore, alike: &Alike, child: u32, now: Tick) -> Option<Started> {
    let run = alike.run(child);
    // The compiler has seen to the types of static code.
    let is_direct = is_static(core, run.task)
        && Elsewhere::holds(&alike.passed)
        && has_body_only(core, run)
        && core.timeout(run.task).is_none();
    if !is_direct {
        return None;
    }
    log_starting(core, run);
    let body = Body { run, attempt: 1, run_count: 1, resumed: false, extras: None, places: None };
    Some(Started { body, since: now, watched: None, keeping: None })
}

/// The end of a task run whose inputs could not be had.
#[cold]
fn without_inputs(core: &RunCore, run: RunId, attempt: u32, error: TaskError, now: Tick) -> Done {
    let state = core.services.unexpected(error);
    done(core, run, attempt, now, core.services.clock.now(), state)
}

/// The same for one that was about to run its body.
#[cold]
pub(crate) fn no_inputs(core: &RunCore, started: &Started, error: TaskError, now: Tick) -> Done {
    without_inputs(core, started.body.run, started.body.attempt, error, now)
}

/// Whether nobody looks at the task run, and it has no steps but its body.
#[inline]
fn has_body_only(core: &RunCore, run: RunId) -> bool {
    !core.graph.kind(run.task).has_own_steps && unwatched(core, run) && core.needs(run.task).is_none()
}

fn steps(
    core: &RunCore,
    job: &Job,
    more: More,
    passed: &mut Vec<Passed>,
    inputs: &mut Vec<Option<Value>>,
    now: Tick,
) -> Step<Started> {
    let run = job.run;
    let _logging = Logging::before(&core.services, run);
    let tracked = core.tracked(run);
    // Given back if it does not come to its body.
    let let_in = core.limits.as_ref().and_then(|limits| limits.take(run));
    let resumed = more.resumed || let_in.as_ref().is_some_and(|let_in| let_in.resumed);
    let old = more.old.unwrap_or_else(|| State::new(StateKind::Pending));
    let upstream = more.upstream.as_ref();
    check_rejected(core, &tracked, run, &old)?;
    check_upstream_skipped(core, &tracked, run, &old, upstream)?;
    // An upstream task that did not succeed is the trigger's business first.
    let mut made_of = Keeping::looks_at_inputs(core.graph.definition(run.task)).then(MadeOf::new);
    let missing = match load_inputs(core, run, passed, inputs, made_of.as_mut()) {
        Ok(missing) => missing,
        Err(error) => return end(core, &tracked, run, &old, core.services.unexpected(error)),
    };
    let of = OfRun { core, run, run_count: job.run_count, inputs };
    let run_name = set_task_run_name(&tracked, &old, of)?;
    let keeping = match Keeping::of(of, made_of) {
        Ok(keeping) => keeping,
        Err(error) => return end(core, &tracked, run, &old, core.services.unexpected(error)),
    };
    // Handlers may put another state in place of `Cached`: the iteration stays.
    let looping = old.looping().cloned();
    let old = match &keeping {
        Some(keeping) => check_kept(core, &tracked, of, old, keeping)?,
        None => old,
    };
    check_trigger(core, &tracked, run, &old, upstream, resumed)?;
    // A kept result was found, and the trigger has nothing against it.
    if !old.kind().is_pending() && !old.kind().is_queued() {
        return Err(old);
    }
    if let Some(error) = missing {
        return end(core, &tracked, run, &old, core.services.unexpected(error));
    }
    let places = match (let_in, core.needs(run.task)) {
        (Some(let_in), _) if let_in.places.are_lost() => {
            return end(core, &tracked, run, &old, core.services.unexpected(LOST.into()));
        }
        (Some(let_in), _) => Some(let_in.places),
        (None, Some(demand)) => Some(ask_for_places(core, job, demand, &tracked, &old, resumed)?),
        (None, None) => None,
    };
    let state = set_running(core, &tracked, run, &old)?;
    let extras = (run_name.is_some() || looping.is_some()).then(|| Arc::new(Extras { run_name, looping }));
    let body = Body { run, attempt: job.attempt, run_count: job.run_count, resumed, extras, places };
    Ok(Started { body, since: now, watched: Some(Box::new((tracked, state))), keeping })
}

/// Enters the state, then ends the task run with it.
pub(super) fn end<T>(core: &RunCore, tracked: &Tracked, run: RunId, old: &State, state: State) -> Step<T> {
    Err(enter(core, tracked, run, old, state).unwrap_or_else(|ended| ended))
}

/// Somebody was asked, and said no.
pub(super) fn check_rejected(core: &RunCore, tracked: &Tracked, run: RunId, old: &State) -> Step<()> {
    match old.rejection() {
        Some(why) => end(core, tracked, run, old, State::failed(why.to_owned())),
        None => Ok(()),
    }
}

const UPSTREAM_SKIPPED: &str = "Upstream task was skipped; if this was not the intended behavior, \
     consider changing `skip_on_upstream_skip=False` for this task.";

pub(super) fn check_upstream_skipped(
    core: &RunCore,
    tracked: &Tracked,
    run: RunId,
    old: &State,
    upstream: Option<&UpstreamStates>,
) -> Step<()> {
    let skipped = upstream.is_some_and(|upstream| upstream.states.iter().any(|state| state.kind().is_skipped()));
    if skipped && core.graph.definition(run.task).skip_on_upstream_skip {
        return end(core, tracked, run, old, State::skipped(UPSTREAM_SKIPPED));
    }
    Ok(())
}

fn set_task_run_name(tracked: &Tracked, old: &State, of: OfRun<'_>) -> Step<Option<Arc<str>>> {
    let OfRun { core, run, .. } = of;
    let Some(name) = &core.graph.definition(run.task).task_run_name else { return Ok(None) };
    // Inputs become text by their own `Serialize`.
    match guard(|| expand("task_run_name", name, Purpose::Label, of)).unwrap_or_else(|caught| Err(caught.into_error()))
    {
        Ok(name) => Ok(name.map(Arc::from)),
        Err(error) => end(core, tracked, run, old, core.services.unexpected(error)),
    }
}

fn check_trigger(
    core: &RunCore,
    tracked: &Tracked,
    run: RunId,
    old: &State,
    upstream: Option<&UpstreamStates>,
    resumed: bool,
) -> Step<()> {
    // Without states, all that is upstream succeeded, and the trigger is the one that asks for that.
    let Some(upstream) = upstream else { return Ok(()) };
    // The clean-ups of a cancelled run do not wait for what will not run.
    if core.cleans_up() {
        return Ok(());
    }
    let trigger = &core.graph.definition(run.task).trigger;
    let seen = Seen { graph: &core.graph, reader: run.task, records: &upstream.records };
    let upstreams = Upstreams { states: &upstream.states, resumed, seen: Some(seen) };
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
    end(core, tracked, run, old, refusal)
}

fn trigger_failed(core: &RunCore, error: TaskError) -> State {
    core.services.error_state(StateKind::TriggerFailed, "Unexpected error while checking task trigger", error)
}

const LOST: &str = "the run was taken over by another process while this task waited for a place";

/// Takes what the task run needs of limited things, or ends here for now: it is `Queued`, and comes back when it has them.
fn ask_for_places(
    core: &RunCore,
    job: &Job,
    demand: &Arc<Demand>,
    tracked: &Tracked,
    old: &State,
    resumed: bool,
) -> Step<Places> {
    let Some(limits) = &core.limits else { unreachable!("what is needed is limited") };
    let run = job.run;
    let why = match limits.ask(run, demand, resumed, core.full_name(run).to_string()) {
        Answer::Places(places) => return Ok(places),
        Answer::Waits(why) => why,
    };
    let mut queued = State::new(StateKind::Queued).with_message(why);
    if job.run_count > 1 {
        queued = queued.with_run_count(job.run_count);
    }
    if let Some(looping) = old.looping() {
        queued = queued.with_looping(Looping { entry: Entry::Again, ..looping.clone() });
    }
    let state = enter(core, tracked, run, old, queued).unwrap_or_else(|ended| ended);
    // A handler had something else in mind; or the line was left while this one was on its way to it.
    if !state.kind().is_queued() || core.is_cancelled() {
        limits.withdraw(run);
    }
    Err(state)
}

/// A handler that turns `Running` into a state that is not running has vetoed the run, and who cancels the run from there is
/// heard.
fn set_running(core: &RunCore, tracked: &Tracked, run: RunId, old: &State) -> Step<State> {
    let state = enter(core, tracked, run, old, plain(StateKind::Running))?;
    if !state.kind().is_running() {
        return Err(state);
    }
    if core.graph.definition(run.task).record_start == RecordStart::Await
        && let Some(recorder) = &core.services.recorder
        && let Err(lost) = recorder.wait()
    {
        return end(core, tracked, run, &state, State::failed(format!("Unexpected error: {lost}")));
    }
    // It may have been cancelled since the job was taken: by a handler, or while a place or the store was waited for.
    if core.stops(run.task) {
        return end(core, tracked, run, &state, cancelled(CANCELLED));
    }
    Ok(state)
}
