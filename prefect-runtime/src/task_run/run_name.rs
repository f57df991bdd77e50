//! The template of a task run's name, filled in.
use jiff::ToSpan;

use crate::engine::RunId;
use crate::flow::RunName;
use crate::run::RunCore;
use crate::{TaskError, Value};

/// Names in braces become inputs (which win) or what the run context knows; `{{` and `}}` are braces.
pub(super) fn expand(
    core: &RunCore,
    run: RunId,
    run_count: u32,
    name: &RunName,
    inputs: &[Option<Value>],
) -> Result<String, TaskError> {
    let template: &str = &name.0;
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            out.push_str(brace);
            rest = after;
        } else if brace == "{" {
            let end = rest.find('}').ok_or_else(|| format!("task_run_name `{template}`: a `{{` is not closed"))?;
            out.push_str(
                &look_up(core, run, run_count, &rest[..end], inputs)
                    .ok_or_else(|| format!("task_run_name `{template}`: nothing is called `{}`", &rest[..end]))?,
            );
            rest = &rest[end + 1..];
        } else {
            return Err(format!("task_run_name `{template}`: a `}}` closes nothing").into());
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn look_up(core: &RunCore, run: RunId, run_count: u32, key: &str, inputs: &[Option<Value>]) -> Option<String> {
    let parameters = core.graph.kind(run.task).code.parameters();
    if let Some(i) = parameters.iter().position(|p| p.name() == key) {
        return inputs.get(i)?.as_ref().map(text);
    }
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

/// Texts as they are, everything else as JSON.
fn text(value: &Value) -> String {
    if let Some(state) = value.downcast_ref::<crate::State>() {
        return match state.result() {
            crate::StateResult::Value(value) => text(value),
            _ => state.to_string(),
        };
    }
    match value.to_json() {
        Some(Ok(serde_json::Value::String(text))) => text,
        Some(Ok(json)) => json.to_string(),
        _ => format!("<{}>", value.type_name()),
    }
}
