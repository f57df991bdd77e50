//! How a flow is run.
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::{Canceller, PauseAnswer, RunState};
use crate::cache::Cache;
use crate::door::Observer;
use crate::engine::KeepResults;
use crate::notify::{OnFlush, Outbox, PrintCard};
use crate::quiet::Quiet;
use crate::results::TaskResult;
use crate::{Clock, Config, ConfigError, Limits, Tracked};

/// What runs the tasks.
///
/// Both run sync and async bodies, and end every task in the same state; they differ in the order of tasks that do not
/// depend on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Executor {
    /// One task after the other on the caller's thread, in the order of Prefect 1's `LocalExecutor`: reproducible.
    Local,
    /// On threads: as many as given, else the configuration's `engine.workers`, else as many as the machine has cores.
    Threads(Option<NonZeroUsize>),
}

impl Executor {
    /// This many threads; 0 counts as 1.
    #[must_use]
    pub fn threads(n: usize) -> Self {
        Self::Threads(NonZeroUsize::new(n.max(1)))
    }
}

impl Default for Executor {
    fn default() -> Self {
        Self::Threads(None)
    }
}

/// How a flow is run: the executor, and what a test may want to be given instead of the machine's own.
#[derive(Clone, Default)]
#[must_use = "settings do nothing until they are given to a flow"]
pub struct RunSettings {
    pub(crate) executor: Executor,
    pub(crate) clock: Option<Clock>,
    pub(crate) seed: Option<u64>,
    pub(crate) keep: KeepResults,
    /// Whether the flow's schedule is followed; by default the configuration says it.
    pub(crate) on_schedule: Option<bool>,
    pub(crate) observers: Vec<Quiet<Arc<dyn Observer>>>,
    pub(crate) config: Option<Config>,
    pub(crate) flush_deadline: Option<Duration>,
    pub(crate) on_flush: Option<OnFlush>,
    /// What shows messages for which no webhook is configured.
    pub(crate) print_card: Option<PrintCard>,
    pub(crate) states: RunState,
    pub(crate) on_pause: Option<Quiet<OnPause>>,
    pub(crate) cache: Option<Cache>,
    /// Who takes messages instead of Slack.
    pub(crate) outbox: Option<Outbox>,
    pub(crate) log: Option<tracing::Dispatch>,
    /// What keeps results instead of the stores that the flow names.
    pub(crate) results: Option<TaskResult>,
    pub(crate) canceller: Option<Canceller>,
    /// What is limited; by default the configuration says it.
    pub(crate) limits: Option<Limits>,
    /// Where the run is recorded.
    #[cfg(feature = "store")]
    pub(crate) recorded: Option<RecordedIn>,
}

/// Where a run is recorded.
#[cfg(feature = "store")]
#[derive(Clone)]
pub(crate) enum RecordedIn {
    /// As a new run of this store.
    Store(prefect_store::Store),
    /// As the run that it goes on with.
    Run(crate::record::Recorded),
    /// As the run of a tick, which was recorded when it was decided: it ends there, whatever hinders it.
    Tick(crate::record::Recorded),
}

/// Who is asked about paused tasks.
pub(crate) type OnPause = Arc<dyn Fn(&Tracked) -> PauseAnswer + Send + Sync>;

impl RunSettings {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// What runs the tasks. Default: threads, as many as the machine has cores.
    pub fn executor(mut self, executor: Executor) -> Self {
        self.executor = executor;
        self
    }

    /// The clock. Default: the machine's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// What the random parts of delays are drawn from. Default: anew for each run.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Which results are kept to the end of the run. Default: those that are needed.
    pub fn keep_results(mut self, keep: KeepResults) -> Self {
        self.keep = keep;
        self
    }

    /// Runs the flow once, at once, whatever its schedule and the configuration say.
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::RunSettings;
    /// use prefect::schedule::CronClock;
    ///
    /// let flow = flow!("nightly", {}).schedule(CronClock::new("@daily").unwrap());
    /// let run = flow.with(RunSettings::new().run_now()).run();
    /// assert_eq!(run.state().kind(), Success);
    /// ```
    pub fn run_now(mut self) -> Self {
        self.on_schedule = Some(false);
        self
    }

    /// Runs the flow on its [schedule](crate::Flow::schedule), if it has one, whatever the configuration's
    /// `flows.run_on_schedule` says. The default is what that says, and by default it is true.
    pub fn run_on_schedule(mut self) -> Self {
        self.on_schedule = Some(true);
        self
    }

    /// The configuration, with its secrets. Default: that of the process, from the user's files and the environment.
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// The configuration of the run.
    pub(crate) fn config_or_current(&self) -> Result<Config, ConfigError> {
        self.config.clone().map_or_else(Config::current, Ok)
    }

    /// How long the end of the run waits for notifications to be delivered: counted from the end itself, or from the last
    /// message that was accepted. Default: the configuration's `slack.flush_deadline`, else 5 seconds; for mails
    /// `email.flush_deadline`, else 10 seconds.
    pub fn flush_deadline(mut self, deadline: Duration) -> Self {
        self.flush_deadline = Some(deadline);
        self
    }

    /// Where results of tasks with `cache_for` are kept for later runs. Default: the cache that all runs of the process share.
    pub fn cache(mut self, cache: Cache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Starts from the states of an earlier run: only what has not finished is run.
    ///
    /// The run fails if they name a task that the flow has not.
    pub fn states(mut self, states: RunState) -> Self {
        self.states = states;
        self
    }

    /// Who is asked about a paused task when nothing else is left to run. Default: nobody, and the run ends with the task
    /// paused.
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::{PauseAnswer, RunSettings};
    ///
    /// #[task(trigger = manual_only)]
    /// fn deploy() -> String {
    ///     "deployed".to_owned()
    /// }
    ///
    /// let ask = |task: &Tracked| if task.name() == "deploy" { PauseAnswer::Resume } else { PauseAnswer::Leave };
    /// let flow = flow!("release", { deploy() }).with(RunSettings::new().on_pause(ask));
    /// assert_eq!(flow.run().output().unwrap(), "deployed");
    /// ```
    pub fn on_pause(mut self, ask: impl Fn(&Tracked) -> PauseAnswer + Send + Sync + 'static) -> Self {
        self.on_pause = Some(Quiet::new(Arc::new(ask)));
        self
    }

    /// Records the run in this store: every change of a state, and the results of its tasks. If its process dies, another
    /// one can go on with it: [`Flow::resume`](crate::Flow::resume).
    ///
    /// A result is recorded before tasks start that read it. What cannot be written as JSON, or lives in memory only, is
    /// computed again by a run that goes on. [`Flow::run_once`](crate::Flow::run_once) records nothing.
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::RunSettings;
    /// use prefect::store::{Options, RunFilter, StateCode, Store, StoreUrl};
    ///
    /// #[task]
    /// fn load() -> u32 {
    ///     7
    /// }
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("runs.db");
    /// let store = Store::open(&StoreUrl::sqlite(path), Options::default()).unwrap();
    /// let run = flow!("etl", { load() }).with(RunSettings::new().store(store.clone())).run();
    /// let recorded = store.runs(&RunFilter::default()).unwrap();
    /// assert_eq!((recorded[0].id.to_string().as_str(), recorded[0].state), (run.id(), StateCode::SUCCESS));
    /// ```
    #[cfg(feature = "store")]
    pub fn store(mut self, store: prefect_store::Store) -> Self {
        self.recorded = Some(RecordedIn::Store(store));
        self
    }

    /// How much may run at once, and how often tasks may start. Default: what the configuration says.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Who may cancel the run. Default: nobody.
    pub fn canceller(mut self, canceller: Canceller) -> Self {
        self.canceller = Some(canceller);
        self
    }

    /// Adds somebody who looks on.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observers.push(Quiet::new(observer));
        self
    }
}

impl fmt::Debug for RunSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunSettings")
            .field("executor", &self.executor)
            .field("clock", &self.clock)
            .field("seed", &self.seed)
            .field("keep", &self.keep)
            .finish_non_exhaustive()
    }
}
