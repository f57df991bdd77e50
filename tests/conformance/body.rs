//! The bodies of recorded tasks.
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use prefect::{
    Inputs, Parameter, Signal, SignalKind, State, StateResult, TaskBody, TaskError, Value, context, sleep_blocking,
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::python::{repr, repr_text};
use crate::record::BodySpec;

/// An error as a recorded body or handler raises it.
#[derive(Debug)]
pub(crate) struct Raised {
    pub(crate) class: &'static str,
    pub(crate) text: String,
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Raised {}

pub(crate) fn value_error(text: impl Into<String>) -> TaskError {
    Raised { class: "ValueError", text: text.into() }.into()
}

#[derive(Deserialize, Clone)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Op {
    Return { value: Json },
    ReturnNone,
    Identity,
    Add { by: Json },
    Mul { by: Json },
    AddXy,
    Sum,
    OneOver,
    Describe,
    Fail { error: String },
    FailIf { equals: Json, error: String },
    SkipIf { equals: Json, message: Option<String> },
    FailFirst { times: u32, value: Json },
    FailFirstIf { equals: Json, times: u32 },
    Signal(SignalSpec),
    SignalFirst { times: u32, value: Json, signal: String, message: Option<String> },
    Sleep { seconds: f64, value: Json },
    Context { key: String },
    Loop { start: i64, until: u32, message: Option<String> },
    LoopFailAt { fail_at: u32, until: u32 },
}

/// A signal that a body or a handler raises.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignalSpec {
    signal: String,
    message: Option<String>,
    with_result: Option<Json>,
}

impl SignalSpec {
    pub(crate) fn signal(&self) -> Result<Signal, String> {
        let kind = match self.signal.as_str() {
            "FAIL" => SignalKind::Fail,
            "TRIGGERFAIL" => SignalKind::TriggerFail,
            "VALIDATIONFAIL" => SignalKind::ValidationFail,
            "SUCCESS" => SignalKind::Success,
            "SKIP" => SignalKind::Skip,
            "RETRY" => SignalKind::Retry,
            "PAUSE" => SignalKind::Pause,
            other => return Err(format!("signal {other}")),
        };
        let mut signal = Signal::of(kind);
        if let Some(message) = &self.message {
            signal = signal.message(message.clone());
        }
        Ok(match &self.with_result {
            Some(result) => signal.with_value(Value::new(result.clone())),
            None => signal,
        })
    }
}

/// The code of a recorded body, or what is missing for it.
pub(crate) fn plain(spec: &BodySpec) -> Result<TaskBody, String> {
    let name = spec.op.get("op").and_then(Json::as_str).unwrap_or_default().to_owned();
    let op = Op::deserialize(Json::Object(spec.op.clone())).map_err(|error| {
        format!("body {name}: {}", error.to_string().split(", expected").next().unwrap_or_default())
    })?;
    match &op {
        Op::Signal(spec) => drop(spec.signal()?),
        Op::SignalFirst { signal, .. } => {
            SignalSpec { signal: signal.clone(), message: None, with_result: None }.signal()?;
        }
        Op::Context { key } if key_of_context(key).is_none() => return Err(format!("context key {key}")),
        _ => {}
    }
    // Whatever became of a task upstream, a recorded body is given its result.
    let parameters = spec.inputs.iter().map(|name| Parameter::state(name.clone())).collect::<Vec<_>>();
    let calls = Arc::new(AtomicU32::new(0));
    Ok(TaskBody::new(parameters, move |inputs| run(&op, inputs, &calls)))
}

fn run(op: &Op, inputs: &mut Inputs<'_>, calls: &AtomicU32) -> Result<Value, TaskError> {
    let given: Vec<Json> = (0..inputs.len()).map(|i| result(&inputs.take::<State>(i))).collect();
    let x = given.first().cloned().unwrap_or_default();
    // Of a mapped task, those calls are counted that this is about.
    let counts = !matches!(op, Op::FailFirstIf { equals, .. } if x != *equals);
    let call = if counts { calls.fetch_add(1, Ordering::SeqCst) + 1 } else { u32::MAX };
    let value = match op {
        Op::ReturnNone => Json::Null,
        Op::Add { by } => calculate(&x, by, i64::checked_add, |x, y| x + y)?,
        Op::Mul { by } => calculate(&x, by, i64::checked_mul, |x, y| x * y)?,
        Op::AddXy => calculate(&x, &given[1], i64::checked_add, |x, y| x + y)?,
        Op::Sum => {
            let items = x.as_array().ok_or_else(|| type_error("a sum of no list"))?;
            items.iter().try_fold(json!(0), |sum, x| calculate(&sum, x, i64::checked_add, |x, y| x + y))?
        }
        Op::OneOver => {
            let x = x.as_f64().ok_or_else(|| type_error("no number"))?;
            if x == 0.0 {
                let text = "division by zero".to_owned();
                return Err(Raised { class: "ZeroDivisionError", text }.into());
            }
            json!(1.0 / x)
        }
        Op::Describe => json!(describe(&x)),
        Op::Fail { error } => return Err(value_error(error)),
        Op::FailIf { equals, error } if x == *equals => return Err(value_error(error)),
        Op::SkipIf { equals, message } if x == *equals => {
            let signal = Signal::of(SignalKind::Skip);
            return Err(message.iter().fold(signal, |signal, text| signal.message(text.clone())).into());
        }
        Op::FailFirstIf { times, .. } if call <= *times => {
            return Err(value_error(format!("attempt {call} failed")));
        }
        Op::FailFirstIf { .. } | Op::Identity | Op::FailIf { .. } | Op::SkipIf { .. } => x,
        Op::FailFirst { times, .. } if call <= *times => return Err(value_error(format!("attempt {call} failed"))),
        Op::Signal(spec) => return Err(spec.signal()?.into()),
        Op::SignalFirst { times, signal, message, .. } if call <= *times => {
            let spec = SignalSpec { signal: signal.clone(), message: message.clone(), with_result: None };
            return Err(spec.signal()?.into());
        }
        Op::Return { value } | Op::FailFirst { value, .. } | Op::SignalFirst { value, .. } => value.clone(),
        Op::Sleep { seconds, value } => {
            sleep_blocking(Duration::from_secs_f64(*seconds));
            value.clone()
        }
        Op::Context { key } => key_of_context(key).unwrap_or_default(),
        Op::Loop { start, until, message } => {
            let doubled = json!(loop_result().unwrap_or(*start) * 2);
            if context().task_loop_count() < *until {
                let signal = Signal::looping(doubled);
                return Err(message.iter().fold(signal, |signal, text| signal.message(text.clone())).into());
            }
            doubled
        }
        Op::LoopFailAt { fail_at, until } => {
            let (previous, context) = (loop_result().unwrap_or(0), context());
            let (iteration, run) = (context.task_loop_count(), context.task_run_count());
            if iteration == *fail_at && run == 1 {
                return Err(value_error(format!("loop {iteration} failed")));
            }
            if iteration < *until {
                return Err(Signal::looping(json!(previous + 1)).into());
            }
            json!([previous, iteration, run])
        }
    };
    Ok(Value::new(value))
}

fn type_error(text: &str) -> TaskError {
    Raised { class: "TypeError", text: text.to_owned() }.into()
}

/// Whole numbers stay whole.
fn calculate(
    x: &Json,
    y: &Json,
    whole: fn(i64, i64) -> Option<i64>,
    broken: fn(f64, f64) -> f64,
) -> Result<Json, TaskError> {
    if let (Some(x), Some(y)) = (x.as_i64(), y.as_i64()) {
        return whole(x, y).map(|z| json!(z)).ok_or_else(|| type_error("a number too large"));
    }
    let (Some(x), Some(y)) = (x.as_f64(), y.as_f64()) else { return Err(type_error("no numbers")) };
    Ok(json!(broken(x, y)))
}

/// What the iteration before gave.
fn loop_result() -> Option<i64> {
    context().task_loop_result::<Json>().as_ref().and_then(Json::as_i64)
}

fn key_of_context(key: &str) -> Option<Json> {
    let context = context();
    Some(match key {
        "flow_name" => json!(context.flow_name()),
        "map_index" => json!(context.map_index()),
        "task_full_name" => json!(context.task_full_name()),
        "task_name" => json!(context.task_name()),
        "task_run_count" => json!(context.task_run_count()),
        "task_run_name" => json!(context.task_run_name()),
        "task_slug" => json!(context.task_slug()),
        "task_tags" => json!({ "set": context.task_tags() }),
        // Prefect counts only tasks that have looped.
        "task_loop_count" => json!(Some(context.task_loop_count()).filter(|count| *count > 1)),
        _ => return None,
    })
}

/// The result of a state as records write it.
pub(crate) fn result(state: &State) -> Json {
    match state.result() {
        // What the children of a mapped task gave.
        StateResult::Value(value) if value.is::<Vec<State>>() => {
            value.downcast_ref::<Vec<State>>().into_iter().flatten().map(result).collect()
        }
        StateResult::Value(value) => match value.downcast_ref::<Json>() {
            Some(json) => json.clone(),
            None => value.to_json().and_then(Result::ok).unwrap_or_default(),
        },
        StateResult::Error(error) => {
            let (class, message) = (error.downcast_ref().map_or("Error", |e: &Raised| e.class), error.to_string());
            let repr = format!("{class}({})", repr_text(&message));
            json!({ "error": class, "message": message, "repr": repr })
        }
        StateResult::Signal(kind, message) => {
            let signal = if *kind == SignalKind::Timeout { "TaskTimeoutSignal" } else { kind.name() };
            json!({ "signal": signal, "message": message.as_deref() })
        }
        _ => Json::Null,
    }
}

/// Texts as they are, everything else as Python shows it.
pub(crate) fn describe(x: &Json) -> String {
    x.as_str().map_or_else(|| repr(x), str::to_owned)
}
