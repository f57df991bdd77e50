//! A second opinion on the rules of a run: what a case is, what a run of it shows, and how two runs are compared.
//!
//! [`rules`] says what must come out of a [`Case`], [`generate`] makes cases, [`shrink`] makes a failing one small.
//! Nothing here knows the library: whoever runs a case on it hands back an [`Observed`].
mod bodies;
mod case;
mod decide;
pub mod generate;
mod handled;
mod hits;
mod keeping;
mod kind;
pub mod library;
mod mapping;
pub mod recorded;
pub mod rules;
mod seen;
pub mod shrink;
mod states;
mod triggers;
pub mod typed;
mod upstream;

pub use case::{
    Act, Body, Bound, Bounds, Caching, Carries, Case, Custom, Edge, Flow, Handler, Mode, NewState, Occasion, Outcome,
    Part, Patience, Place, Raise, Reads, RetryOn, Role, Script, SignalName, Start, Storing, Takes, Task, Terminal,
    Trigger, Validator, Way, Workers,
};
pub use kind::Kind;
pub use seen::{By, Event, Expected, Message, Observed, Res, Run, TaskRun, Val, difference};
