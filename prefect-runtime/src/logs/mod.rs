//! The log lines of recorded runs: events of the crate `tracing`, kept in the store beside the run.
//!
//! [`prefect::main`](crate::main) keeps them by itself, unless the program has a `tracing` subscriber of its own. Such a one
//! takes the [`layer`]:
//!
//! ```no_run
//! # // It sets the subscriber of the process.
//! use tracing_subscriber::prelude::*;
//!
//! tracing_subscriber::registry().with(tracing_subscriber::fmt::layer()).with(prefect::logs::layer()).init();
//! ```
//!
//! A line belongs to the task run that logs it, and to its attempt: the body, sync or async, and the handlers that hear of its
//! states. What a body logs on a thread or in an async task that it has started itself belongs to it if it is in a span that
//! the body has made, or if the body has passed its [`Context`](crate::Context) on: `context().enter(|| ..)`. Whatever else a
//! run logs belongs to the flow run.
//!
//! Kept is what is `INFO` or more important, unless `[logging] store_level` says otherwise: time, level, target, and the message
//! with the spans that it is in and its fields. Secrets are hidden before a line leaves the run; of a line of more than 8 KiB
//! the end is cut off. Of this library's own lines on state changes only warnings and errors are kept, as the store has the
//! changes themselves.
//!
//! Nobody waits for a line, and nothing fails because of one: they are written together, a few milliseconds later. If more come
//! than can be written, some are left out, and a line says how many.
#[cfg(feature = "store")]
mod layer;
mod text;

#[cfg(feature = "store")]
pub use layer::{RunLogs, layer};
pub(crate) use text::Text;
