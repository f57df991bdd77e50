//! What a test gives a flow, and the run itself.
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::sync::Handle;
use jiff::Timestamp;
use serde::Serialize;

use super::kept::KeptResults;
use super::record::Recorder;
use super::recording::GivenTasks;
use super::rehearsal::{Rehearsal, on_a_thread};
use super::{Recording, log_lines};
use crate::config::ConfigBuilder;
use crate::flow::graph::{Code, TaskId};
use crate::flow::{FlowOptions, FlowOutput, scope};
use crate::run::{AsyncRuntime, Prepared};
use crate::schedule::IntoMoment;
use crate::{
    Cache, Clock, Config, Executor, Flow, IntoTaskResult as _, KeepResults, Node, PauseAnswer, ResultStore as _,
    RunSettings, RunState, TaskError, Tracked,
};

/// The moment at which a test run starts, unless it says another one: the first of January 2026, midnight in UTC.
pub const START: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// Runs a flow for a test: see [the module](crate::testing).
///
/// What it is given is checked against the flow at once: a wrong name or a wrong type is a panic in the line that is wrong.
/// The settings that the flow came with ([`Flow::with`]) are not used; its schedule, its parameters and what it shares are.
#[must_use = "it runs nothing until `run`"]
pub struct TestRun<O = ()> {
    pub(super) flow: Flow<O>,
    config: ConfigBuilder,
    settings: RunSettings,
    now: Timestamp,
    pub(super) states: RunState,
    pub(super) given: GivenTasks,
    pub(super) bodies: BTreeMap<TaskId, Code>,
    kept: KeptResults,
}

impl<O: FlowOutput> TestRun<O> {
    /// A run of this flow, which is given nothing yet.
    pub fn of(flow: &Flow<O>) -> Self {
        Self {
            flow: Flow {
                graph: Arc::clone(&flow.graph),
                output: flow.output.clone(),
                shared: flow.shared.clone(),
                settings: RunSettings::new(),
                schedule: flow.schedule.clone(),
                given: flow.given.clone(),
            },
            config: Config::builder().sealed(),
            settings: RunSettings::new().executor(Executor::Local).seed(0).keep_results(KeepResults::All),
            now: START,
            states: RunState::new(),
            given: GivenTasks::new(),
            bodies: BTreeMap::new(),
            kept: KeptResults::default(),
        }
    }

    /// Gives a parameter of the flow its value, as [`Flow::with_parameter`] does. Values of other types than JSON's are given
    /// to the flow itself: `etl::parameters().day(day).flow()`.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.flow = self.flow.with_parameter(name, value);
        self
    }

    /// Gives the run a secret: for [`Secret`](crate::Secret), and for the webhooks of notifiers, which need none here.
    pub fn secret(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.config = self.config.secret(name, text);
        self
    }

    /// Gives the run a variable of the environment: for [`EnvVarSecret`](crate::EnvVarSecret) and for the configuration, as
    /// `PREFECT__SECTION__KEY`. What asks the process itself, by `std::env::var`, does not see it.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.config = self.config.environment([(name, value)]);
        self
    }

    /// Gives the run its configuration, as the text of a `config.toml`. A text that is none makes a failed run.
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::testing::TestRun;
    ///
    /// #[task]
    /// fn download() -> u32 {
    ///     unimplemented!("asks a server")
    /// }
    ///
    /// let flow = flow!("etl", { download() });
    /// let run = TestRun::of(&flow).config("[tasks.defaults]\nmax_retries = 2\n").failing("download", "503").run();
    /// assert_eq!(run.attempts("download"), 3);
    /// ```
    pub fn config(mut self, text: &str) -> Self {
        self.config = self.config.user_config(text);
        self
    }

    /// Keeps a result as JSON under this name, as an earlier run would have done: a task whose `target` it is does not run.
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::testing::TestRun;
    ///
    /// #[task(target = "rates/{day}.json")]
    /// fn rate(day: u8) -> f64 {
    ///     1.0 + f64::from(day) / 100.0
    /// }
    ///
    /// let flow = flow!("rates", { rate(7) });
    /// let run = TestRun::of(&flow).kept("rates/7.json", 1.25).run();
    /// assert_eq!((run.state_of("rate").kind(), run.output().unwrap()), (Cached, 1.25));
    /// let run = TestRun::of(&flow).run();
    /// assert_eq!(run.kept()["rates/7.json"], b"1.07");
    /// ```
    ///
    /// # Panics
    /// If the value cannot be written as JSON.
    #[track_caller]
    pub fn kept(self, location: &str, value: impl Serialize) -> Self {
        let written = serde_json::to_vec(&value).map_err(TaskError::from);
        let kept = written.and_then(|bytes| self.kept.write(location, &bytes));
        kept.unwrap_or_else(|why| panic!("{location}: {why}"));
        self
    }

    /// The moment at which virtual time starts, in place of [`START`].
    ///
    /// # Panics
    /// If a text is no moment.
    #[track_caller]
    pub fn now(mut self, moment: impl IntoMoment) -> Self {
        self.now = match moment.into_moment() {
            Ok(moment) => moment.timestamp(),
            Err(error) => panic!("{error}"),
        };
        self
    }

    /// What runs the tasks. On threads the order of tasks that do not depend on each other differs from run to run.
    pub fn executor(mut self, executor: Executor) -> Self {
        self.settings = self.settings.executor(executor);
        self
    }

    /// What the random parts of delays are drawn from, in place of 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings = self.settings.seed(seed);
        self
    }

    /// Who is asked about paused tasks: see [`RunSettings::on_pause`].
    pub fn on_pause(mut self, ask: impl Fn(&Tracked) -> PauseAnswer + Send + Sync + 'static) -> Self {
        self.settings = self.settings.on_pause(ask);
        self
    }

    /// Runs the flow once, at once, whatever its schedule.
    ///
    /// # Panics
    /// In an async context, whose thread must not wait: use [`run_async`](Self::run_async). As [`Flow::run`].
    #[track_caller]
    pub fn run(self) -> Recording<O> {
        assert_may_wait("run_async()");
        let (rehearsal, output) = self.rehearsal();
        rehearsal.once(AsyncRuntime::own()).recording(output)
    }

    /// The same in an async context, such as a `#[tokio::test]`. Async tasks use the runtime that this is called in.
    ///
    /// Waits by `prefect::sleep` are in virtual time; those by `tokio::time::sleep` are not.
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::testing::TestRun;
    ///
    /// #[task]
    /// async fn wait() -> u32 {
    ///     prefect::sleep(std::time::Duration::from_secs(3600)).await;
    ///     1
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let run = TestRun::of(&flow!("hour", { wait() })).run_async().await;
    /// assert_eq!(run.output().unwrap(), 1);
    /// # });
    /// ```
    ///
    /// # Panics
    /// Outside a tokio runtime. As [`Flow::run`].
    pub async fn run_async(self) -> Recording<O> {
        let runtime = AsyncRuntime::Given(Handle::current());
        let (rehearsal, output) = self.rehearsal();
        on_a_thread(move || rehearsal.once(runtime)).await.recording(output)
    }

    /// Runs the flow at the next so many moments of its schedule, one after the other and in no time: fewer, if the schedule
    /// has no more of them.
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::schedule::CronClock;
    /// use prefect::testing::TestRun;
    ///
    /// #[task]
    /// fn day() -> String {
    ///     context().scheduled_start_time().unwrap().strftime("%F").to_string()
    /// }
    ///
    /// let flow = flow!("nightly", { day() }).schedule(CronClock::new("@daily").unwrap());
    /// let runs = TestRun::of(&flow).now("2026-02-26T12:00").run_scheduled(3);
    /// let days: Vec<_> = runs.iter().map(|run| run.output().unwrap()).collect();
    /// assert_eq!(days, ["2026-02-27", "2026-02-28", "2026-03-01"]);
    /// ```
    ///
    /// # Panics
    /// If the flow has no schedule. As [`run`](Self::run).
    #[track_caller]
    pub fn run_scheduled(self, runs: usize) -> Vec<Recording<O>> {
        assert_may_wait("run_scheduled_async(..)");
        let (rehearsal, output) = self.rehearsal();
        rehearsal.scheduled(AsyncRuntime::own, runs).into_iter().map(|run| run.recording(output.clone())).collect()
    }

    /// The same in an async context.
    ///
    /// # Panics
    /// If the flow has no schedule. As [`run_async`](Self::run_async).
    pub async fn run_scheduled_async(self, runs: usize) -> Vec<Recording<O>> {
        let runtime = Handle::current();
        let (rehearsal, output) = self.rehearsal();
        let runs = on_a_thread(move || rehearsal.scheduled(|| AsyncRuntime::Given(runtime.clone()), runs)).await;
        runs.into_iter().map(|run| run.recording(output.clone())).collect()
    }

    /// Everything that a run needs.
    #[track_caller]
    fn rehearsal(self) -> (Rehearsal, O) {
        let Self { mut flow, config, settings, now, states, given, bodies, kept } = self;
        let config = config.build().unwrap_or_else(|error| panic!("{error}"));
        let recorder = Recorder::default();
        let log = log_lines::listener(&recorder, &config);
        flow.graph = Arc::new(flow.graph.with_code(bodies));
        let mut settings =
            settings.config(config).clock(Clock::virtual_from(now)).states(states).observer(Arc::new(recorder.clone()));
        settings.outbox = Some(recorder.outbox());
        settings.log = Some(log.clone());
        settings.results = Some(kept.clone().into_task_result());
        settings.cache = Some(Cache::new());
        let flow = flow.with(settings);
        Prepared::check(&flow);
        (Rehearsal { flow: flow.unread(), recorder, log, given, kept }, flow.output)
    }
}

impl<T: Send + Sync + Clone + 'static> TestRun<Node<T>> {
    /// A run of one task: of a flow in which nothing but this call is.
    ///
    /// A body alone is tested by calling it: `div::run(1, 0)`.
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::testing::TestRun;
    ///
    /// #[task(max_retries = 1, retry_delay = "1h")]
    /// fn div(x: i64, y: i64) -> i64 {
    ///     x / y
    /// }
    ///
    /// let run = TestRun::of_task(|| div(1, 0)).run();
    /// assert_eq!(run.kinds_of("div"), [Running, Failed, Retrying, Running, Failed]);
    /// assert_eq!(TestRun::of_task(|| div(7, 2)).run().output().unwrap(), 3);
    /// ```
    #[track_caller]
    pub fn of_task(call: impl FnOnce() -> Node<T>) -> Self {
        Self::of(&scope::build(FlowOptions::new("test"), call))
    }
}

impl<O> fmt::Debug for TestRun<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestRun")
            .field("flow", &self.flow.name())
            .field("now", &self.now)
            .field("given", &self.states.slugs().collect::<Vec<_>>())
            .field("bodies", &self.bodies.len())
            .finish_non_exhaustive()
    }
}

#[track_caller]
fn assert_may_wait(instead: &str) {
    assert!(
        tokio::runtime::Handle::try_current().is_err(),
        "this would hold up the async runtime that it is called in: write `.{instead}.await`"
    );
}
