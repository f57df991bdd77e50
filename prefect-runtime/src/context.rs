//! What a running body can ask about its run.
use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tracing::dispatcher::{DefaultGuard, set_default};

use crate::engine::RunId;
use crate::flow::graph::{Graph, TaskId};
#[cfg(feature = "store")]
use crate::record::{LoggedBy, Recorder};
use crate::run::Services;
use crate::state::Looping;
use crate::sync::thread_local;
use crate::{Clock, Sleep};

/// What is known about the task run that is on this thread; empty outside a run. Cheap to clone and to send.
///
/// ```
/// use prefect::{Context, context};
///
/// assert_eq!(context().task_name(), None); // not in a run
/// let test = Context::test().with_map_index(3).with_task_run_count(2);
/// test.enter(|| {
///     assert_eq!(context().map_index(), Some(3));
///     assert_eq!(context().task_run_count(), 2);
/// });
/// ```
#[derive(Clone, Default)]
pub struct Context(Option<Arc<Inside>>);

#[derive(Clone)]
struct Inside {
    run: Option<(Arc<Services>, Arc<Graph>, TaskId)>,
    map_index: Option<usize>,
    attempt: u32,
    extras: Option<Arc<Extras>>,
    resumed: bool,
}

/// What only some task runs have.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    pub(crate) run_name: Option<Arc<str>>,
    pub(crate) looping: Option<Looping>,
}

thread_local! {
    /// The context that was entered by hand, or for one poll of a future.
    static ENTERED: RefCell<Option<Context>> = const { RefCell::new(None) };
    /// The run that this thread works for: a context is made of it only when somebody asks.
    static RUN: RefCell<Option<(Arc<Services>, Arc<Graph>)>> = const { RefCell::new(None) };
    /// The task run that is on this thread.
    static NOW: Cell<Option<Now>> = const { Cell::new(None) };
    static EXTRAS: RefCell<Option<Arc<Extras>>> = const { RefCell::new(None) };
}

/// The task run that is on a thread.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    pub(crate) run: RunId,
    pub(crate) attempt: u32,
    pub(crate) resumed: bool,
}

/// The context of the running task; an empty one outside a run.
#[must_use]
pub fn context() -> Context {
    if let Some(context) = ENTERED.with_borrow(Clone::clone) {
        return context;
    }
    let Some(now) = NOW.get() else { return Context(None) };
    RUN.with_borrow(|run| {
        let Some((services, graph)) = run else { return Context(None) };
        Context::of(services, graph, now, EXTRAS.with_borrow(Clone::clone))
    })
}

/// Makes this thread work for a run, until dropped. A body may run a flow of its own: the outer run comes back after it.
pub(crate) struct Working {
    entered: Option<Context>,
    run: Option<(Arc<Services>, Arc<Graph>)>,
    now: Option<Now>,
    #[cfg(feature = "store")]
    logging: (Option<LoggedBy>, Option<Arc<Recorder>>),
    _config: crate::config::Entered,
    _log: Option<DefaultGuard>,
}

impl Working {
    pub(crate) fn new(services: &Arc<Services>, graph: &Arc<Graph>) -> Self {
        Self {
            entered: ENTERED.take(),
            run: RUN.replace(Some((Arc::clone(services), Arc::clone(graph)))),
            now: NOW.take(),
            #[cfg(feature = "store")]
            logging: (ABOUT.take(), FLOW.take()),
            _config: services.config.enter(),
            _log: services.log.as_ref().map(set_default),
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        // Replaced and not set: what was there may be the last hold on a flow, whose destructors may ask for a context.
        drop(ENTERED.replace(self.entered.take()));
        drop(RUN.replace(self.run.take()));
        NOW.set(self.now.take());
        #[cfg(feature = "store")]
        {
            ABOUT.set(self.logging.0.take());
            drop(FLOW.replace(self.logging.1.take()));
        }
    }
}

/// Where a log line comes from.
#[cfg(feature = "store")]
pub(crate) struct Whence {
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) by: LoggedBy,
}

#[cfg(feature = "store")]
thread_local! {
    /// The task run whose steps before or after its body are on this thread.
    static ABOUT: Cell<Option<LoggedBy>> = const { Cell::new(None) };
    /// The flow run whose own steps are on this thread.
    static FLOW: RefCell<Option<Arc<Recorder>>> = const { RefCell::new(None) };
}

/// Which recorded run a log line of this thread belongs to, and to what of it.
#[cfg(feature = "store")]
pub(crate) fn whence() -> Option<Whence> {
    // A destructor may log when the thread has ended, and with it all that it knew.
    if let Some(recorder) = FLOW.try_with(|flow| flow.borrow().clone()).ok()? {
        return Some(Whence { recorder, by: LoggedBy::Flow });
    }
    let entered = ENTERED.try_with(|entered| {
        let entered = entered.borrow();
        let Context(Some(inside)) = entered.as_ref()? else { return Some(None) };
        let Some((services, _, task)) = &inside.run else { return Some(None) };
        let child = inside.map_index.and_then(|index| u32::try_from(index).ok());
        Some(services.recorder.clone().map(|recorder| Whence { recorder, by: LoggedBy::Body(*task, child) }))
    });
    if let Some(whence) = entered.ok()? {
        return whence;
    }
    let running = RUN.try_with(|run| {
        let recorder = run.borrow().as_ref()?.0.recorder.clone()?;
        let by = match NOW.get() {
            Some(now) => LoggedBy::Body(now.run.task, now.run.child),
            None => ABOUT.get().unwrap_or(LoggedBy::Flow),
        };
        Some(Whence { recorder, by })
    });
    running.ok()?
}

/// While it lives, log lines of this thread belong to this task run, unless its body is running, or to the flow run.
#[cfg(feature = "store")]
pub(crate) enum Logging {
    TaskRun(Option<LoggedBy>),
    FlowRun(Option<Arc<Recorder>>),
    /// Nobody records the run.
    Unrecorded,
}

#[cfg(feature = "store")]
impl Logging {
    pub(crate) fn before(services: &Services, run: RunId) -> Self {
        Self::of(services, LoggedBy::Before(run.task, run.child))
    }

    pub(crate) fn after(services: &Services, run: RunId) -> Self {
        Self::of(services, LoggedBy::After(run.task, run.child))
    }

    fn of(services: &Services, by: LoggedBy) -> Self {
        if services.recorder.is_some() { Self::TaskRun(ABOUT.replace(Some(by))) } else { Self::Unrecorded }
    }

    pub(crate) fn flow(services: &Services) -> Self {
        match &services.recorder {
            Some(recorder) => Self::FlowRun(FLOW.replace(Some(Arc::clone(recorder)))),
            None => Self::Unrecorded,
        }
    }
}

#[cfg(feature = "store")]
impl Drop for Logging {
    fn drop(&mut self) {
        match self {
            Self::TaskRun(before) => ABOUT.set(before.take()),
            Self::FlowRun(before) => drop(FLOW.replace(before.take())),
            Self::Unrecorded => {}
        }
    }
}

/// Without the feature `store` no line is kept.
#[cfg(not(feature = "store"))]
pub(crate) struct Logging;

#[cfg(not(feature = "store"))]
impl Logging {
    pub(crate) const fn before(_: &Services, _: RunId) -> Self {
        Self
    }

    pub(crate) const fn after(_: &Services, _: RunId) -> Self {
        Self
    }

    pub(crate) const fn flow(_: &Services) -> Self {
        Self
    }
}

/// Runs `f` as this task run of the run that this thread works for.
#[inline]
pub(crate) fn as_task<R>(now: Now, extras: Option<&Arc<Extras>>, f: impl FnOnce() -> R) -> R {
    struct Over(bool);
    impl Drop for Over {
        fn drop(&mut self) {
            NOW.set(None);
            if self.0 {
                drop(EXTRAS.take());
            }
        }
    }
    NOW.set(Some(now));
    if let Some(extras) = extras {
        EXTRAS.set(Some(Arc::clone(extras)));
    }
    let _over = Over(extras.is_some());
    f()
}

impl Context {
    /// A context for the test of a task's body.
    #[must_use]
    pub fn test() -> Self {
        Self(Some(Arc::new(Inside { run: None, map_index: None, attempt: 1, extras: None, resumed: false })))
    }

    pub(crate) fn of(services: &Arc<Services>, graph: &Arc<Graph>, now: Now, extras: Option<Arc<Extras>>) -> Self {
        let run = Some((Arc::clone(services), Arc::clone(graph), now.run.task));
        let Now { attempt, resumed, .. } = now;
        let map_index = now.run.child.map(|child| child as usize);
        Self(Some(Arc::new(Inside { run, map_index, attempt, extras, resumed })))
    }

    fn change(self, change: impl FnOnce(&mut Inside)) -> Self {
        let Self(Some(mut inside)) = self else { return Self::test().change(change) };
        change(Arc::make_mut(&mut inside));
        Self(Some(inside))
    }

    /// The same with this map index.
    #[must_use]
    pub fn with_map_index(self, i: usize) -> Self {
        self.change(|c| c.map_index = Some(i))
    }

    /// The same on this attempt, from 1.
    #[must_use]
    pub fn with_task_run_count(self, count: u32) -> Self {
        self.change(|c| c.attempt = count)
    }

    fn run(&self) -> Option<&(Arc<Services>, Arc<Graph>, TaskId)> {
        self.0.as_ref()?.run.as_ref()
    }

    /// The name of the task.
    #[must_use]
    pub fn task_name(&self) -> Option<&str> {
        let (_, graph, task) = self.run()?;
        Some(graph.name(*task))
    }

    /// The name of the task and, for a child of a mapped task, its index: `name[3]`.
    #[must_use]
    pub fn task_full_name(&self) -> Option<String> {
        let name = self.task_name()?;
        Some(self.map_index().map_or_else(|| name.to_owned(), |i| format!("{name}[{i}]")))
    }

    /// The slug of the task: unique in its flow.
    #[must_use]
    pub fn task_slug(&self) -> Option<&str> {
        let (_, graph, task) = self.run()?;
        Some(graph.slug(*task))
    }

    /// The tags of the task.
    #[must_use]
    pub fn task_tags(&self) -> Vec<String> {
        let Some((_, graph, task)) = self.run() else { return Vec::new() };
        graph.definition(*task).tags.iter().map(|tag| tag.clone().into_owned()).collect()
    }

    /// The name of the task run, if the task has the option `task_run_name`.
    #[must_use]
    pub fn task_run_name(&self) -> Option<&str> {
        self.extras()?.run_name.as_deref()
    }

    /// What names the task run over all its attempts: flow run, slug and index. Pass it on to services that
    /// recognise repeated requests.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<String> {
        let (services, graph, task) = self.run()?;
        let index = self.map_index().map_or_else(|| "0".to_owned(), |i| i.to_string());
        Some(format!("{}/{}/{index}", services.flow_run_id, graph.slug(*task)))
    }

    /// Which child of a mapped task it is, from 0.
    #[must_use]
    pub fn map_index(&self) -> Option<usize> {
        self.0.as_ref()?.map_index
    }

    /// Which attempt it is, from 1; 0 outside a run.
    #[must_use]
    pub fn task_run_count(&self) -> u32 {
        self.0.as_ref().map_or(0, |c| c.attempt)
    }

    fn extras(&self) -> Option<&Extras> {
        self.0.as_ref()?.extras.as_deref()
    }

    /// Which iteration of a loop it is, from 1; 1 also for a task that does not loop.
    #[must_use]
    pub fn task_loop_count(&self) -> u32 {
        self.extras().and_then(|extras| extras.looping.as_ref()).map_or(1, |looping| looping.iteration)
    }

    /// What the iteration before gave by [`Signal::looping`](crate::Signal::looping); `None` in the first one, or if it is of
    /// another type. Where another process goes on with the loop, it is read from the store.
    ///
    /// ```
    /// use prefect::prelude::*;
    ///
    /// // An iteration may give something else than the task does.
    /// #[task]
    /// fn count_to(limit: u32) -> Result<String, TaskError> {
    ///     let so_far = context().task_loop_result::<u32>().unwrap_or(0) + 1;
    ///     if so_far < limit { Err(Signal::looping(so_far).into()) } else { Ok(format!("counted to {so_far}")) }
    /// }
    ///
    /// assert_eq!(flow!("counts", { count_to(3) }).run().output().unwrap(), "counted to 3");
    /// ```
    #[must_use]
    pub fn task_loop_result<T: Clone + DeserializeOwned + Send + Sync + 'static>(&self) -> Option<T> {
        self.extras()?.looping.as_ref()?.result.as_ref()?.get()
    }

    /// Whether it was resumed after a pause.
    #[must_use]
    pub fn resume(&self) -> bool {
        self.0.as_ref().is_some_and(|c| c.resumed)
    }

    /// Whether the run was [cancelled](crate::Canceller): a plain function, which cannot be stopped, had better return.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.run().is_some_and(|(services, ..)| services.canceller.as_ref().is_some_and(crate::Canceller::is_cancelled))
    }

    /// The name of the flow.
    #[must_use]
    pub fn flow_name(&self) -> Option<&str> {
        Some(&self.run()?.0.flow_name)
    }

    /// The id of the flow run.
    #[must_use]
    pub fn flow_run_id(&self) -> Option<&str> {
        Some(&self.run()?.0.flow_run_id)
    }

    /// When the flow run was to start: the moment of its schedule, or when it began.
    #[must_use]
    pub fn scheduled_start_time(&self) -> Option<Timestamp> {
        Some(self.run()?.0.scheduled_start_time)
    }

    pub(crate) fn services(&self) -> Option<&Arc<Services>> {
        self.run().map(|(services, ..)| services)
    }

    /// Runs `f` with this context.
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Restore(Option<Context>);
        impl Drop for Restore {
            fn drop(&mut self) {
                drop(ENTERED.replace(self.0.take()));
            }
        }
        let _restore = Restore(ENTERED.replace(Some(self.clone())));
        let _config = self.services().map(|services| services.config.enter());
        let _log = self.services().and_then(|services| services.log.as_ref()).map(set_default);
        f()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("task_name", &self.task_name())
            .field("map_index", &self.map_index())
            .field("task_run_count", &self.task_run_count())
            .finish_non_exhaustive()
    }
}

fn clock() -> Clock {
    context().services().map_or_else(Clock::system, |services| services.clock.clone())
}

/// Waits on the clock of the run: under virtual time an hour takes no time. Outside a run it is the machine's clock.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// prefect::sleep(std::time::Duration::from_millis(1)).await;
/// # });
/// ```
pub fn sleep(time: Duration) -> Sleep {
    clock().sleep(time)
}

/// The same for a body that is no async one: holds up its thread.
pub fn sleep_blocking(time: Duration) {
    clock().sleep_blocking(time);
}
