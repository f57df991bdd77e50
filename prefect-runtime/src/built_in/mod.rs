//! Prefect's own tasks, for flows that are built at run time.
//!
//! Each function gives what [`FlowBuilder::task`](crate::FlowBuilder::task) takes. In `flow!` the same tasks come of
//! operators, `get`, `case`, `switch`, `merge` and the like.
//!
//! ```
//! use prefect::{FlowBuilder, FlowOptions, TaskBody, TaskDefinition, Value, built_in};
//!
//! let mut flow = FlowBuilder::new(FlowOptions::new("list"));
//! let one = flow.task(TaskDefinition::new("one"), TaskBody::new([], |_| Ok(Value::new(1_i64))));
//! let (definition, body) = built_in::list::<i64>(2);
//! let list = flow.task(definition, body);
//! flow.edge(one, list, "arg_1");
//! flow.constant(list, "arg_2", Value::new(5_i64));
//! assert_eq!(flow.build().run().state_of(list).value::<Vec<i64>>(), Some(&vec![1, 5]));
//! ```
mod control;
mod parameters;
mod resource;
mod values;

use crate::{TaskBody, TaskDefinition};

pub use control::{as_bool, compare_value, filter_task, merge};
pub(crate) use control::{compare, otherwise, same, shown};
pub use parameters::{parameter, parameter_or};
pub(crate) use resource::{SetUp, cleans_up, sets_up};
pub use resource::{resource_cleanup, resource_init, resource_setup};
pub(crate) use values::unary;
pub use values::{dict, get_item, list, operator};

/// A task that is ready to be added to a flow.
pub type BuiltIn = (TaskDefinition, TaskBody);
