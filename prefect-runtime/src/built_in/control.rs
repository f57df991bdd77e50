//! Tasks that decide what else runs.
use std::any::Any;
use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use super::BuiltIn;
use super::values::unary;
use crate::flow::Passed;
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

/// `FilterTask`: of its input `task_results`, the results that `keep` accepts. What failed, or was skipped without a result,
/// is left out.
///
/// The input is what a mapped task gives, or a task that gives a list of `T` or of `Outcome<T>`. A constant is a list of
/// `Outcome<T>`.
///
/// ```
/// use prefect::{Elements, FlowBuilder, FlowOptions, Parameter, TaskBody, TaskDefinition, Value, built_in};
///
/// let mut flow = FlowBuilder::new(FlowOptions::new("filter"));
/// let body = TaskBody::new([Parameter::of::<i64>("x")], |inputs| match *inputs.take::<i64>(0) {
///     3 => Err("three is too many".into()),
///     x => Ok(Value::new(x * 10)),
/// });
/// let tens = flow.task(TaskDefinition::new("ten times"), body);
/// flow.map_constant(tens, "x", Value::new(vec![1_i64, 2, 3]), Elements::of::<i64>());
/// let (definition, body) = built_in::filter_task(|x: &i64| *x > 10);
/// let kept = flow.task(definition, body);
/// flow.edge(tens, kept, "task_results");
/// assert_eq!(flow.build().run().state_of(kept).value(), Some(&vec![20_i64]));
/// ```
pub fn filter_task<T: Data>(keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> BuiltIn {
    let keep = Quiet::new(keep);
    let results = Parameter::of::<Vec<Outcome<T>>>("task_results").made_by(results::<T>);
    let body = TaskBody::new([results], move |inputs| {
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

/// What became of each child, or what a list says. A task that gave neither is one of the results, as in `flow!`.
fn results<T: Data>(given: &[Passed]) -> Result<Value, usize> {
    let outcomes: Result<Vec<Outcome<T>>, usize> = match given {
        [Passed::Children(children)] => {
            children.iter().enumerate().map(|(i, child)| Outcome::of(child).ok_or(i)).collect()
        }
        [Passed::Value(list)] if list.is::<Vec<Outcome<T>>>() => return Ok(list.clone()),
        [Passed::Value(list)] => {
            let list = list.downcast_ref::<Vec<T>>().ok_or(0_usize)?;
            Ok(list.iter().cloned().map(Outcome::Success).collect())
        }
        [other] => Outcome::of(other.gave()).map(|one| vec![one]).ok_or(0),
        _ => Err(0),
    };
    outcomes.map(Value::in_memory)
}

/// Gives its input on as it is.
pub(crate) fn same(name: impl Into<Cow<'static, str>>) -> BuiltIn {
    (TaskDefinition::new(name), TaskBody::new([Parameter::any("value")], |inputs| Ok(inputs.take_value(0))))
}
