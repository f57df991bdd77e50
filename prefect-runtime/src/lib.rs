//! The runtime of the crate `prefect`: use that one.
mod block_on;
mod clock;
mod error;
mod handlers;
#[allow(dead_code, unused_imports, reason = "the engine makes and ends the notifications of a run")]
mod notify;
mod run;
mod state;
mod value;

pub(crate) use block_on::block_on;
pub use clock::{Clock, Sleep};
pub use error::{Panicked, TaskError};
pub use handlers::{HandlerOutput, IntoStateHandler, StateHandler, Tracked, TrackedKind};
#[cfg(feature = "fake-slack")]
pub use notify::fake_slack;
#[doc(hidden)]
pub use notify::slack_notifier_args;
#[doc(hidden)]
#[cfg(feature = "fake-slack")]
pub use notify::testing as __testing;
pub use notify::{NotificationReport, OnDeliveryFailure, SlackNotifier, slack_notifier};
pub use state::{Signal, SignalKind, State, StateKind, StateKinds, StateResult, UnknownStateKind, raise};
pub use value::Value;
