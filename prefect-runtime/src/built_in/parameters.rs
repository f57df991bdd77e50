//! The parameters of a flow.
use std::borrow::Cow;

use super::BuiltIn;
use crate::flow::declared::Declared;
use crate::{Data, TaskBody, TaskDefinition, Value};

/// `Parameter`: gives the value that the run is given under this name. Without one, nothing is run, unless the type is an
/// `Option`. `serde_json::Value` takes any value.
///
/// Its slug is its name, and it can wait for no other task.
///
/// ```
/// use prefect::{FlowBuilder, FlowOptions, built_in};
///
/// let mut flow = FlowBuilder::new(FlowOptions::new("etl"));
/// let (definition, body) = built_in::parameter::<i64>("x");
/// let x = flow.task(definition, body);
/// let (definition, body) = built_in::parameter::<Option<String>>("tag");
/// let tag = flow.task(definition, body);
/// let run = flow.build().with_parameter("x", 3).run();
/// assert_eq!(run.state_of(x).value(), Some(&3_i64));
/// assert_eq!(run.state_of(tag).value(), Some(&None::<String>));
/// ```
#[must_use]
pub fn parameter<T: Data>(name: impl Into<Cow<'static, str>>) -> BuiltIn {
    (TaskDefinition::new(name), TaskBody::parameter(Declared::of::<T>()))
}

/// `Parameter` with a default, which it gives when the run is given nothing.
///
/// ```
/// use prefect::{FlowBuilder, FlowOptions, built_in};
///
/// let mut flow = FlowBuilder::new(FlowOptions::new("etl"));
/// let (definition, body) = built_in::parameter_or("rows", 10_u32);
/// let rows = flow.task(definition, body);
/// assert_eq!(flow.build().run().state_of(rows).value(), Some(&10_u32));
/// ```
#[must_use]
pub fn parameter_or<T: Data>(name: impl Into<Cow<'static, str>>, default: T) -> BuiltIn {
    (TaskDefinition::new(name), TaskBody::parameter(Declared::of::<T>().with_default(Value::new(default))))
}
