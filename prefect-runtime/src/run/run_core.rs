//! What the executor and the task runs of one run share.
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::left_behind::LeftBehind;
use super::{Cancelled, Canceller, Services};
use crate::cache::{Cache, GivenValue, Kept};
use crate::clock::nanos;
use crate::engine::{Engine, RunId};
use crate::flow::given::Resolved;
use crate::flow::graph::{Graph, TaskId};
use crate::flow::{BodyKind, RetryDelay, SharedValues};
use crate::handlers::TrackedKind;
use crate::limits::{Demand, RunLimits};
use crate::lock::lock;
use crate::random::{fraction, spread};
use crate::results::TaskResult;
use crate::state::Start;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::{State, Tracked};

/// What the executor and the task runs of one run share.
pub(crate) struct RunCore {
    pub(crate) graph: Arc<Graph>,
    pub(crate) services: Arc<Services>,
    pub(crate) shared: SharedValues,
    pub(crate) left_behind: LeftBehind,
    pub(crate) cache: Cache,
    /// What keeps results instead of the stores that the flow names.
    pub(crate) results: Option<TaskResult>,
    /// What is limited of it, if anything is.
    pub(crate) limits: Option<RunLimits>,
    /// What goes to the cache when the run has ended.
    pub(super) for_cache: Mutex<Vec<(RunId, String, Kept)>>,
    /// Whether a run that was cancelled has come so far that its resources are cleaned up.
    pub(super) cleans_up: AtomicBool,
    pub(super) seed: u64,
}

/// How often and when a task is tried again.
#[derive(Clone, Copy)]
pub(crate) struct Retries {
    pub(crate) max: u32,
    pub(crate) delay: RetryDelay,
}

impl RunCore {
    #[cold]
    pub(crate) fn tracked(&self, run: RunId) -> Tracked {
        Tracked {
            kind: TrackedKind::Task,
            name: Arc::clone(self.graph.name(run.task)),
            slug: Arc::clone(self.graph.slug(run.task)),
            map_index: run.child.map(|child| child as usize),
            run: Some(run),
            services: Arc::clone(&self.services),
        }
    }

    /// `name`, or `name[3]` for a child of a mapped task.
    pub(crate) fn full_name(&self, run: RunId) -> impl fmt::Display {
        fmt::from_fn(move |f| {
            f.write_str(self.graph.name(run.task))?;
            run.child.map_or(Ok(()), |child| write!(f, "[{child}]"))
        })
    }

    pub(crate) fn retries(&self, task: TaskId) -> Retries {
        let definition = self.graph.definition(task);
        let defaults = self.services.config.settings();
        Retries {
            max: definition.max_retries.unwrap_or(defaults.max_retries),
            delay: definition.retry_delay.unwrap_or(RetryDelay::Fixed(defaults.retry_delay.unwrap_or_default())),
        }
    }

    /// What a task needs of limited things before its body starts.
    #[inline]
    pub(crate) fn needs(&self, task: TaskId) -> Option<&Arc<Demand>> {
        self.limits.as_ref()?.of_task(&self.graph, task)
    }

    /// Whether no body may start, because somebody has cancelled the run.
    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        match &self.services.canceller {
            None => false,
            Some(canceller) => canceller.is_cancelled() && !self.cleans_up(),
        }
    }

    /// Whether this task has to stop, because somebody has cancelled the run. One that cleans up a resource goes on to its end:
    /// stopped half-way, it would not be begun once more.
    pub(crate) fn stops(&self, task: TaskId) -> bool {
        self.is_cancelled() && self.ends_with_the_run(task)
    }

    fn ends_with_the_run(&self, task: TaskId) -> bool {
        self.graph.cleaned_up_by(task).is_empty()
    }

    /// Whether a cancelled run cleans up its resources.
    #[inline]
    pub(crate) fn cleans_up(&self) -> bool {
        self.cleans_up.load(Ordering::Acquire)
    }

    /// What ends when a body of this task has to stop, if it ever has to.
    pub(crate) fn stopped(&self, task: TaskId) -> Option<Cancelled> {
        if self.ends_with_the_run(task) { self.cancelled() } else { None }
    }

    /// What ends when the run is cancelled; nothing does for what cleans up.
    pub(crate) fn cancelled(&self) -> Option<Cancelled> {
        let canceller = self.services.canceller.as_ref().filter(|_| !self.cleans_up());
        canceller.map(Canceller::cancelled)
    }

    /// Whether some task has an async body.
    pub(crate) fn has_async(&self) -> bool {
        self.graph.kinds.iter().any(|kind| kind.code.kind() == BodyKind::Async)
    }

    /// Whether some task has a timeout.
    pub(crate) fn has_timeouts(&self) -> bool {
        let by_default = self.services.config.settings().timeout.is_some();
        by_default || self.graph.kinds.iter().any(|kind| kind.definition.timeout.is_some())
    }

    /// Whether all tasks have finished that nothing is downstream of.
    pub(crate) fn terminal_tasks_finished(&self, engine: &Engine) -> bool {
        self.graph.terminal_tasks().iter().all(|task| engine.has_finished(*task))
    }

    pub(crate) fn timeout(&self, task: TaskId) -> Option<Duration> {
        self.graph.definition(task).timeout.or(self.services.config.settings().timeout)
    }

    /// The values of the flow's parameters in this run, by name.
    pub(crate) fn parameters(&self) -> Vec<GivenValue> {
        self.shared.get::<Resolved>().map_or_else(Vec::new, |resolved| given_values(&self.graph, &resolved))
    }

    /// Keeps a result for later runs, once this one has ended.
    pub(crate) fn keep_after_the_run(&self, run: RunId, key: String, kept: Kept) {
        lock(&self.for_cache).push((run, key, kept));
    }

    /// A state that starts after a delay, entered now: it has a start time.
    pub(crate) fn with_start_time(&self, state: State) -> State {
        let Some(Start::After(delay)) = state.start() else { return state };
        let clock = &self.services.clock;
        state.start_at(clock.at(clock.now().saturating_add(nanos(delay))))
    }

    /// From 0 to 1: the same for the same seed, task and attempt, whatever runs beside it.
    pub(crate) fn random(&self, run: RunId, attempt: u32) -> f64 {
        let child = run.child.map_or(0, |child| spread(u64::from(child) + 1));
        fraction(self.seed ^ child ^ spread(u64::from(run.task) << 32 | u64::from(attempt)))
    }
}

pub(crate) fn given_values(graph: &Graph, resolved: &Resolved) -> Vec<GivenValue> {
    let parameters = graph.parameters.iter().enumerate();
    let given = parameters.map(|(place, parameter)| GivenValue {
        name: Arc::clone(&parameter.name),
        value: resolved.get(place).ok(),
        made_of: None,
    });
    given.collect()
}
