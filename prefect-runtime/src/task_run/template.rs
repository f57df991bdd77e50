//! Templates of one task run, filled in.
use jiff::ToSpan;

use crate::engine::RunId;
use crate::flow::declared::without_modules;
use crate::flow::template::{Piece, Template};
use crate::run::RunCore;
use crate::{TaskError, Value};

/// The task run that a template is filled in for.
#[derive(Clone, Copy)]
pub(super) struct OfRun<'a> {
    pub(super) core: &'a RunCore,
    pub(super) run: RunId,
    pub(super) run_count: u32,
    pub(super) inputs: &'a [Option<Value>],
}

/// What a filled-in template is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be read: an input that cannot be written is shown by its type.
    Label,
    /// To tell results apart: two inputs of one type must not be taken for the same.
    Place,
}

/// Names in braces become inputs (which win) or what the run context knows. `None` if an input that it names has no value,
/// because its task did not succeed. `what` is the option that the template is of.
pub(super) fn expand(
    what: &str,
    template: &Template,
    purpose: Purpose,
    of: OfRun<'_>,
) -> Result<Option<String>, TaskError> {
    let mut out = String::new();
    for piece in template.pieces().map_err(|why| format!("{what} `{template}`: {why}"))? {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Name(name) => match look_up(of, name) {
                Found::Text(text) => out.push_str(&text),
                Found::Unwritable(of_type) if purpose == Purpose::Label => {
                    out.push('<');
                    out.push_str(of_type);
                    out.push('>');
                }
                Found::Unwritable(of_type) => {
                    let ty = without_modules(of_type);
                    let text = format!(
                        "{what} `{template}`: the input `{name}`, a `{ty}`, lives in memory only and has no text"
                    );
                    return Err(text.into());
                }
                Found::WithoutValue => return Ok(None),
                Found::Nothing => return Err(format!("{what} `{template}`: nothing is called `{name}`").into()),
            },
        }
    }
    Ok(Some(out))
}

enum Found {
    Text(String),
    /// An input of this type, which lives in memory only.
    Unwritable(&'static str),
    /// An input whose task did not succeed.
    WithoutValue,
    Nothing,
}

fn look_up(OfRun { core, run, run_count, inputs }: OfRun<'_>, key: &str) -> Found {
    let parameters = core.graph.kind(run.task).code.parameters();
    if let Some(i) = parameters.iter().position(|p| p.name() == key) {
        return match &inputs[i] {
            None => Found::WithoutValue,
            Some(value) => text(value).map_or_else(|| Found::Unwritable(value.type_name()), Found::Text),
        };
    }
    in_context(core, run, run_count, key).map_or(Found::Nothing, Found::Text)
}

fn in_context(core: &RunCore, run: RunId, run_count: u32, key: &str) -> Option<String> {
    let graph = &core.graph;
    let services = &core.services;
    // The same day all through a run, also when it passes midnight.
    let day = |days: i64| services.started.to_zoned_datetime(jiff::tz::TimeZone::UTC).checked_add(days.days()).ok();
    let dashed = |days| Some(day(days)?.strftime("%Y-%m-%d").to_string());
    let nodash = |days| Some(day(days)?.strftime("%Y%m%d").to_string());
    match key {
        "date" => Some(services.started.to_string()),
        "today" => dashed(0),
        "yesterday" => dashed(-1),
        "tomorrow" => dashed(1),
        "today_nodash" => nodash(0),
        "yesterday_nodash" => nodash(-1),
        "tomorrow_nodash" => nodash(1),
        "flow_name" => Some(services.flow_name.to_string()),
        "flow_run_id" => Some(services.flow_run_id.to_string()),
        "task_name" => Some(graph.name(run.task).to_string()),
        "task_full_name" => Some(core.full_name(run).to_string()),
        "task_slug" => Some(graph.slug(run.task).to_string()),
        "map_index" => Some(run.child.map(|child| child.to_string()).unwrap_or_default()),
        "task_run_count" => Some(run_count.to_string()),
        _ => None,
    }
}

/// Texts as they are, everything else as JSON; `None` if it cannot be written.
fn text(value: &Value) -> Option<String> {
    if let Some(state) = value.downcast_ref::<crate::State>() {
        return match state.result() {
            crate::StateResult::Value(value) => text(value),
            _ => Some(state.to_string()),
        };
    }
    match value.to_json() {
        Some(Ok(serde_json::Value::String(text))) => Some(text),
        Some(Ok(json)) => Some(json.to_string()),
        _ => None,
    }
}
