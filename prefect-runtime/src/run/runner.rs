//! The flow runner: from the first state of a flow run to its last.
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use super::runtime::AsyncRuntime;
use super::{Executor, FlowRun, RunSettings, Services};
use crate::door::{Change, change};
use crate::engine::Engine;
use crate::executor;
use crate::flow::graph::{Graph, TaskId};
use crate::flow::{BodyKind, Flow, FlowOutput, RetryDelay, SharedValues};
use crate::handlers::TrackedKind;
use crate::panics::{self, guard};
use crate::{Clock, Signal, SignalKind, State, StateKind, TaskError, Tracked};

/// What the executor and the task runs of one run share.
pub(crate) struct RunCore {
    pub(crate) graph: Arc<Graph>,
    pub(crate) services: Arc<Services>,
    pub(crate) shared: SharedValues,
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
    pub(crate) fn tracked(&self, task: TaskId) -> Tracked {
        Tracked {
            kind: TrackedKind::Task,
            name: Arc::clone(self.graph.name(task)),
            slug: Arc::clone(self.graph.slug(task)),
            map_index: None,
            services: Arc::clone(&self.services),
        }
    }

    pub(crate) fn retries(&self, task: TaskId) -> Retries {
        let definition = self.graph.definition(task);
        Retries {
            max: definition.max_retries.unwrap_or(0),
            delay: definition.retry_delay.unwrap_or(RetryDelay::Fixed(Duration::ZERO)),
        }
    }

    /// Whether some task has an async body.
    pub(crate) fn has_async(&self) -> bool {
        self.graph.kinds.iter().any(|kind| kind.code.kind() == BodyKind::Async)
    }

    /// Whether some task has a timeout.
    pub(crate) fn has_timeouts(&self) -> bool {
        self.graph.kinds.iter().any(|kind| kind.definition.timeout.is_some())
    }

    /// Whether all tasks have finished that nothing is downstream of.
    pub(crate) fn terminal_tasks_finished(&self, engine: &Engine) -> bool {
        self.graph.terminal_tasks().iter().all(|task| engine.kind_of(*task).is_finished())
    }

    pub(crate) fn timeout(&self, task: TaskId) -> Option<Duration> {
        self.graph.definition(task).timeout
    }

    /// From 0 to 1: the same for the same seed, task and attempt, whatever runs beside it.
    pub(crate) fn random(&self, task: TaskId, attempt: u32) -> f64 {
        let mixed = splitmix(self.seed ^ splitmix(u64::from(task) << 32 | u64::from(attempt)));
        #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
        let fraction = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
        fraction
    }
}

/// One step of the generator `SplitMix64`: spreads a number over all bits.
fn splitmix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// 64 bits that differ from call to call, from the keys that the standard library draws for its hash maps.
fn random_bits() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn random_id() -> String {
    let (a, b) = (random_bits(), random_bits());
    // The version and variant bits of a random UUID.
    let (a, b) = (a & !0xF000 | 0x4000, b & !(0b11 << 62) | 0b10 << 62);
    format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", a >> 32, a >> 16 & 0xFFFF, a & 0xFFFF, b >> 48, b & 0xFFFF_FFFF_FFFF)
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
}

/// How the tasks of a run were left.
pub(crate) struct Ran {
    pub(crate) engine: Engine,
    /// Why the run could not go on, if it could not.
    pub(crate) broken: Option<State>,
}

impl Prepared {
    /// Sets up a run.
    ///
    /// # Panics
    /// If a task takes something shared that the flow does not share.
    #[track_caller]
    pub(crate) fn new<O: FlowOutput>(flow: &Flow<O>, until: Until, runtime: AsyncRuntime) -> Self {
        panics::install_hook();
        let settings = flow.settings.clone();
        let kept = flow.output.nodes().iter().map(|task| task.task).collect();
        assert!(
            !crate::flow::scope::is_building(),
            "a flow cannot be run while a flow is being built on the same thread"
        );
        check_shared(flow);
        let clock = settings.clock.clone().unwrap_or_else(Clock::system);
        let services = Arc::new(Services {
            flow_name: Arc::clone(&flow.graph.name),
            flow_run_id: random_id().into(),
            started: clock.timestamp(),
            clock,
            runtime,
            observers: settings.observers.clone(),
        });
        let core = Arc::new(RunCore {
            graph: Arc::clone(&flow.graph),
            services: Arc::clone(&services),
            shared: flow.shared.clone(),
            seed: settings.seed.unwrap_or_else(random_bits),
        });
        let name = Arc::clone(&flow.graph.name);
        let tracked = Tracked { kind: TrackedKind::Flow, slug: Arc::clone(&name), name, map_index: None, services };
        Self { core, tracked, kept, settings, until }
    }

    fn change(&self, old: &State, new: State) -> Change {
        change(&self.tracked, &self.core.graph.options.handlers, old, new)
    }

    /// Runs on this thread.
    pub(crate) fn run(self) -> FlowRun<()> {
        let begun = self.core.services.clock.now();
        let initial = match self.until {
            Until::TheEnd => State::new(StateKind::Scheduled),
            Until::OnePass => State::new(StateKind::Pending),
        };
        log_beginning(&self.core);
        let running = State::new(StateKind::Running).with_message("Running flow.");
        let running = match self.change(&initial, running) {
            Change::To(state) if state.kind().is_running() => state,
            Change::To(state) | Change::Ended(state) => return self.end(state, None, begun),
        };
        let mut kept = self.kept.clone();
        kept.extend(self.core.graph.terminal_tasks());
        if let Some(reference) = &self.core.graph.reference_tasks {
            kept.extend(reference);
        }
        let engine = match self.core.graph.order() {
            Ok(_) => Engine::new(&self.core.graph, &kept, self.settings.keep),
            Err(cycle) => {
                let error = format!("Cycle found; flows must be acyclic! ({})", cycle.0.join(" -> "));
                let failed = unexpected(&self.core, error.into());
                let state = self.finally(&running, failed);
                return self.end(state, None, begun);
            }
        };
        let ran = match self.settings.executor {
            Executor::Local => executor::local::run(&self.core, engine, self.until),
            Executor::Threads(n) => executor::threads::run(&self.core, engine, n, self.until),
        };
        let state = self.conclude(&running, &ran);
        self.end(state, Some(ran.engine), begun)
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
        let reference: Vec<State> = graph.reference_tasks().iter().map(|task| engine.state(*task)).collect();
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
                Ok(None) => state,
                Ok(Some(state)) => state,
                Err(caught) => {
                    let error = caught.into_error();
                    match error.downcast_ref::<Signal>() {
                        Some(signal) if signal.kind() != SignalKind::Pause => signal.state().clone(),
                        _ => unexpected(&self.core, error),
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

    fn end(self, state: State, engine: Option<Engine>, begun: u64) -> FlowRun<()> {
        let ended = self.core.services.clock.now();
        FlowRun::new(self.core, state, engine, begun, ended)
    }
}

/// `Beginning Flow run for '{}'`
pub(crate) fn log_beginning(core: &RunCore) {
    tracing::info!(target: "prefect.FlowRunner", "Beginning Flow run for '{}'", core.graph.name);
}

fn unexpected(core: &RunCore, error: TaskError) -> State {
    let text = core.services.redacted(&error);
    State::failed(format!("Unexpected error: {text}")).with_error(error)
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
