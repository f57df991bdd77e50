//! The flow runner: from the first state of a flow run to its last.
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};
use std::time::Duration;

use super::left_behind::LeftBehind;
use super::run_state::{Given, PauseAnswer, RunState};
use super::runtime::AsyncRuntime;
use super::{Cancelled, Canceller, Executor, FlowRun, RunSettings, Services};
use crate::cache::{Cache, GivenValue, Kept};
use crate::clock::{Held, Tick, nanos};
use crate::door::{Change, change};
use crate::engine::{Engine, RunId};
use crate::executor;
use crate::flow::given::Resolved;
use crate::flow::graph::{Graph, TaskId};
use crate::flow::{BodyKind, Flow, FlowOutput, ParameterError, ParameterErrors, RetryDelay, SharedValues};
use crate::handlers::TrackedKind;
use crate::lock::lock;
use crate::notify::{DeliverySettings, Notifications, Unconfigured, check_webhook};
use crate::panics::{self, Caught, guard};
use crate::random::{fraction, spread};
use crate::record::Recorder;
use crate::results::TaskResult;
use crate::schedule::ClockEvent;
use crate::state::Start;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::{Clock, Config, Signal, SignalKind, State, StateKind, TaskError, Tracked, context, random};

/// What the executor and the task runs of one run share.
pub(crate) struct RunCore {
    pub(crate) graph: Arc<Graph>,
    pub(crate) services: Arc<Services>,
    pub(crate) shared: SharedValues,
    pub(crate) left_behind: LeftBehind,
    pub(crate) cache: Cache,
    /// What keeps results instead of the stores that the flow names.
    pub(crate) results: Option<TaskResult>,
    /// What goes to the cache when the run has ended.
    for_cache: Mutex<Vec<(RunId, String, Kept)>>,
    /// Whether a run that was cancelled has come so far that its resources are cleaned up.
    cleans_up: AtomicBool,
    seed: u64,
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

    /// Whether no body may start, because somebody has cancelled the run.
    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        match &self.services.canceller {
            None => false,
            Some(canceller) => canceller.is_cancelled() && !self.cleans_up(),
        }
    }

    /// Whether a cancelled run cleans up its resources.
    #[inline]
    pub(crate) fn cleans_up(&self) -> bool {
        self.cleans_up.load(Ordering::Acquire)
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

fn given_values(graph: &Graph, resolved: &Resolved) -> Vec<GivenValue> {
    let parameters = graph.parameters.iter().enumerate();
    let given = parameters.map(|(place, parameter)| GivenValue {
        name: Arc::clone(&parameter.name),
        value: resolved.get(place).ok(),
        made_of: None,
    });
    given.collect()
}

/// How far a run goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// To the end: it waits for retries.
    TheEnd,
    /// One pass: what waits stays waiting.
    OnePass,
}

/// A run that has been set up.
pub(crate) struct Prepared {
    pub(crate) core: Arc<RunCore>,
    tracked: Tracked,
    kept: Vec<TaskId>,
    settings: RunSettings,
    until: Until,
    /// Why no task may run.
    refused: Option<State>,
}

/// How the tasks of a run were left.
pub(crate) struct Ran {
    pub(crate) engine: Engine,
    /// Why the run could not go on, if it could not.
    pub(crate) broken: Option<State>,
    /// The token of the thread that goes on with the run: no time passes from the last task's end to the run's.
    pub(crate) held: Held,
}

impl Prepared {
    /// Looks whether a flow can be run here.
    ///
    /// # Panics
    /// If a flow is being built on this thread. If a task takes something shared that the flow does not share.
    #[track_caller]
    pub(crate) fn check<O>(flow: &Flow<O>) {
        assert!(
            !crate::flow::scope::is_building(),
            "flow `{}` cannot be run while a flow is being built on the same thread: run it after that",
            flow.name()
        );
        check_shared(flow);
    }

    /// Sets up a run, which a schedule may have asked for.
    ///
    /// # Panics
    /// As [`check`](Self::check).
    #[track_caller]
    pub(crate) fn new<O: FlowOutput>(
        flow: &Flow<O>,
        until: Until,
        runtime: AsyncRuntime,
        event: Option<&ClockEvent>,
    ) -> Self {
        Self::check(flow);
        panics::install_hook();
        let settings = flow.settings.clone();
        let kept = flow.output.nodes().iter().map(|task| task.task).collect();
        let clock = settings.clock.clone().unwrap_or_else(Clock::system);
        let seed = settings.seed.unwrap_or_else(random::bits);
        let (config, mut refused) = match load_config(flow, &settings) {
            Ok(config) => (config, unknown_task(&flow.graph, &settings.states)),
            Err(error) => (Config::default(), Some(error)),
        };
        let (resolved, mut wrong) =
            flow.given.resolve(&flow.graph.parameters, event.map(ClockEvent::parameter_defaults));
        // A parameter that has its state already is not run again.
        wrong.retain(|error| match error {
            ParameterError::Missing { name, .. } => {
                settings.states.given(name).is_none_or(|given| !given.state.kind().is_finished())
            }
            _ => true,
        });
        let wrong = ParameterErrors::of(wrong).filter(|_| until == Until::TheEnd);
        let recorder = match (&refused, &wrong, until) {
            (None, None, Until::TheEnd) => recorder(&flow.graph, &settings, &resolved, &clock, &config),
            _ => Ok(None),
        };
        let recorder = recorder.unwrap_or_else(|error| {
            refused = Some(error);
            None
        });
        let notifications = Notifications::new(clock.clone(), delivery(&config, &settings, seed));
        let started = clock.timestamp();
        let services = Arc::new(Services {
            flow_name: Arc::clone(&flow.graph.name),
            flow_run_id: run_id(recorder.as_deref()),
            started,
            scheduled_start_time: event.map_or(started, ClockEvent::timestamp),
            clock,
            runtime,
            config,
            notifications,
            observers: settings.observers.clone(),
            canceller: canceller(&settings, recorder.as_deref()),
            recorder,
            log: settings.log.clone(),
        });
        let mut shared = flow.shared.clone();
        if !flow.graph.parameters.is_empty() {
            shared.insert(resolved);
        }
        let core = Arc::new(RunCore {
            graph: Arc::clone(&flow.graph),
            services: Arc::clone(&services),
            shared,
            left_behind: LeftBehind::default(),
            cache: settings.cache.clone().unwrap_or_else(Cache::of_process),
            results: settings.results.clone(),
            for_cache: Mutex::default(),
            cleans_up: AtomicBool::new(false),
            seed,
        });
        let name = Arc::clone(&flow.graph.name);
        let slug = Arc::clone(&name);
        let tracked = Tracked { kind: TrackedKind::Flow, slug, name, map_index: None, run: None, services };
        let prepared = Self { core, tracked, kept, settings, until, refused: None };
        match (refused, wrong) {
            (Some(error), _) => prepared.refuse(error),
            (None, Some(errors)) => prepared.refuse_parameters(errors),
            (None, None) => prepared,
        }
    }

    /// The same, but no task may run, for this.
    pub(crate) fn refuse(mut self, why: TaskError) -> Self {
        self.refused.get_or_insert_with(|| self.core.services.unexpected(why));
        self
    }

    /// The same, for the values that were given to the run.
    pub(crate) fn refuse_parameters(mut self, errors: ParameterErrors) -> Self {
        let message = self.core.services.redacted(&errors);
        self.refused = Some(State::failed(message).with_error(errors));
        self
    }

    fn change(&self, old: &State, new: State) -> Change {
        change(&self.tracked, &self.core.graph.options.handlers, old, new)
    }

    /// Runs on this thread.
    pub(crate) fn run(self) -> FlowRun<()> {
        let clock = &self.core.services.clock;
        // A handler of the flow may take its time, and a notifier counts time of its own: virtual time waits for us.
        let held = clock.hold();
        let begun = clock.now();
        let _config = self.core.services.config.enter();
        if let Some(state) = self.refused.clone() {
            return self.end(state, None, begun, held);
        }
        let initial = match self.until {
            Until::TheEnd => State::new(StateKind::Scheduled).start_at(self.core.services.scheduled_start_time),
            Until::OnePass => State::new(StateKind::Pending),
        };
        log_beginning(&self.core);
        let running = State::new(StateKind::Running).with_message("Running flow.");
        let running = match self.change(&initial, running) {
            Change::To(state) if state.kind().is_running() => state,
            Change::To(state) | Change::Ended(state) => return self.end(state, None, begun, held),
        };
        let mut kept = self.kept.clone();
        kept.extend(self.core.graph.terminal_tasks());
        if let Some(reference) = &self.core.graph.reference_tasks {
            kept.extend(reference);
        }
        let engine = match self.core.graph.order() {
            Ok(_) => self.engine(&kept),
            Err(cycle) => {
                let failed = self.core.services.unexpected(cycle.to_string().into());
                let state = self.finally(&running, failed);
                return self.end(state, None, begun, held);
            }
        };
        let told = self.core.services.recorder.as_ref().zip(self.core.services.canceller.as_ref());
        let told =
            told.map(|(recorder, canceller)| canceller.wake(&Waker::from(Arc::new(Tells(Arc::downgrade(recorder))))));
        let mut ran = self.execute(engine, held);
        while self.ask_about_paused(&mut ran) {
            log_beginning(&self.core);
            ran = self.execute(ran.engine, ran.held);
        }
        let cancelled = self.core.is_cancelled();
        if cancelled && ran.broken.is_none() && ran.engine.release_clean_ups() {
            self.core.cleans_up.store(true, Ordering::Release);
            ran = self.execute(ran.engine, ran.held);
        }
        drop(told);
        let state = if cancelled { self.cancelled(&running, &ran) } else { self.conclude(&running, &ran) };
        self.end(state, Some(ran.engine), begun, ran.held)
    }

    /// The engine, with the states that the run starts from.
    fn engine(&self, kept: &[TaskId]) -> Engine {
        let graph = &self.core.graph;
        let mut engine = Engine::new(graph, kept, self.settings.keep);
        if self.settings.states.is_empty() {
            return engine;
        }
        for (task, slug) in (0..).zip(graph.slugs()) {
            let Some(Given { state, children }) = self.settings.states.given(slug) else { continue };
            if graph.uses(task).is_some() && state.kind() == StateKind::Mapped {
                // It is mapped again, for the lists of those that have not finished.
                engine.give_children(task, children.clone());
                continue;
            }
            let state = self.core.with_start_time(state.clone());
            let due = match state.start_time() {
                Some(start) => Some(self.core.services.clock.tick_of(start)),
                None => (state.kind() == StateKind::Retrying).then(|| self.core.services.clock.now()),
            };
            engine.give(task, state, due);
        }
        engine.all_given();
        engine
    }

    fn execute(&self, engine: Engine, held: Held) -> Ran {
        match self.settings.executor {
            Executor::Local => executor::local::run(&self.core, engine, self.until, held),
            Executor::Threads(n) => executor::threads::run(&self.core, engine, n, self.until, held),
        }
    }

    /// Whether the run is to go on, after somebody was asked about the tasks that are paused.
    fn ask_about_paused(&self, ran: &mut Ran) -> bool {
        let goes_on = self.until == Until::TheEnd && ran.broken.is_none() && !self.core.is_cancelled();
        let Some(ask) = self.settings.on_pause.as_ref().filter(|_| goes_on) else {
            return false;
        };
        let paused = ran.engine.paused();
        for record in &paused {
            let tracked = self.core.tracked(ran.engine.run_id(*record));
            match guard(|| ask(&tracked)) {
                Ok(PauseAnswer::Resume) => ran.engine.approve(*record),
                Ok(PauseAnswer::AskAgain) => {}
                Ok(PauseAnswer::Leave) | Err(_) => return false,
            }
        }
        !paused.is_empty()
    }

    /// The state of a run that somebody has cancelled.
    fn cancelled(&self, running: &State, ran: &Ran) -> State {
        let cancelled = State::new(StateKind::Cancelled).with_message("Flow run was cancelled.");
        self.finally(running, ran.broken.clone().unwrap_or(cancelled))
    }

    /// The state that the run ends in, before the flow's handlers: decided by the reference tasks.
    fn conclude(&self, running: &State, ran: &Ran) -> State {
        let engine = &ran.engine;
        if let Some(broken) = &ran.broken {
            return self.finally(running, broken.clone());
        }
        let graph = &self.core.graph;
        if !self.core.terminal_tasks_finished(engine) {
            return running.clone();
        }
        let reference: Vec<State> = graph.reference_tasks().iter().flat_map(|task| engine.states_of(*task)).collect();
        let state = if reference.iter().any(|state| state.kind().is_failed()) {
            tracing::info!(target: "prefect.FlowRunner", "Flow run FAILED: some reference tasks failed.");
            State::failed("Some reference tasks failed.")
        } else if reference.iter().all(|state| state.kind().is_successful()) {
            tracing::info!(target: "prefect.FlowRunner", "Flow run SUCCESS: all reference tasks succeeded");
            State::new(StateKind::Success).with_message("All reference tasks succeeded.")
        } else {
            tracing::info!(target: "prefect.FlowRunner", "Flow run SUCCESS: no reference tasks failed");
            State::new(StateKind::Success).with_message("No reference tasks failed.")
        };
        let state = match &graph.options.terminal_state_handler {
            None => state,
            Some(handler) => match guard(|| handler(&self.tracked, &state, &reference)) {
                Ok(replaced) => replaced.unwrap_or(state),
                Err(caught) => {
                    let error = caught.into_error();
                    match error.downcast_ref::<Signal>() {
                        Some(signal) if signal.kind() != SignalKind::Pause => signal.state().clone(),
                        _ => self.core.services.unexpected(error),
                    }
                }
            },
        };
        self.finally(running, state)
    }

    fn finally(&self, running: &State, state: State) -> State {
        let (Change::To(state) | Change::Ended(state)) = self.change(running, state);
        state
    }

    /// The state at the end, when it is recorded. A run that waits for somebody is paused to who looks at the store.
    fn recorded(&self, state: State) -> State {
        let Some(recorder) = &self.core.services.recorder else { return state };
        if !state.kind().is_finished() {
            recorder.flow_changed(&State::new(StateKind::Paused).with_message("Some tasks wait for somebody."));
        }
        match recorder.wait() {
            Ok(()) => state,
            Err(_) if state.kind().is_failed() => state,
            Err(lost) => self.core.services.unexpected(lost.to_string().into()),
        }
    }

    fn end(self, state: State, engine: Option<Engine>, begun: Tick, held: Held) -> FlowRun<()> {
        // As in Prefect the caller is told of parameters that are missing, and nobody else.
        let unexpected = state.error().filter(|error| !error.is::<ParameterErrors>());
        if let (Until::TheEnd, Some(error)) = (self.until, unexpected) {
            let flow = &*self.core.graph.name;
            let error = self.core.services.redacted(error);
            // Spelled as in Prefect.
            tracing::error!(target: "prefect", flow, "Unexpected error occured in FlowRunner: {error}");
        }
        let state = self.recorded(state);
        let ended = self.core.services.clock.now();
        let mut kept = std::mem::take(&mut *lock(&self.core.for_cache));
        if self.until == Until::TheEnd && state.kind().is_finished() && !kept.is_empty() {
            // In the order of the flow: which task was done first is chance, and the first on a shelf is taken.
            kept.sort_by_key(|(run, ..)| *run);
            let kept = kept.into_iter().map(|(_, key, kept)| (key, kept));
            self.core.cache.keep(kept, self.core.services.clock.timestamp());
        }
        // Only now, after the times are taken: Slack may be slow.
        let notifications = self.core.services.notifications.finish(ended, held);
        FlowRun::new(self.core, state, engine, [begun, ended], notifications)
    }
}

/// Who records the run, if it is to be recorded.
#[cfg(feature = "store")]
fn recorder(
    graph: &Arc<Graph>,
    settings: &RunSettings,
    resolved: &Resolved,
    clock: &Clock,
    config: &Config,
) -> Result<Option<Arc<Recorder>>, TaskError> {
    use super::settings::RecordedIn;
    let redactor = config.redactor().clone();
    let recorder = match &settings.recorded {
        None => return Ok(None),
        Some(RecordedIn::Store(store)) => {
            Recorder::begin(store, graph, &given_values(graph, resolved), clock, redactor)?
        }
        Some(RecordedIn::Run(run)) => run.take(graph, clock, redactor).ok_or("a recorded run goes on once")?,
    };
    Ok(Some(Arc::new(recorder)))
}

#[cfg(not(feature = "store"))]
#[allow(clippy::unnecessary_wraps, reason = "it can fail with the feature `store`")]
fn recorder(
    _: &Arc<Graph>,
    _: &RunSettings,
    _: &Resolved,
    _: &Clock,
    _: &Config,
) -> Result<Option<Arc<Recorder>>, TaskError> {
    Ok(None)
}

/// Records that a run is being cancelled.
struct Tells(Weak<Recorder>);

impl Wake for Tells {
    fn wake(self: Arc<Self>) {
        if let Some(recorder) = self.0.upgrade() {
            recorder.is_cancelled();
        }
    }
}

/// Who may cancel the run: of one that is recorded, whoever asks the store for it too.
fn canceller(settings: &RunSettings, recorder: Option<&Recorder>) -> Option<Canceller> {
    let Some(recorder) = recorder else { return settings.canceller.clone() };
    let canceller = settings.canceller.clone().unwrap_or_default();
    recorder.cancelled_by(&canceller);
    Some(canceller)
}

fn run_id(recorder: Option<&Recorder>) -> Arc<str> {
    match recorder {
        #[cfg(feature = "store")]
        Some(recorder) => recorder.id().into(),
        _ => random::uuid().into(),
    }
}

/// `Beginning Flow run for '{}'`
pub(crate) fn log_beginning(core: &RunCore) {
    tracing::info!(target: "prefect.FlowRunner", "Beginning Flow run for '{}'", core.graph.name);
}

#[track_caller]
fn check_shared<O>(flow: &Flow<O>) {
    for kind in &flow.graph.kinds {
        for parameter in kind.code.shared() {
            let crate::flow::definition::Expects::Type { id, name } = parameter.expects else { continue };
            assert!(
                flow.shared.contains(id()),
                "task `{}` takes `{}: &{}` from the flow, and the flow `{}` shares none: give it one by `flow.share(..)`",
                kind.definition.name(),
                parameter.name(),
                name(),
                flow.graph.name,
            );
        }
    }
}

/// Why a run cannot start from these states, if they name a task that the flow has not.
fn unknown_task(graph: &Graph, states: &RunState) -> Option<TaskError> {
    if states.is_empty() {
        return None;
    }
    let known: HashSet<&str> = graph.slugs().iter().map(|slug| &**slug).collect();
    let slug = states.slugs().find(|slug| !known.contains(slug))?;
    Some(format!("the states to start from are of another flow: `{}` has no task `{slug}`", graph.name).into())
}

/// The configuration of a run, checked, and the webhooks that its handlers name.
fn load_config<O>(flow: &Flow<O>, settings: &RunSettings) -> Result<Config, TaskError> {
    let config = settings.config_or_current()?;
    config.log_warnings();
    let of_tasks = flow.graph.kinds.iter().flat_map(|kind| &kind.definition.handlers);
    let named = of_tasks
        .chain(&flow.graph.options.handlers)
        .map(|handler| guard(|| handler.webhook_secret()).map_err(Caught::into_error));
    let named = named.collect::<Result<Vec<_>, _>>()?.into_iter().flatten();
    for secret in named {
        if let Some(url) = config.find_secret(secret)? {
            check_webhook(secret, url.expose())?;
        }
    }
    let secret = crate::SlackNotifier::DEFAULT.webhook.secret;
    // Perhaps nobody needs it: who does, tells what is wrong with the secrets database.
    if let Ok(Some(url)) = config.find_secret(secret) {
        check_webhook(secret, url.expose())?;
    }
    Ok(config)
}

fn delivery(config: &Config, settings: &RunSettings, seed: u64) -> DeliverySettings {
    let secrets = config.clone();
    let redactor = config.redactor().clone();
    DeliverySettings {
        resolve_secret: Arc::new(move |name| secrets.secret_text(name).map(|text| text.expose().to_owned())),
        redact: Arc::new(move |text| redactor.redact(text)),
        ui_url: config.settings().ui_url.clone(),
        flush_deadline: settings.flush_deadline.unwrap_or(config.settings().flush_deadline),
        on_flush: settings.on_flush.clone(),
        // A flow that a body runs sends nothing either.
        outbox: settings.outbox.clone().or_else(|| context().services()?.notifications.outbox()),
        on_unconfigured: settings.print_card.clone().map_or(Unconfigured::Warn, Unconfigured::Print),
        jitter_seed: spread(seed),
        #[cfg(feature = "email")]
        email: config.settings().email.clone().flushed_within(settings.flush_deadline),
        ..DeliverySettings::default()
    }
}
