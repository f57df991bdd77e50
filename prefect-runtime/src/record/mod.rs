//! A run in a store: what is recorded of it, and how a later process goes on with it.
mod again;
mod code;
mod dead;
mod detail;
mod error;
mod graph;
mod last;
mod name;
mod plan;
mod recorder;
mod restored;
mod tick;

pub use again::{Approval, Retry};
pub(crate) use dead::look_for_the_dead;
pub use error::ResumeError;
#[cfg(feature = "cli")]
pub(crate) use graph::{RecordedTask, read as read_graph};
pub(crate) use plan::{IfChanged, Plan, Recorded};
pub(crate) use recorder::{LoggedBy, Lost, Position, Recorder};
pub(crate) use tick::{Begun, begin_tick};
