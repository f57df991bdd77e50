//! The runtime of the crate `prefect`: use that one.
mod block_on;
pub mod built_in;
pub mod cache;
mod clock;
mod config;
mod context;
mod door;
mod dsl;
mod engine;
mod error;
mod executor;
mod flow;
mod handlers;
mod lock;
mod loopback;
mod near;
mod notify;
mod panics;
mod picture;
mod plain;
mod quiet;
mod random;
#[cfg(feature = "store")]
mod record;
#[cfg(not(feature = "store"))]
#[path = "record/none.rs"]
mod record;
mod redact;
mod results;
mod run;
pub mod schedule;
#[cfg(feature = "store")]
pub mod scheduler;
mod secrets;
mod state;
mod sync;
mod task_run;
#[cfg(feature = "cli")]
mod terminal;
pub mod testing;
mod value;

pub(crate) use block_on::block_on;
pub use cache::{Cache, CacheCandidate, CacheValidator, IntoCacheValidator};
pub use clock::{Clock, Sleep};
pub use config::{
    Config, ConfigBuilder, ConfigError, ConfigErrorKind, ConfigOrigin, ConfigValue, ConfigWarning, Settings,
};
pub use context::{Context, context, sleep, sleep_blocking};
pub use door::Observer;
#[cfg(feature = "schema")]
pub use dsl::declare::{SchemaOf, schema_of};
pub use dsl::declare::{parameter, parameter_or};
pub use dsl::{
    Choose, Chooser, Data, Failure, Flatten, Flattened, Input, IntoConstant, IntoGeneric, IntoGenericMapped, IntoInput,
    IntoMapped, Mapped, Node, Outcome, Resource, TaskOptions, Unmapped, Upstream, case, choose, filter, flatten,
    ifelse, input, merge, options, reference_tasks, resource, switch, task_fn, unmapped,
};
pub use engine::KeepResults;
pub use error::{Panicked, TaskError};
pub use flow::{
    Elements, Flow, FlowBuilder, FlowOptions, FlowOutput, Inputs, IntoDuration, IntoRetryDelay, MissingResult,
    Parameter, ParameterError, ParameterErrors, ParameterInfo, RecordStart, RetryDelay, RetryOn, TaskBody,
    TaskDefinition, TaskRef, Template, Trigger, Updated, Upstreams, duration, exponential, update,
};
pub use handlers::{
    Callback, CallbackOutput, HandlerOutput, IntoStateHandler, StateHandler, Tracked, TrackedKind, callback_factory,
};
/// Moments, time zones and calendars, as schedules take and give them.
pub use jiff;
#[doc(hidden)]
#[cfg(feature = "email")]
pub use notify::email_notifier_args;
#[cfg(feature = "fake-slack")]
pub use notify::fake_slack;
#[doc(hidden)]
#[cfg(feature = "fake-slack")]
pub use notify::testing as __testing;
#[cfg(feature = "email")]
pub use notify::{EmailNotifier, email_notifier};
pub use notify::{NotificationReport, OnDeliveryFailure, SlackNotifier, slack_notifier};
#[doc(hidden)]
pub use notify::{Notifies, slack_notifier_args};
#[cfg(feature = "object-store")]
pub use object_store;
pub use picture::Picture;
#[cfg(feature = "store")]
pub use record::{Approval, ResumeError, Retry};
pub use redact::Redactor;
#[cfg(feature = "object-store")]
pub use results::ObjectStoreResult;
pub use results::{IntoTaskResult, LocalResult, ResultStore, Serializer, TaskResult};
pub use run::{Canceller, Executor, FlowRun, PauseAnswer, RunSettings, RunState, TaskRunInfo, Unsuccessful};
#[cfg(feature = "store")]
pub use scheduler::Scheduler;
pub use secrets::{EnvVarSecret, Secret, SecretError, SecretString, SecretValue};
pub use state::{Signal, SignalKind, State, StateKind, StateKinds, StateResult, UnknownStateKind, raise};
#[cfg(feature = "cli")]
pub use terminal::{AnyFlow, IntoFlows, main};
pub use value::Value;

/// What the macros expand to: not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::cache::{CacheValidator, cache_validator};
    pub use crate::dsl::{
        GivenValues, Input, IntoConstant, IntoGeneric, IntoGenericMapped, IntoGiven, IntoInput, IntoMapped,
        IntoTaskError, KeepProbe, KeptInMemory, Mapped, Missing, Node, Output, RefParam, ResultLike, Set, call,
        declared, each, flow, in_flow, in_memory, mapped, output_node, owned, parameter_node, returned, shared, slot,
        stored, task_input, unpack,
    };
    pub use crate::flow::trigger::{Accepts, Typed, any_state, erase_trigger, into_trigger};
    pub use crate::flow::{
        AnyOutput, BodyKind, BodyOutcome, Flow, FlowOptions, Inputs, IntoDuration, IntoRetryDelay, NoSchema, Parameter,
        RetryOn, SchemaProbe, Slot, TaskCell, TaskCode, TaskDefinition, TaskFuture, Template, TypeSchema, duration,
    };
    pub use crate::handlers::{async_closure, boxed, closure, on_failure};
    pub use crate::results::task_result;
    #[cfg(feature = "cli")]
    pub use crate::terminal::stand_alone;
}

/// When a task runs, judged by the states of what is upstream of it: Prefect's triggers.
pub mod trigger {
    pub use crate::flow::trigger::{
        IntoTrigger, Successful, Thresholds, Trigger, TriggerOutput, Upstreams, Verdict, all_failed, all_finished,
        all_finished as always_run, all_successful, any_failed, any_successful, manual_only, not_all_skipped,
        some_failed, some_successful,
    };
}
