//! The runtime of the crate `prefect`: use that one.
mod block_on;
mod clock;
mod config;
mod context;
mod door;
mod engine;
mod error;
mod executor;
mod flow;
mod handlers;
mod panics;
mod redact;
mod run;
mod secrets;
mod state;
mod task_run;
mod value;

pub(crate) use block_on::block_on;
pub use clock::{Clock, Sleep};
pub use config::{
    Config, ConfigBuilder, ConfigError, ConfigErrorKind, ConfigOrigin, ConfigValue, ConfigWarning, Settings,
};
pub use context::{Context, context, sleep, sleep_blocking};
pub use door::Observer;
pub use engine::KeepResults;
pub use error::{Panicked, TaskError};
pub use flow::{
    Flow, FlowBuilder, FlowOptions, Inputs, Parameter, RetryDelay, RetryOn, RunName, TaskBody, TaskDefinition, TaskRef,
    Trigger, Upstreams,
};
pub use handlers::{HandlerOutput, IntoStateHandler, StateHandler, Tracked, TrackedKind};
pub use redact::Redactor;
pub use run::{Executor, FlowRun, RunSettings, TaskRunInfo};
pub use secrets::{EnvVarSecret, Secret, SecretError, SecretString, SecretValue};
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
