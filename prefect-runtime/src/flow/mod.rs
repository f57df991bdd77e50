//! Flows as data: tasks, edges, and how they are put together.
pub(crate) mod block;
mod builder;
mod calls;
mod children;
pub(crate) mod declared;
pub(crate) mod definition;
mod duration;
mod elements;
mod elsewhere;
pub(crate) mod given;
pub(crate) mod graph;
pub(crate) mod inputs;
mod keeping;
mod kind;
mod layout;
mod mapped;
mod output;
mod part;
#[cfg(feature = "store")]
mod recorded;
pub(crate) mod resources;
pub(crate) mod retry;
#[cfg(feature = "schema")]
mod schema;
pub(crate) mod scope;
pub(crate) mod settings;
pub(crate) mod template;
pub(crate) mod trigger;
mod type_schema;

use std::sync::Arc;

pub use builder::{FlowBuilder, TaskBody, TaskRef};
pub(crate) use children::{Children, Results};
pub use declared::ParameterInfo;
pub use definition::{AnyOutput, BodyKind, Parameter, RecordStart, TaskCell, TaskCode, TaskDefinition};
pub(crate) use duration::parse as parse_duration;
pub use duration::{IntoDuration, IntoRetryDelay, duration, exponential};
pub use elements::Elements;
pub(crate) use elements::Nesting;
pub(crate) use elsewhere::Elsewhere;
pub(crate) use given::{Given, GivenParameters};
pub use given::{ParameterError, ParameterErrors};
pub use inputs::{BodyOutcome, Inputs, Slot, TaskFuture};
pub(crate) use inputs::{Computed, Each, EachOf, Gave, Passed, Source};
pub(crate) use output::Unread;
pub use output::{FlowOutput, MissingResult};
pub use part::{Updated, update};
pub use retry::{RetryDelay, RetryOn};
pub use settings::FlowOptions;
pub use template::Template;
pub use trigger::{Trigger, Upstreams};
pub use type_schema::{NoSchema, SchemaProbe, TypeSchema};

use crate::run::{self, AsyncRuntime, FlowRun, Prepared, RunSettings, RunState, Until};
use crate::schedule::Schedule;
use crate::sync::Handle;
use declared::FlowParameter;
use graph::Graph;
pub(crate) use inputs::SharedValues;

/// A flow: tasks and how they depend on each other. Running it gives what its body returned, typed.
#[derive(Debug)]
pub struct Flow<O = ()> {
    pub(crate) graph: Arc<Graph>,
    pub(crate) output: O,
    pub(crate) shared: SharedValues,
    pub(crate) settings: RunSettings,
    pub(crate) schedule: Option<Arc<Schedule>>,
    pub(crate) given: GivenParameters,
}

impl<O> Flow<O> {
    pub(crate) fn new(graph: Graph, output: O) -> Self {
        let (shared, settings, given) = Default::default();
        Self { graph: Arc::new(graph), output, shared, settings, schedule: None, given }
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

    /// The parameters of the flow, in the order in which they were made.
    ///
    /// ```
    /// use prefect::{FlowBuilder, FlowOptions, built_in};
    ///
    /// let mut flow = FlowBuilder::new(FlowOptions::new("etl"));
    /// let (definition, body) = built_in::parameter::<String>("path");
    /// flow.task(definition, body);
    /// let (definition, body) = built_in::parameter_or("rows", 100_u32);
    /// flow.task(definition, body);
    /// let flow = flow.build();
    /// let parameters: Vec<_> = flow.parameters().collect();
    /// assert_eq!((&*parameters[0].name, &*parameters[0].type_name, parameters[0].required), ("path", "String", true));
    /// assert_eq!((parameters[1].required, &parameters[1].default), (false, &Some(100.into())));
    /// ```
    pub fn parameters(&self) -> impl Iterator<Item = ParameterInfo> + '_ {
        self.graph.parameters.iter().map(FlowParameter::info)
    }

    /// The JSON schema (draft 2020-12) of an object with a value for each parameter, for forms: types, defaults, doc
    /// comments, what is required, and no further names. Only with the feature `schema`.
    ///
    /// A parameter of a `#[prefect::flow]` function has the schema of its type if that is [`schemars::JsonSchema`]. If it is
    /// not, the parameter works all the same, and its schema takes any value. Where a flow is built, `parameter::<T>("x")`
    /// knows the usual types (numbers, texts, `Option`, `Vec` and maps of them), and takes the schema of any other by
    /// `schema = schema_of()`; a [`FlowBuilder`] has [`parameter_schema`](FlowBuilder::parameter_schema).
    ///
    /// An object that the schema refuses is refused by a run. The other way round there is what a schema cannot say: a
    /// `Deserialize` may look at more than the type.
    ///
    /// ```
    /// use prefect::prelude::*;
    ///
    /// #[prefect::flow]
    /// fn etl(
    ///     /// Where to read from.
    ///     path: String,
    ///     #[default(3)] rows: u8,
    /// ) {
    /// }
    /// let schema = etl::flow().parameters_schema();
    /// let rows = serde_json::json!({ "type": "integer", "format": "uint8", "minimum": 0, "maximum": 255, "default": 3 });
    /// assert_eq!(schema["properties"]["rows"], rows);
    /// assert_eq!(schema["properties"]["path"]["description"], "Where to read from.");
    /// assert_eq!(schema["required"], serde_json::json!(["path"]));
    /// ```
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn parameters_schema(&self) -> serde_json::Value {
        schema::of_parameters(&self.graph.name, &self.graph.parameters)
    }

    /// Gives a parameter a value for the runs of this flow, in place of one that it was given before.
    ///
    /// What is wrong with the values is told by [`run`](Self::run), all at once and before any task runs.
    ///
    /// ```
    /// use prefect::{FlowBuilder, FlowOptions, built_in};
    ///
    /// let mut flow = FlowBuilder::new(FlowOptions::new("etl"));
    /// let (definition, body) = built_in::parameter::<i64>("x");
    /// let x = flow.task(definition, body);
    /// let flow = flow.build();
    /// let missing = flow.run();
    /// let text = missing.state().message().unwrap();
    /// assert_eq!(text, "Flow.run did not receive the following required parameters: x");
    /// let run = flow.with_parameter("x", 4).run();
    /// assert_eq!(run.state_of(x).value(), Some(&4_i64));
    /// ```
    #[must_use = "it gives the flow with this value"]
    pub fn with_parameter(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.given.insert(name.into(), Given::Json(value.into()));
        self
    }

    /// Gives several parameters their values, as [`with_parameter`](Self::with_parameter) does: the items of a map, or of a
    /// JSON object.
    ///
    /// ```
    /// use prefect::{FlowBuilder, FlowOptions, built_in};
    ///
    /// let mut flow = FlowBuilder::new(FlowOptions::new("names"));
    /// let (definition, body) = built_in::parameter::<Vec<String>>("names");
    /// let names = flow.task(definition, body);
    /// let given: serde_json::Map<_, _> = serde_json::from_str(r#"{ "names": ["a", "b"] }"#).unwrap();
    /// let run = flow.build().with_parameters(given).run();
    /// assert_eq!(run.state_of(names).value::<Vec<String>>().unwrap().len(), 2);
    /// ```
    #[must_use = "it gives the flow with these values"]
    pub fn with_parameters<N, V>(self, values: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<serde_json::Value>,
    {
        values.into_iter().fold(self, |flow, (name, value)| flow.with_parameter(name, value))
    }

    /// When the flow is run: [`run`](Self::run) then waits for each moment of the schedule in turn.
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::schedule::{CronClock, Schedule};
    /// use prefect::{Clock, RunSettings};
    ///
    /// #[task]
    /// fn day() -> String {
    ///     context().scheduled_start_time().unwrap().to_string()
    /// }
    ///
    /// # fn main() -> Result<(), prefect::schedule::ScheduleError> {
    /// let mornings = CronClock::new("0 9 * * *")?.end_date("2026-01-31")?;
    /// let flow = flow!("report", { day() }).schedule(Schedule::new(mornings));
    /// // A month in no time.
    /// let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
    /// let run = flow.with(RunSettings::new().clock(clock)).run();
    /// assert_eq!(run.output().unwrap(), "2026-01-30T09:00:00Z");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "it gives the flow with this schedule"]
    pub fn schedule(mut self, schedule: impl Into<Schedule>) -> Self {
        self.schedule = Some(Arc::new(schedule.into()));
        self
    }
}

impl<O: FlowOutput> Flow<O> {
    /// Runs the flow to its end and waits for it, retries included; prints nothing.
    ///
    /// If the flow has a [schedule](Self::schedule), this waits for each of its moments in turn and runs the flow there,
    /// until the schedule has no more of them, and gives the last run. Moments that pass while a run goes on are left out;
    /// several clocks that tell the same moment with different defaults or labels each have their run. A schedule without
    /// any moment to come makes a failed run that says so. [`RunSettings::run_now`] and the configuration's
    /// `flows.run_on_schedule` turn this off.
    ///
    /// If a required [parameter](Self::parameters) was not given, a value does not fit, or the flow has no parameter of a
    /// name, nothing is run and no handler hears of it: the run is `Failed`, and its error is a [`ParameterErrors`]. With a
    /// schedule all that its clocks give is looked at before the first wait.
    ///
    /// # Panics
    /// In an async context, whose thread must not wait: use [`run_async`](Self::run_async). If a task takes something
    /// shared that the flow does not share. While a flow is being built on the same thread.
    #[track_caller]
    pub fn run(&self) -> FlowRun<O> {
        assert_may_wait();
        let run = run::run(self, AsyncRuntime::own, || true);
        run.expect("somebody waits for it: the caller").with_output(self.output.clone())
    }

    /// Runs the flow to its end from these states, at once: what has finished is not run again. The run fails if they name
    /// a task that the flow has not.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    #[track_caller]
    pub fn run_from(&self, states: RunState) -> FlowRun<O> {
        assert_may_wait();
        let mut flow = self.unread();
        flow.settings.states = states;
        let run = Prepared::new(&flow, Until::TheEnd, AsyncRuntime::own(), None).run();
        run.with_output(self.output.clone())
    }

    /// Runs one pass at once, whatever the schedule: tasks that wait (for a retry, for somebody) stay waiting, and the flow
    /// may stay `Running`. A parameter without a value, or with one that does not fit, is a task that fails.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    #[track_caller]
    pub fn run_once(&self) -> FlowRun<O> {
        assert_may_wait();
        Prepared::new(self, Until::OnePass, AsyncRuntime::own(), None).run().with_output(self.output.clone())
    }

    /// Runs the flow to its end, retries included, and on its schedule as [`run`](Self::run) does. Async tasks use the
    /// runtime that this is called in.
    ///
    /// Once started, a run goes on also when the future is dropped; no further one is started then.
    ///
    /// # Panics
    /// As [`run`](Self::run), but for the async context, which it needs: outside a tokio runtime it panics.
    pub async fn run_async(&self) -> FlowRun<O> {
        let handle = Handle::current();
        Prepared::check(self);
        let flow = self.unread();
        let (tell, told) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name("prefect-run".into())
            .spawn(move || {
                let run = run::run(&flow, || AsyncRuntime::Given(handle.clone()), || !tell.is_closed());
                if let Some(run) = run {
                    // Nobody may be listening any more.
                    let _ = tell.send(run);
                }
            })
            .expect("a thread for the run");
        told.await.expect("a run ends with a state, whatever happens").with_output(self.output.clone())
    }

    /// The same flow, for a thread that may outlive this one.
    pub(crate) fn unread(&self) -> Flow<Unread> {
        Flow {
            graph: Arc::clone(&self.graph),
            output: Unread(self.output.nodes()),
            shared: self.shared.clone(),
            settings: self.settings.clone(),
            schedule: self.schedule.clone(),
            given: self.given.clone(),
        }
    }
}

#[track_caller]
pub(crate) fn assert_may_wait() {
    assert!(
        tokio::runtime::Handle::try_current().is_err(),
        "this would hold up the async runtime that it is called in: write `flow.run_async().await`"
    );
}
