//! The runtime of the crate `prefect`: use that one.
mod block_on;
mod clock;
mod error;
mod handlers;
mod run;
mod state;
mod value;

pub(crate) use block_on::block_on;
pub use clock::{Clock, Sleep};
pub use error::{Panicked, TaskError};
pub use handlers::{HandlerOutput, IntoStateHandler, StateHandler, Tracked, TrackedKind};
pub use state::{Signal, SignalKind, State, StateKind, StateKinds, StateResult, UnknownStateKind, raise};
pub use value::Value;
