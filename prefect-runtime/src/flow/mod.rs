//! Flows as data: tasks, edges, and how they are put together.
pub(crate) mod block;
mod builder;
pub(crate) mod definition;
mod duration;
mod elements;
pub(crate) mod graph;
pub(crate) mod inputs;
mod output;
mod part;
pub(crate) mod retry;
mod run_name;
pub(crate) mod scope;
pub(crate) mod settings;
pub(crate) mod trigger;

use std::sync::Arc;

pub use builder::{FlowBuilder, TaskBody, TaskRef};
pub use definition::{BodyKind, Parameter, TaskCell, TaskCode, TaskDefinition};
pub(crate) use duration::parse as parse_duration;
pub use duration::{IntoDuration, IntoRetryDelay, duration, exponential};
pub use elements::Elements;
pub(crate) use elements::Nesting;
pub use inputs::{BodyOutcome, Inputs, Slot, TaskFuture};
pub(crate) use inputs::{Computed, Each, EachOf, Passed};
pub use output::{FlowOutput, MissingResult};
pub use part::{Updated, update};
pub use retry::{RetryDelay, RetryOn};
pub use run_name::RunName;
pub use settings::FlowOptions;
pub use trigger::{Trigger, Upstreams};

use crate::run::{AsyncRuntime, FlowRun, Prepared, RunSettings, Until};
use graph::Graph;
pub(crate) use inputs::SharedValues;

/// A flow: tasks and how they depend on each other. Running it gives what its body returned, typed.
#[derive(Debug)]
pub struct Flow<O = ()> {
    pub(crate) graph: Arc<Graph>,
    pub(crate) output: O,
    pub(crate) shared: SharedValues,
    pub(crate) settings: RunSettings,
}

impl<O> Flow<O> {
    pub(crate) fn new(graph: Graph, output: O) -> Self {
        Self { graph: Arc::new(graph), output, shared: SharedValues::default(), settings: RunSettings::default() }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.graph.name
    }

    /// Shares a value with all tasks that take a `#[shared]` parameter of its type: a pool of connections, a client.
    #[must_use = "it gives the flow that shares the value"]
    pub fn share<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.shared.insert(value);
        self
    }

    /// How the flow is run.
    #[must_use = "it gives the flow with these settings"]
    pub fn with(mut self, settings: RunSettings) -> Self {
        self.settings = settings;
        self
    }
}

impl<O: FlowOutput> Flow<O> {
    /// Runs the flow to its end and waits for it, retries included; prints nothing.
    ///
    /// # Panics
    /// In an async context, whose thread must not wait: use [`run_async`](Self::run_async). If a task takes something
    /// shared that the flow does not share. While a flow is being built on the same thread.
    #[track_caller]
    pub fn run(&self) -> FlowRun<O> {
        self.run_here(Until::TheEnd, "run_async")
    }

    /// Runs one pass: tasks that wait (for a retry, for somebody) stay waiting, and the flow may stay `Running`.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    #[track_caller]
    pub fn run_once(&self) -> FlowRun<O> {
        self.run_here(Until::OnePass, "run_async")
    }

    #[track_caller]
    fn run_here(&self, until: Until, instead: &str) -> FlowRun<O> {
        assert!(
            tokio::runtime::Handle::try_current().is_err(),
            "this would hold up the async runtime that it is called in: write `flow.{instead}().await`"
        );
        Prepared::new(self, until, AsyncRuntime::own()).run().with_output(self.output.clone())
    }

    /// Runs the flow to its end, retries included. Async tasks use the runtime that this is called in.
    ///
    /// Once started, the run goes on also when the future is dropped.
    ///
    /// # Panics
    /// As [`run`](Self::run), but for the async context, which it needs: outside a tokio runtime it panics.
    pub async fn run_async(&self) -> FlowRun<O> {
        let runtime = AsyncRuntime::Given(tokio::runtime::Handle::current());
        let prepared = Prepared::new(self, Until::TheEnd, runtime);
        let (tell, told) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name("prefect-run".into())
            .spawn(move || {
                // Nobody may be listening any more.
                let _ = tell.send(prepared.run());
            })
            .expect("a thread for the run");
        told.await.expect("a run ends with a state, whatever happens").with_output(self.output.clone())
    }
}
