//! Recorded states, as a run starts from them.
use prefect_store::{StoredResult, TaskRow};

use super::code::kind;
use super::detail::Detail;
use super::recorder::JSON;
use crate::flow::graph::{Graph, TaskId};
use crate::plain::plain as shown;
use crate::state::{Entry, LoopResult, Looping};
use crate::{Serializer, State, StateKind, TaskError, Value, engine};

/// A recorded state, as a run starts from it. The error says what is wrong with it.
pub(super) fn state(
    graph: &Graph,
    task: TaskId,
    row: &TaskRow,
    result: Option<&StoredResult>,
) -> Result<State, String> {
    let of = || format!("task `{}`", shown(graph.slug(task)));
    let kind = kind(row.state)
        .ok_or_else(|| format!("{} is in a state that this release does not know ({})", of(), row.state.number()))?;
    let detail = Detail::read(row.detail.as_deref());
    let unreadable = |why: String| format!("the result of {}: {why}", of());
    // In a loop it is what the iteration before gave: of which type, the body knows.
    let iterated = || -> Result<Option<LoopResult>, String> {
        let json = result.map(json).transpose().map_err(unreadable)?;
        Ok(json.map(|json| LoopResult::Recorded(json.into())))
    };
    let (kind, message) = match kind {
        kind if detail.is_tried_again(kind) => (StateKind::Retrying, None),
        kind => (kind, row.message.as_ref()),
    };
    let state = match kind {
        // Its body had begun, and will begin again. The attempt that was running is made once more.
        StateKind::Running | StateKind::Cancelling | StateKind::Pending | StateKind::Submitted | StateKind::Queued => {
            return Ok(again(&detail, iterated()?));
        }
        // The next iteration had not begun.
        StateKind::Looped => {
            // What could not be written as JSON is lost, and the loop begins anew.
            let Some(result) = iterated()? else { return Ok(State::new(StateKind::Pending)) };
            let ended = detail.iteration.unwrap_or(1);
            let looping = Looping { iteration: ended + 1, result: Some(result), entry: Entry::Begun };
            return Ok(State::new(StateKind::Pending).with_looping(looping));
        }
        kind => engine::plain(kind),
    };
    let mut state = match message {
        Some(message) => state.with_message(message.clone()),
        None => state,
    };
    if detail.rejected {
        state = state.rejected();
    }
    if let Some(error) = detail.error.clone().filter(|_| kind.is_failed()) {
        state = state.with_error(TaskError::from(error));
    }
    if let Some(start) = detail.start() {
        state = state.start_at(start);
    }
    if let Some(count) = detail.run_count {
        state = state.with_run_count(count);
    }
    if let Some(moment) = detail.expires() {
        state = state.with_expiration(moment);
    }
    if let Some(location) = &detail.location {
        state = state.with_location(location.as_str().into());
    }
    if let Some(children) = detail.children {
        state = state.with_children(children);
    }
    if kind.is_finished() {
        let value = result.map(|result| value(graph, task, result)).transpose().map_err(unreadable)?.flatten();
        return Ok(match value {
            Some(value) => state.with_value(value),
            None => state,
        });
    }
    Ok(match iterated()?.and_then(|result| detail.looping(result)) {
        Some(looping) => state.with_looping(looping),
        None => state,
    })
}

/// A task run that is to begin the attempt again which it was in, whoever was asked about it before.
fn again(detail: &Detail, result: Option<LoopResult>) -> State {
    let state = match detail.run_count.filter(|count| *count > 1) {
        Some(count) if detail.resumed => engine::plain(StateKind::Resume).with_run_count(count),
        Some(count) => State::new(StateKind::Retrying).with_run_count(count - 1),
        None if detail.resumed => engine::plain(StateKind::Resume),
        None => State::new(StateKind::Pending),
    };
    match result.and_then(|result| detail.looping(result)) {
        Some(looping) => state.with_looping(looping),
        None => state,
    }
}

/// `None` if nothing is known of what the task gives.
fn value(graph: &Graph, task: TaskId, result: &StoredResult) -> Result<Option<Value>, String> {
    let json = json(result)?;
    let Some(load) = graph.kind(task).code.output().and_then(|output| output.load) else { return Ok(None) };
    let loaded = crate::panics::guard(|| load(Serializer::Json, json));
    match loaded.unwrap_or_else(|caught| Err(caught.into_error())) {
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(format!("what is recorded is none any more: {error}")),
    }
}

fn json(result: &StoredResult) -> Result<&[u8], String> {
    match result.codec {
        JSON => Ok(&result.bytes),
        codec => Err(format!("it is written in a way that this release does not know ({codec})")),
    }
}
