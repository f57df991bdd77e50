//! The flow runner: from the first state of a flow run to its last.
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use super::run_core::RunCore;
use super::run_state::{Given, PauseAnswer};
use super::{Executor, FlowRun, RunSettings};
use crate::clock::{Held, Tick};
use crate::context::Logging;
use crate::door::{Change, change};
use crate::engine::Engine;
use crate::executor::local::either;
use crate::executor::{self, Accounted, wait};
use crate::flow::ParameterErrors;
#[cfg(feature = "store")]
use crate::flow::graph::Graph;
use crate::flow::graph::TaskId;
use crate::limits::{Answer, Places};
use crate::lock::lock;
#[cfg(feature = "store")]
use crate::notify::Notifies;
use crate::panics::guard;
use crate::record::Recorder;
#[cfg(feature = "store")]
use crate::record::look_for_the_dead;
#[cfg(feature = "store")]
use crate::run::RecordedIn;
use crate::sync::atomic::Ordering;
use crate::{Signal, SignalKind, State, StateKind, Tracked};

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
    pub(super) tracked: Tracked,
    pub(super) kept: Vec<TaskId>,
    pub(super) settings: RunSettings,
    pub(super) until: Until,
    /// Why no task may run.
    pub(super) refused: Option<State>,
    /// Who hears of the end, before messages are waited for.
    pub(super) at_the_end: Option<AtTheEnd>,
    /// The place that it has among the runs of its flow.
    pub(super) place: Option<Places>,
}

type AtTheEnd = Box<dyn FnOnce(&State) + Send>;

/// How the tasks of a run were left.
pub(crate) struct Ran {
    pub(crate) engine: Engine,
    /// Why the run could not go on, if it could not.
    pub(crate) broken: Option<State>,
    /// The token of the thread that goes on with the run: no time passes from the last task's end to the run's.
    pub(crate) held: Held,
}

impl Prepared {
    fn change(&self, old: &State, new: State) -> Change {
        change(&self.tracked, &self.core.graph.options.handlers, old, new)
    }

    /// The same, and this is told of its end, when it is recorded.
    #[cfg(feature = "store")]
    pub(crate) fn at_the_end(mut self, tell: impl FnOnce(&State) + Send + 'static) -> Self {
        self.at_the_end = Some(Box::new(tell));
        self
    }

    /// Runs on this thread.
    pub(crate) fn run(self) -> FlowRun<()> {
        // A handler of the flow may take its time, and a notifier counts time of its own: virtual time waits for us.
        let held = self.core.services.clock.hold();
        self.run_holding(held)
    }

    /// The same, with a token that this thread has.
    pub(crate) fn run_holding(mut self, held: Held) -> FlowRun<()> {
        let clock = &self.core.services.clock;
        let begun = clock.now();
        let _config = self.core.services.config.enter();
        let _logging = Logging::flow(&self.core.services);
        #[cfg(feature = "store")]
        self.look_into_the_outbox();
        if let Some(state) = self.refused.clone() {
            // The run of a tick is there already.
            if let Some(recorder) = &self.core.services.recorder {
                recorder.flow_changed(&state, &[]);
            }
            return self.end(state, None, begun, held);
        }
        let initial = match self.until {
            Until::TheEnd => State::new(StateKind::Scheduled).start_at(self.core.services.scheduled_start_time),
            Until::OnePass => State::new(StateKind::Pending),
        };
        let initial = match self.wait_for_place(initial) {
            Ok(state) => state,
            Err(state) => return self.end(state, None, begun, held),
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
        // What waits in a line is to hold up nobody, once nothing starts any more.
        let leaves = self.core.limits.as_ref().and(self.core.services.canceller.as_ref());
        let leaves = leaves.map(|canceller| canceller.wake(&Waker::from(Arc::new(Leaves(Arc::downgrade(&self.core))))));
        let mut ran = self.execute(engine, held);
        while self.ask_about_paused(&mut ran) {
            log_beginning(&self.core);
            ran = self.execute(ran.engine, ran.held);
        }
        drop(leaves);
        if let Some(limits) = &self.core.limits {
            limits.leave();
        }
        let cancelled = self.core.is_cancelled();
        if cancelled && ran.broken.is_none() && ran.engine.release_clean_ups() {
            if let Some(limits) = &self.core.limits {
                limits.cleans_up();
            }
            self.core.cleans_up.store(true, Ordering::Release);
            ran = self.execute(ran.engine, ran.held);
            if let Some(limits) = &self.core.limits {
                limits.leave();
            }
        }
        drop(told);
        let state = if cancelled { self.cancelled(&running, &ran) } else { self.conclude(&running, &ran) };
        self.end(state, Some(ran.engine), begun, ran.held)
    }

    /// Takes a place among the runs of the flow, if those are limited: until there is one, the run is `Queued`. The state that
    /// it starts from; the error is the one that it ends in.
    fn wait_for_place(&mut self, initial: State) -> Result<State, State> {
        let core = Arc::clone(&self.core);
        let Some(limits) = &core.limits else { return Ok(initial) };
        let why = match limits.ask_for_flow() {
            None => return Ok(initial),
            Some(Answer::Places(place)) => {
                self.place = Some(place);
                return Ok(initial);
            }
            Some(Answer::Waits(why)) => why,
        };
        let queued = match self.change(&initial, State::new(StateKind::Queued).with_message(why)) {
            Change::To(state) if state.kind().is_queued() => state,
            Change::To(state) | Change::Ended(state) => {
                limits.leave();
                return Err(state);
            }
        };
        let clock = &core.services.clock;
        let let_in = Accounted::new(clock, limits.let_some_in());
        match core.cancelled() {
            None => wait(clock, let_in),
            Some(cancelled) => wait(clock, either(let_in, cancelled)),
        }
        self.place = limits.take_of_flow();
        if self.place.is_some() {
            return Ok(queued);
        }
        limits.leave();
        Err(self.finally(&queued, State::new(StateKind::Cancelled).with_message(CANCELLED)))
    }

    /// Says who hears of a crash, and sends what others have left: those that are gone too, and that they are.
    #[cfg(feature = "store")]
    fn look_into_the_outbox(&self) {
        let Some(recorder) = &self.core.services.recorder else { return };
        // Whoever serves looks for them all the time, and tells of them itself.
        if !matches!(self.settings.recorded, Some(RecordedIn::Tick(_))) {
            look_for_the_dead(&recorder.store());
        }
        let notifies = notifies(&self.core.graph);
        let notifications = &self.core.services.notifications;
        recorder.tell_of_crash(notifications.crash_notices(&self.core.services, &notifies));
        notifications.forward(&notifies);
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
                engine.give_mapped(task, state, children.iter().map(|state| self.with_due(state)).collect());
                continue;
            }
            let (state, due) = self.with_due(state);
            engine.give(task, state, due);
        }
        engine.all_given();
        engine
    }

    /// A state that a task run starts from, and when it goes on by itself.
    fn with_due(&self, state: &State) -> (State, Option<Tick>) {
        let state = self.core.with_start_time(state.clone());
        let clock = &self.core.services.clock;
        let due = match state.start_time() {
            Some(start) => Some(clock.tick_of(start)),
            None => (state.kind() == StateKind::Retrying).then(|| clock.now()),
        };
        (state, due)
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
        let cancelled = State::new(StateKind::Cancelled).with_message(CANCELLED);
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
            recorder.flow_changed(&State::new(StateKind::Paused).with_message("Some tasks wait for somebody."), &[]);
        }
        match recorder.wait() {
            Ok(()) => state,
            Err(_) if state.kind().is_failed() => state,
            Err(lost) => self.core.services.unexpected(lost.to_string().into()),
        }
    }

    fn end(mut self, state: State, engine: Option<Engine>, begun: Tick, held: Held) -> FlowRun<()> {
        // As in Prefect the caller is told of parameters that are missing, and nobody else.
        let unexpected = state.error().filter(|error| !error.is::<ParameterErrors>());
        if let (Until::TheEnd, Some(error)) = (self.until, unexpected) {
            let flow = &*self.core.graph.name;
            let error = self.core.services.redacted(error);
            // Spelled as in Prefect.
            tracing::error!(target: "prefect", flow, "Unexpected error occured in FlowRunner: {error}");
        }
        let state = self.recorded(state);
        drop(self.place);
        let ended = self.core.services.clock.now();
        let mut kept = std::mem::take(&mut *lock(&self.core.for_cache));
        if self.until == Until::TheEnd && state.kind().is_finished() && !kept.is_empty() {
            // In the order of the flow: which task was done first is chance, and the first on a shelf is taken.
            kept.sort_by_key(|(run, ..)| *run);
            let kept = kept.into_iter().map(|(_, key, kept)| (key, kept));
            self.core.cache.keep(kept, self.core.services.clock.timestamp());
        }
        if let Some(tell) = self.at_the_end.take() {
            tell(&state);
        }
        // Only now, after the times are taken: Slack may be slow.
        let notifications = self.core.services.notifications.finish(ended, held);
        FlowRun::new(self.core, state, engine, [begun, ended], notifications)
    }
}

/// Of which states the handlers of a flow, and of its tasks, send messages, and where to.
#[cfg(feature = "store")]
pub(crate) fn notifies(graph: &Graph) -> Vec<Notifies> {
    let of_tasks = graph.kinds.iter().flat_map(|kind| &kind.definition.handlers);
    let handlers = graph.options.handlers.iter().chain(of_tasks);
    handlers.filter_map(|handler| guard(|| handler.notifies()).ok().flatten()).collect()
}

const CANCELLED: &str = "Flow run was cancelled.";

/// Records that a run is being cancelled.
struct Tells(Weak<Recorder>);

impl Wake for Tells {
    fn wake(self: Arc<Self>) {
        if let Some(recorder) = self.0.upgrade() {
            recorder.is_cancelled();
        }
    }
}

/// Takes a run that is being cancelled out of the lines that it waits in: perhaps not before it cleans up.
struct Leaves(Weak<RunCore>);

impl Wake for Leaves {
    fn wake(self: Arc<Self>) {
        if let Some(limits) = self.0.upgrade().as_ref().and_then(|core| core.limits.as_ref()) {
            limits.call_off();
        }
    }
}

/// `Beginning Flow run for '{}'`
pub(crate) fn log_beginning(core: &RunCore) {
    tracing::info!(target: "prefect.FlowRunner", "Beginning Flow run for '{}'", core.graph.name);
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
