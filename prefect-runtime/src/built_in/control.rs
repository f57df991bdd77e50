//! Tasks that decide what else runs.
use std::any::Any;
use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use super::BuiltIn;
use super::values::unary;
use crate::flow::definition::Parameter;
use crate::quiet::Quiet;
use crate::trigger::{all_finished, not_all_skipped};
use crate::{Data, Outcome, Signal, State, StateResult, TaskBody, TaskDefinition, TaskError, Trigger, Value};

/// `CompareValue`: skips, and with it what is downstream, unless its input `value` equals this one.
///
/// `case` calls it `case({value})`, `switch` calls it `CompareValue: "{value}"` and tags it `switch`.
///
/// ```
/// use prefect::{FlowBuilder, FlowOptions, StateKind, Value, built_in};
///
/// let mut flow = FlowBuilder::new(FlowOptions::new("compare"));
/// let (definition, body) = built_in::compare_value(2_i64);
/// let compare = flow.task(definition.named("case(2)"), body);
/// flow.constant(compare, "value", Value::new(1_i64));
/// let state = flow.build().run().state_of(compare);
/// assert_eq!(state.kind(), StateKind::Skipped);
/// assert_eq!(state.message(), Some("Provided value \"1\" did not match \"2\""));
/// ```
pub fn compare_value<T: PartialEq + Debug + Send + Sync + 'static>(value: T) -> BuiltIn {
    let name = format!("CompareValue: \"{}\"", shown(&value));
    compare(name, Arc::new(value))
}

pub(crate) fn compare<T: PartialEq + Debug + Send + Sync + 'static>(
    name: impl Into<Cow<'static, str>>,
    value: Arc<T>,
) -> BuiltIn {
    let value = Quiet::new(value);
    let body = TaskBody::new([Parameter::of::<T>("value")], move |inputs| {
        let given = inputs.take::<T>(0);
        if *given == **value {
            return Ok(Value::new(()));
        }
        Err(Signal::skip(format!("Provided value \"{}\" did not match \"{}\"", shown(&*given), shown(&**value))).into())
    });
    (TaskDefinition::new(name), body)
}

/// Skips if the value is one of these: the last branch of `choose`.
pub(crate) fn otherwise<T: PartialEq + Debug + Send + Sync + 'static>(values: Vec<Arc<T>>) -> BuiltIn {
    let values = Quiet::new(values);
    let body = TaskBody::new([Parameter::of::<T>("value")], move |inputs| {
        let given = inputs.take::<T>(0);
        if values.iter().any(|value| *given == **value) {
            return Err(Signal::skip(format!("Provided value \"{}\" matched a case", shown(&*given))).into());
        }
        Ok(Value::new(()))
    });
    (TaskDefinition::new("case(otherwise)"), body)
}

/// A value as messages and names have it: a text without quotes, anything else as `Debug` has it.
pub(crate) fn shown<T: Debug + 'static>(value: &T) -> String {
    let any: &dyn Any = value;
    match any.downcast_ref::<serde_json::Value>() {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(json) => json.to_string(),
        None => any.downcast_ref::<String>().cloned().unwrap_or_else(|| format!("{value:?}")),
    }
}

/// `as_bool`: whether its input `x` is true, by a rule of yours. `ifelse` compares its result.
///
/// ```
/// use prefect::{FlowBuilder, FlowOptions, Value, built_in};
///
/// let mut flow = FlowBuilder::new(FlowOptions::new("truth"));
/// let (definition, body) = built_in::as_bool(|x: &i64| *x != 0);
/// let truth = flow.task(definition, body);
/// flow.constant(truth, "x", Value::new(3_i64));
/// assert_eq!(flow.build().run().state_of(truth).value(), Some(&true));
/// ```
pub fn as_bool<T: Send + Sync + 'static>(truth: impl Fn(&T) -> bool + Send + Sync + 'static) -> BuiltIn {
    unary("as_bool", truth)
}

/// `Merge`: the result of the first of its inputs `task_1`, `task_2`, .. that has one. It is skipped if all were skipped,
/// and does not run if one failed.
///
/// ```
/// use prefect::{FlowBuilder, FlowOptions, Signal, TaskBody, TaskDefinition, Value, built_in};
///
/// let mut flow = FlowBuilder::new(FlowOptions::new("merge"));
/// let no = flow.task(TaskDefinition::new("no"), TaskBody::new([], |_| Err(Signal::skip("no").into())));
/// let yes = flow.task(TaskDefinition::new("yes"), TaskBody::new([], |_| Ok(Value::new(2_i64))));
/// let (definition, body) = built_in::merge(2);
/// let merged = flow.task(definition, body);
/// flow.edge(no, merged, "task_1");
/// flow.edge(yes, merged, "task_2");
/// assert_eq!(flow.build().run().state_of(merged).value(), Some(&2_i64));
/// ```
#[must_use]
pub fn merge(len: usize) -> BuiltIn {
    let body = TaskBody::new((1..=len).map(|i| Parameter::state(format!("task_{i}"))), |inputs| {
        let values = (0..inputs.len()).find_map(|i| match inputs.take::<State>(i).result() {
            StateResult::Value(value) => Some(value.clone()),
            _ => None,
        });
        values.ok_or_else(|| TaskError::from("none of the tasks to merge has a result"))
    });
    let definition = TaskDefinition::new("Merge").trigger(Trigger::new(not_all_skipped)).skip_on_upstream_skip(false);
    (definition, body)
}

/// `FilterTask`: of its input `task_results`, a list of outcomes, the results that `keep` accepts. What failed or was
/// skipped is left out.
///
/// ```
/// use prefect::{FlowBuilder, FlowOptions, Outcome, Value, built_in};
///
/// let mut flow = FlowBuilder::new(FlowOptions::new("filter"));
/// let (definition, body) = built_in::filter_task(|x: &i64| *x > 1);
/// let kept = flow.task(definition, body);
/// let results = vec![Outcome::Success(1_i64), Outcome::failed("boom"), Outcome::Success(2)];
/// flow.constant(kept, "task_results", Value::new(results));
/// assert_eq!(flow.build().run().state_of(kept).value(), Some(&vec![2_i64]));
/// ```
pub fn filter_task<T: Data>(keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> BuiltIn {
    let keep = Quiet::new(keep);
    let body = TaskBody::new([Parameter::of::<Vec<Outcome<T>>>("task_results")], move |inputs| {
        let results = inputs.take::<Vec<Outcome<T>>>(0);
        let kept = results.iter().filter_map(|result| match result {
            Outcome::Success(value) if keep(value) => Some(value.clone()),
            _ => None,
        });
        Ok(Value::new(kept.collect::<Vec<T>>()))
    });
    let definition = TaskDefinition::new("FilterTask").trigger(Trigger::new(all_finished)).skip_on_upstream_skip(false);
    (definition, body)
}

/// Gives its input on as it is.
pub(crate) fn same(name: impl Into<Cow<'static, str>>) -> BuiltIn {
    (TaskDefinition::new(name), TaskBody::new([Parameter::any("value")], |inputs| Ok(inputs.take_value(0))))
}
