//! The limits of one run: what its tasks need, and what of it waits.
use std::future::poll_fn;
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};

use super::demand::Demand;
use super::gate::Asks;
use super::places::Holder;
use super::waiting::{LetIn, Waiting};
use super::{Gate, Limits, Places};
use crate::Redactor;
use crate::engine::{Engine, RunId};
use crate::flow::graph::{Graph, TaskId};
use crate::lock::assert_none_is_held;
use crate::plain::plain;
#[cfg(feature = "store")]
use crate::record::Recorder;
use crate::run::Services;

/// What a run is told that asks for places.
pub(crate) enum Answer {
    Places(Places),
    /// It waits in the line, for what this says.
    Waits(String),
}

/// There are none of a run without a task that is limited.
pub(crate) struct RunLimits {
    gate: Gate,
    /// By the number of its kind: what a task needs.
    tasks: Vec<Option<Arc<Demand>>>,
    flow: Option<Arc<Demand>>,
    /// What of it waits, until it is cancelled and cleans up.
    tasks_waiting: Arc<Waiting>,
    /// What waits of what cleans up.
    clean_ups_waiting: OnceLock<Arc<Waiting>>,
    /// What the run is called, in messages of others.
    run: Arc<str>,
    #[cfg(feature = "store")]
    recorder: Option<Arc<Recorder>>,
    redactor: Redactor,
}

impl RunLimits {
    /// `None` if nothing of this flow is limited.
    pub(crate) fn of(limits: &Limits, graph: &Graph, services: &Services) -> Option<Self> {
        let demand = |definition: &crate::TaskDefinition| {
            Demand::of_task(limits, definition.tags.iter().map(|tag| &**tag)).map(Arc::new)
        };
        let tasks: Vec<_> = graph.kinds.iter().map(|kind| demand(&kind.definition)).collect();
        let flow = Demand::of_flow(limits, &graph.name).map(Arc::new);
        if flow.is_none() && tasks.iter().all(Option::is_none) {
            return None;
        }
        let redactor = services.config.redactor().clone();
        Some(Self {
            gate: Gate::of(&services.clock, services.recorder.as_deref(), &redactor),
            tasks,
            flow,
            tasks_waiting: Waiting::new(&services.clock),
            clean_ups_waiting: OnceLock::new(),
            run: format!("a run of `{}`", plain(&graph.name)).into(),
            #[cfg(feature = "store")]
            recorder: services.recorder.clone(),
            redactor,
        })
    }

    /// What of it waits.
    fn waiting(&self) -> &Arc<Waiting> {
        self.clean_ups_waiting.get().unwrap_or(&self.tasks_waiting)
    }

    /// From now on it is what cleans up that asks: it waits apart, where no [`call_off`](Self::call_off) that comes late finds it.
    pub(crate) fn cleans_up(&self) {
        self.clean_ups_waiting.get_or_init(|| Waiting::new(&self.tasks_waiting.clock));
    }

    /// Who asks, as others see it.
    fn holder(&self, run: Option<RunId>, name: Option<String>) -> Arc<Holder> {
        #[cfg(not(feature = "store"))]
        let _ = run;
        let task = name.map(|name| self.redactor.redact(&name).into_owned());
        Arc::new(Holder {
            #[cfg(feature = "store")]
            owner: self.recorder.as_ref().map(|recorder| recorder.slot_owner(run, task.clone())),
            task,
            run: Arc::clone(&self.run),
        })
    }

    /// What a task needs, if it is limited.
    #[inline]
    pub(crate) fn of_task(&self, graph: &Graph, task: TaskId) -> Option<&Arc<Demand>> {
        self.tasks[graph.kind_number(task)].as_ref()
    }

    /// Asks for the places of a task run, which is called this.
    pub(crate) fn ask(&self, run: RunId, demand: &Arc<Demand>, resumed: bool, name: String) -> Answer {
        let holder = self.holder(Some(run), Some(name));
        self.gate.ask(Asks { demand, waiting: self.waiting(), key: Some(run), resumed, holder })
    }

    /// Asks for the place of the flow run; `None` if the flow is not limited.
    pub(crate) fn ask_for_flow(&self) -> Option<Answer> {
        let demand = self.flow.as_ref()?;
        let holder = self.holder(None, None);
        Some(self.gate.ask(Asks { demand, waiting: self.waiting(), key: None, resumed: false, holder }))
    }

    /// What a task run that waited has been given.
    pub(crate) fn take(&self, run: RunId) -> Option<LetIn> {
        self.waiting().take(Some(run))
    }

    /// A task run that asked does not wait after all.
    pub(crate) fn withdraw(&self, run: RunId) {
        // Out of the line first: or what is given back here is given to it once more.
        self.gate.forget(self.waiting(), Some(Some(run)));
        drop(self.waiting().remove(Some(run)));
    }

    /// Nothing of the run waits any more: its tasks have ended, or what cleans up behind them has.
    pub(crate) fn leave(&self) {
        self.leave_as(self.waiting());
    }

    /// The run was cancelled: its tasks wait no more, and what cleans up does.
    pub(crate) fn call_off(&self) {
        self.leave_as(&self.tasks_waiting);
    }

    fn leave_as(&self, waiting: &Arc<Waiting>) {
        assert_none_is_held();
        self.gate.forget(waiting, None);
        drop(waiting.clear());
    }

    /// Whether a task run waits, or is to go on.
    pub(crate) fn is_any_waiting(&self) -> bool {
        self.waiting().is_any()
    }

    /// Makes those ready that have their places. One that the engine has not heard of yet comes the next time.
    pub(crate) fn let_in(&self, engine: &mut Engine) {
        self.waiting().call(|run| run.is_none_or(|run| engine.let_in(run)));
    }

    /// Who is to be woken when somebody is let in, from now on.
    pub(crate) fn wakes(&self, waker: Option<Waker>) {
        self.waiting().wakes(waker);
    }

    /// Ends when something is let in.
    pub(crate) async fn let_some_in(&self) {
        poll_fn(|cx| {
            self.waiting().wakes(Some(cx.waker().clone()));
            if self.waiting().has_let_in() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// The place of the flow run, once it has been let in.
    pub(crate) fn take_of_flow(&self) -> Option<Places> {
        self.waiting().take(None).map(|let_in| let_in.places)
    }
}
