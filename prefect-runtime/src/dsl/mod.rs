//! The typed layer over the graph: what the macros expand to, and what the user's values become.
mod closure;
mod collections;
mod control;
mod convert;
pub(crate) mod declare;
mod flow;
mod input;
mod mapped;
mod node;
mod operators;
mod options;
mod outcome;
pub(crate) mod output;
mod parameter;
mod parts;
mod resource;
mod unpack;

pub use closure::task_fn;
pub use collections::input;
pub use control::{Choose, Chooser, case, choose, filter, ifelse, merge, switch};
pub use convert::{IntoConstant, IntoGeneric, IntoInput};
pub use declare::{GivenValues, IntoGiven, KeepProbe, KeptInMemory, declared};
pub use flow::{flow, in_flow, output_node, parameter_node, reference_tasks, returned};
pub use input::{Input, slot};
pub use mapped::{
    Flatten, Flattened, IntoGenericMapped, IntoMapped, Mapped, Unmapped, each, flatten, mapped, unmapped,
};
pub use node::{Node, Upstream};
pub use options::{TaskOptions, options};
pub use outcome::{Failure, Outcome};
pub use output::{Data, IntoTaskError, Output, ResultLike, in_memory, stored};
pub use parameter::{Missing, RefParam, Set, call, owned, shared, task_input};
pub use resource::{Resource, resource};
pub use unpack::unpack;
