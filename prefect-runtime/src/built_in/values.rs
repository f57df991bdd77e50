//! Tasks that make one value of others.
use std::collections::HashMap;
use std::hash::Hash;

use super::BuiltIn;
use crate::flow::definition::Parameter;
use crate::quiet::Quiet;
use crate::{Data, TaskBody, TaskDefinition, TaskError, Value};

/// `List`: a list of its inputs `arg_1`, `arg_2`, .., of which there are `len`.
///
/// ```
/// use prefect::{FlowBuilder, FlowOptions, Value, built_in};
///
/// let mut flow = FlowBuilder::new(FlowOptions::new("list"));
/// let (definition, body) = built_in::list::<i64>(1);
/// let list = flow.task(definition, body);
/// flow.constant(list, "arg_1", Value::new(5_i64));
/// assert_eq!(flow.build().run().state_of(list).value::<Vec<i64>>(), Some(&vec![5]));
/// ```
#[must_use]
pub fn list<T: Data>(len: usize) -> BuiltIn {
    let parameters = (1..=len).map(|i| Parameter::of::<T>("arg").named(format!("arg_{i}")));
    let body = TaskBody::new(parameters, |inputs| {
        let list: Vec<T> = (0..inputs.len()).map(|i| T::clone(&inputs.take(i))).collect();
        Ok(Value::new(list))
    });
    (TaskDefinition::new("List"), body)
}

/// `Dict`: a map of its inputs `keys` and `values`, two lists. It fails if one is longer than the other.
///
/// ```
/// use std::collections::HashMap;
/// use prefect::{FlowBuilder, FlowOptions, Value, built_in};
///
/// let mut flow = FlowBuilder::new(FlowOptions::new("dict"));
/// let (definition, body) = built_in::dict::<String, i64>();
/// let dict = flow.task(definition, body);
/// flow.constant(dict, "keys", Value::new(vec!["a".to_owned()]));
/// flow.constant(dict, "values", Value::new(vec![1_i64]));
/// let run = flow.build().run();
/// assert_eq!(run.state_of(dict).value(), Some(&HashMap::from([("a".to_owned(), 1_i64)])));
/// ```
#[must_use]
pub fn dict<K: Data + Eq + Hash, T: Data>() -> BuiltIn {
    let parameters = [Parameter::of::<Vec<K>>("keys"), Parameter::of::<Vec<T>>("values")];
    let body = TaskBody::new(parameters, |inputs| {
        let (keys, values) = (inputs.take::<Vec<K>>(0), inputs.take::<Vec<T>>(1));
        if keys.len() != values.len() {
            return Err(format!("{} keys for {} values", keys.len(), values.len()).into());
        }
        let map: HashMap<K, T> = keys.iter().cloned().zip(values.iter().cloned()).collect();
        Ok(Value::new(map))
    });
    (TaskDefinition::new("Dict"), body)
}

/// `GetItem`: one item of its input `task_result`, at its input `key`.
///
/// Prefect calls it after the task and the key, for example `scores[0]`.
///
/// ```
/// use prefect::{FlowBuilder, FlowOptions, Value, built_in};
///
/// let mut flow = FlowBuilder::new(FlowOptions::new("item"));
/// let (definition, body) = built_in::get_item("scores[1]", |scores: &Vec<i64>, i: &usize| {
///     scores.get(*i).copied().ok_or_else(|| "no such score".into())
/// });
/// let item = flow.task(definition, body);
/// flow.constant(item, "task_result", Value::new(vec![5_i64, 6]));
/// flow.constant(item, "key", Value::new(1_usize));
/// assert_eq!(flow.build().run().state_of(item).value::<i64>(), Some(&6));
/// ```
pub fn get_item<C, K, T>(
    name: impl Into<std::borrow::Cow<'static, str>>,
    get: impl Fn(&C, &K) -> Result<T, TaskError> + Send + Sync + 'static,
) -> BuiltIn
where
    C: Send + Sync + 'static,
    K: Send + Sync + 'static,
    T: Data,
{
    let get = Quiet::new(get);
    let parameters = [Parameter::of::<C>("task_result"), Parameter::of::<K>("key")];
    let body = TaskBody::new(parameters, move |inputs| {
        let (all, key) = (inputs.take::<C>(0), inputs.take::<K>(1));
        get(&all, &key).map(Value::new)
    });
    (TaskDefinition::new(name), body)
}

/// An operator: what `apply` makes of its inputs `x` and `y`. Prefect's are called `Add`, `Sub`, `Mul`, `Div`, `Mod`,
/// `And`, `Or`, `Equal`, `NotEqual`, `GreaterThan`, `GreaterThanOrEqual`, `LessThan`, `LessThanOrEqual`.
///
/// ```
/// use prefect::{FlowBuilder, FlowOptions, Value, built_in};
///
/// let mut flow = FlowBuilder::new(FlowOptions::new("operator"));
/// let (definition, body) = built_in::operator("GreaterThan", |x: &i64, y: &i64| x > y);
/// let greater = flow.task(definition, body);
/// flow.constant(greater, "x", Value::new(2_i64));
/// flow.constant(greater, "y", Value::new(1_i64));
/// assert_eq!(flow.build().run().state_of(greater).value(), Some(&true));
/// ```
pub fn operator<X, Y, Z>(
    name: impl Into<std::borrow::Cow<'static, str>>,
    apply: impl Fn(&X, &Y) -> Z + Send + Sync + 'static,
) -> BuiltIn
where
    X: Send + Sync + 'static,
    Y: Send + Sync + 'static,
    Z: Data,
{
    let apply = Quiet::new(apply);
    let parameters = [Parameter::of::<X>("x"), Parameter::of::<Y>("y")];
    let body = TaskBody::new(parameters, move |inputs| {
        let (x, y) = (inputs.take::<X>(0), inputs.take::<Y>(1));
        Ok(Value::new(apply(&x, &y)))
    });
    (TaskDefinition::new(name), body)
}

/// An operator of one input, `x`.
pub(crate) fn unary<X: Send + Sync + 'static, Z: Data>(
    name: &'static str,
    apply: impl Fn(&X) -> Z + Send + Sync + 'static,
) -> BuiltIn {
    let apply = Quiet::new(apply);
    let body = TaskBody::new([Parameter::of::<X>("x")], move |inputs| Ok(Value::new(apply(&inputs.take::<X>(0)))));
    (TaskDefinition::new(name), body)
}
