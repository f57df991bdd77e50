//! The runtime of the crate `prefect`: use that one.
mod block_on;
mod clock;
mod error;
mod flow;
mod handlers;
mod run;
mod state;
mod value;

pub(crate) use block_on::block_on;
pub use clock::{Clock, Sleep};
pub use error::{Panicked, TaskError};
pub use flow::{
    Flow, FlowBuilder, FlowOptions, Inputs, Parameter, RetryDelay, RetryOn, RunName, TaskBody, TaskDefinition, TaskRef,
    Trigger, Upstreams,
};
pub use handlers::{HandlerOutput, IntoStateHandler, StateHandler, Tracked, TrackedKind};
pub use state::{Signal, SignalKind, State, StateKind, StateKinds, StateResult, UnknownStateKind, raise};
pub use value::Value;

/// What the macros expand to: not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::flow::scope::build;
    pub use crate::flow::{
        BodyKind, BodyOutcome, Computed, Inputs, Parameter, Passed, Slot, TaskCell, TaskCode, TaskDefinition,
        TaskFuture,
    };
    pub use crate::handlers::{async_closure, boxed, closure};
}
