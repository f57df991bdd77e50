//! Results that are kept: looked for before the body, written and shelved after it.
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::before::end;
use super::load::MadeOf;
use super::template::{OfRun, Purpose, expand};
use super::{Step, enter};
use crate::cache::{CacheCandidate, Given, GivenValue, Kept, LooksAt, duration_only};
use crate::engine::{RunId, plain};
use crate::flow::AnyOutput;
use crate::flow::definition::TaskDefinition;
use crate::flow::template::Template;
use crate::panics::{Caught, guard};
use crate::results::{IntoTaskResult as _, TaskResult, Written};
use crate::run::RunCore;
use crate::{LocalResult, State, StateKind, StateResult, TaskError, Tracked, Value};

/// What a task run knows of its kept result before its body takes the inputs.
pub(super) struct Keeping {
    place: Option<Place>,
    inputs: Given,
    parameters: Given,
}

/// Where the result is kept.
struct Place {
    result: TaskResult,
    location: Arc<str>,
    output: AnyOutput,
    /// Whether it is written there, and not only looked for.
    writes: bool,
}

/// What decides about kept results looks at.
fn looks_at(definition: &TaskDefinition) -> Option<&LooksAt> {
    definition.cache_for?;
    definition.cache_validator.as_ref().map(|validator| &validator.looks_at)
}

impl Keeping {
    pub(super) fn looks_at_inputs(definition: &TaskDefinition) -> bool {
        looks_at(definition).is_some_and(LooksAt::inputs)
    }

    /// `None` if nothing is kept of this task.
    pub(super) fn of(of: OfRun<'_>, made_of: Option<MadeOf>) -> Result<Option<Box<Self>>, TaskError> {
        let OfRun { core, run, inputs, .. } = of;
        let definition = core.graph.definition(run.task);
        let place = guard(|| place(definition, of)).unwrap_or_else(|caught| Err(caught.into_error()))?;
        if place.is_none() && definition.cache_for.is_none() {
            return Ok(None);
        }
        let mut keeping = Self { place, inputs: Given::new(), parameters: Given::new() };
        if let Some(made_of) = made_of {
            let parameters = core.graph.kind(run.task).code.parameters();
            let named = parameters.iter().zip(inputs).map(|(parameter, input)| GivenValue {
                name: parameter.name().into(),
                value: input.clone(),
                made_of: None,
            });
            keeping.inputs = named.collect();
            for (place, made_of) in made_of {
                keeping.inputs[place].made_of = Some(made_of);
            }
        }
        if looks_at(definition).is_some_and(LooksAt::parameters) {
            keeping.parameters = core.parameters();
        }
        Ok(Some(Box::new(keeping)))
    }
}

fn place(definition: &TaskDefinition, of: OfRun<'_>) -> Result<Option<Place>, TaskError> {
    let OfRun { core, run, .. } = of;
    let Some(output) = core.graph.kind(run.task).code.output().filter(|output| output.load.is_some()) else {
        return Ok(None);
    };
    let result = definition.result.as_ref().or(core.graph.options.result.as_ref());
    if definition.target.is_none() && result.is_none() {
        return Ok(None);
    }
    let result = result.cloned().unwrap_or_else(|| LocalResult::new().into_task_result());
    let result = match &core.results {
        Some(store) => result.kept_in(store),
        None => result,
    };
    let location = match (&definition.target, &result.location) {
        (Some(target), _) => expand("target", target, Purpose::Place, of)?,
        (None, Some(location)) => expand("the location of the result", location, Purpose::Place, of)?,
        (None, None) => {
            let child = if run.child.is_some() { "-{map_index}" } else { "" };
            let template = format!("{{flow_name}}/{{flow_run_id}}/{{task_slug}}{child}.{}", result.ending());
            expand("the location of the result", &Template::new(template), Purpose::Place, of)?
        }
    };
    // Without one of its inputs the task does not run, or takes what became of an upstream task: nothing to keep.
    let Some(location) = location else { return Ok(None) };
    let writes = definition.checkpoint && core.services.config.settings().checkpointing;
    Ok(Some(Place { result, location: location.into(), output, writes }))
}

/// The state of a task whose result is there already: `Cached`, entered. The old one if there is none.
pub(super) fn check_kept(
    core: &RunCore,
    tracked: &Tracked,
    of: OfRun<'_>,
    old: State,
    keeping: &Keeping,
) -> Step<State> {
    let definition = core.graph.definition(of.run.task);
    let found = match (&definition.target, &keeping.place) {
        (Some(_), Some(place)) => match place.result.read(place.output, &place.location) {
            Ok(found) => found.map(|value| {
                let message = format!("Result found at task target {}", place.location);
                let state = State::new(StateKind::Cached).with_message(message).with_value(value);
                state.with_location(Arc::clone(&place.location))
            }),
            Err(error) => return end(core, tracked, of.run, &old, core.services.unexpected(error)),
        },
        (None, _) if definition.cache_for.is_some() => match on_shelf(core, definition, of, keeping) {
            Ok(Some(state)) => Some(state),
            Ok(None) => {
                tracing::warn!(target: "prefect.TaskRunner", "Task '{}': Can't use cache because it is now invalid", core.full_name(of.run));
                None
            }
            Err(error) => return end(core, tracked, of.run, &old, core.services.unexpected(error)),
        },
        _ => None,
    };
    match found {
        Some(state) => enter(core, tracked, of.run, &old, state),
        None => Ok(old),
    }
}

/// What the first kept result that fits makes of the task run.
fn on_shelf(
    core: &RunCore,
    definition: &TaskDefinition,
    of: OfRun<'_>,
    keeping: &Keeping,
) -> Result<Option<State>, TaskError> {
    let validator = definition.cache_validator.clone().unwrap_or_else(duration_only);
    let wanted = core.graph.kind(of.run.task).code.output().map(|output| (output.type_id)());
    let now = core.services.clock.timestamp();
    for kept in core.cache.on_shelf(cache_key(definition)) {
        // Another task may keep other things on the same shelf.
        if wanted.is_some_and(|wanted| kept.value.type_id_of_value() != wanted) {
            continue;
        }
        let candidate = CacheCandidate { kept: &kept, inputs: &keeping.inputs, parameters: &keeping.parameters, now };
        if guard(|| validator.accepts(&candidate)).map_err(Caught::into_error)? {
            let mut state = State::new(StateKind::Cached).with_value(kept.value.clone()).with_expiration(kept.expires);
            if let Some(message) = &kept.message {
                state = state.with_message(message.clone());
            }
            if let Some(location) = &kept.location {
                state = state.with_location(Arc::clone(location));
            }
            return Ok(Some(state));
        }
    }
    Ok(None)
}

fn cache_key(definition: &TaskDefinition) -> &str {
    definition.cache_key.as_ref().unwrap_or(&definition.name)
}

/// The state of a body that returned: its result is written where it is to be kept.
pub(super) fn checkpoint(core: &RunCore, keeping: Option<&Keeping>, value: Value) -> State {
    let success = plain(StateKind::Success);
    let Some(place) = keeping.and_then(|keeping| keeping.place.as_ref()).filter(|place| place.writes) else {
        return success.with_value(value);
    };
    match place.result.write(place.output, &value, &place.location) {
        Ok(Written::Kept) => success.with_value(value).with_location(Arc::clone(&place.location)),
        Ok(Written::Nothing) => success.with_value(value),
        Err(error) => core.services.unexpected(error),
    }
}

/// `Cached`, if the result is to be kept for later runs: a state of its own, after the success.
pub(super) fn cached(core: &RunCore, run: RunId, keeping: Option<&Keeping>, state: &State) -> Option<State> {
    let time = core.graph.definition(run.task).cache_for.filter(|_| keeping.is_some())?;
    if !state.kind().is_successful() || state.kind().is_skipped() {
        return None;
    }
    let now = core.services.clock.timestamp();
    let expires = SignedDuration::try_from(time).ok().and_then(|time| now.checked_add(time).ok());
    let expires = expires.unwrap_or(Timestamp::MAX);
    let mut cached = State::new(StateKind::Cached).with_result(state.result().clone()).with_expiration(expires);
    if let Some(message) = state.message() {
        cached = cached.with_message(message.to_owned());
    }
    if let Some(location) = state.result_location() {
        cached = cached.with_location(location.into());
    }
    Some(cached)
}

/// Keeps what a task run gave until this moment, if it has come to `Cached`.
pub(super) fn keep_cached(core: &RunCore, run: RunId, keeping: Option<(Box<Keeping>, Timestamp)>, state: &State) {
    let (StateKind::Cached, StateResult::Value(value), Some((keeping, expires))) =
        (state.kind(), state.result(), keeping)
    else {
        return;
    };
    let Keeping { inputs, parameters, .. } = *keeping;
    let message = state.message().map(str::to_owned);
    let location = state.result_location().map(Arc::from);
    let kept = Kept { value: value.clone(), message, location, expires, inputs, parameters };
    core.keep_after_the_run(run, cache_key(core.graph.definition(run.task)).to_owned(), kept);
}
