//! Flows as data: tasks, edges, and how they are put together.
mod builder;
pub(crate) mod definition;
mod duration;
pub(crate) mod graph;
pub(crate) mod inputs;
mod output;
pub(crate) mod retry;
mod run_name;
pub(crate) mod scope;
pub(crate) mod settings;
pub(crate) mod trigger;

use std::sync::Arc;

pub use builder::{FlowBuilder, TaskBody, TaskRef};
pub use definition::{BodyKind, Parameter, TaskCell, TaskCode, TaskDefinition};
pub use duration::{IntoDuration, IntoRetryDelay, duration, exponential};
pub use inputs::{BodyOutcome, Computed, Inputs, Passed, Slot, TaskFuture};
pub use output::{FlowOutput, MissingResult};
pub use retry::{RetryDelay, RetryOn};
pub use run_name::RunName;
pub use settings::FlowOptions;
pub use trigger::{Trigger, Upstreams};

use graph::Graph;

/// A flow: tasks and how they depend on each other. Running it gives what its body returned, typed.
#[derive(Debug)]
pub struct Flow<O = ()> {
    pub(crate) graph: Arc<Graph>,
    pub(crate) output: O,
}

impl<O> Flow<O> {
    pub(crate) fn new(graph: Graph, output: O) -> Self {
        Self { graph: Arc::new(graph), output }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.graph.name
    }
}
