//! A run in a store: what is recorded of it, and how a later process goes on with it.
mod code;
mod detail;
mod graph;
mod name;
mod recorder;
mod resume;

pub(crate) use recorder::{Lost, Position, Recorder};
pub use resume::ResumeError;
pub(crate) use resume::{Plan, Recorded};
