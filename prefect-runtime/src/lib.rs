//! The runtime of the crate `prefect`: use that one.
mod block_on;
mod clock;
mod config;
mod error;
mod handlers;
mod redact;
mod run;
mod secrets;
mod state;
mod value;

pub(crate) use block_on::block_on;
pub use clock::{Clock, Sleep};
pub use config::{
    Config, ConfigBuilder, ConfigError, ConfigErrorKind, ConfigOrigin, ConfigValue, ConfigWarning, Settings,
};
pub use error::{Panicked, TaskError};
pub use handlers::{HandlerOutput, IntoStateHandler, StateHandler, Tracked, TrackedKind};
pub use redact::Redactor;
pub use secrets::{EnvVarSecret, Secret, SecretError, SecretString, SecretValue};
pub use state::{Signal, SignalKind, State, StateKind, StateKinds, StateResult, UnknownStateKind, raise};
pub use value::Value;
