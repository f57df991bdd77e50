//! From a flow and its settings to a run: what it is given, who looks on, and why it may not begin.
use std::collections::HashSet;
use std::sync::Arc;

use super::left_behind::LeftBehind;
use super::run_core::RunCore;
use super::run_state::RunState;
use super::runner::{Prepared, Until};
use super::runtime::AsyncRuntime;
use super::{Canceller, RunSettings, Services};
use crate::cache::Cache;
use crate::flow::given::Resolved;
use crate::flow::graph::Graph;
use crate::flow::{Flow, FlowOutput, ParameterError, ParameterErrors};
use crate::handlers::TrackedKind;
use crate::limits::RunLimits;
use crate::notify::{DeliverySettings, Notifications, Unconfigured, check_webhook};
use crate::panics::{self, Caught, guard};
use crate::random::{self, spread};
use crate::record::Recorder;
use crate::schedule::ClockEvent;
use crate::sync::Mutex;
use crate::sync::atomic::AtomicBool;
use crate::{Clock, Config, State, TaskError, Tracked, context};

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

    /// The configuration of a run, checked, and the webhooks that its handlers name.
    pub(crate) fn configuration<O>(flow: &Flow<O>, settings: &RunSettings) -> Result<Config, TaskError> {
        let config = settings.config_or_current()?;
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
        let (config, mut refused) = match Self::configuration(flow, &settings) {
            Ok(config) => {
                config.log_warnings();
                (config, unknown_task(&flow.graph, &settings.states))
            }
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
            #[cfg(feature = "store")]
            (_, _, Until::TheEnd) if matches!(settings.recorded, Some(super::RecordedIn::Tick(_))) => {
                recorder(&flow.graph, &settings, &resolved, &clock, &config)
            }
            _ => Ok(None),
        };
        let recorder = recorder.unwrap_or_else(|error| {
            refused = Some(error);
            None
        });
        let notifications = Notifications::new(clock.clone(), delivery(&config, &settings, seed, recorder.as_deref()));
        #[cfg(feature = "store")]
        if let Some(recorder) = &recorder {
            recorder.followed_by(&notifications);
        }
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
        let limits = settings.limits.as_ref().unwrap_or(&services.config.settings().limits);
        let limits = RunLimits::of(limits, &flow.graph, &services);
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
            limits,
            for_cache: Mutex::default(),
            cleans_up: AtomicBool::new(false),
            seed,
        });
        let name = Arc::clone(&flow.graph.name);
        let slug = Arc::clone(&name);
        let tracked = Tracked { kind: TrackedKind::Flow, slug, name, map_index: None, run: None, services };
        let prepared = Self { core, tracked, kept, settings, until, refused: None, at_the_end: None, place: None };
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
    let recorder = match &settings.recorded {
        None => return Ok(None),
        Some(RecordedIn::Store(store)) => {
            Recorder::begin(store, graph, &super::run_core::given_values(graph, resolved), clock, config)?
        }
        Some(RecordedIn::Run(run) | RecordedIn::Tick(run)) => {
            run.take(graph, clock, config).ok_or("a recorded run goes on once")?
        }
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

fn delivery(config: &Config, settings: &RunSettings, seed: u64, recorder: Option<&Recorder>) -> DeliverySettings {
    #[cfg(feature = "store")]
    let ledger = recorder.map(|recorder| Arc::new(recorder.ledger()));
    #[cfg(not(feature = "store"))]
    let ledger = recorder.map(|recorder| match *recorder {});
    let of_config = DeliverySettings::of(config);
    DeliverySettings {
        flush_deadline: settings.flush_deadline.unwrap_or(of_config.flush_deadline),
        #[cfg(feature = "email")]
        email: of_config.email.flushed_within(settings.flush_deadline),
        on_flush: settings.on_flush.clone(),
        // A flow that a body runs sends nothing either.
        outbox: settings.outbox.clone().or_else(|| context().services()?.notifications.outbox()),
        ledger,
        on_unconfigured: settings.print_card.clone().map_or(Unconfigured::Warn, Unconfigured::Print),
        jitter_seed: spread(seed),
        ..of_config
    }
}
