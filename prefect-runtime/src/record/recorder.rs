//! Records the state changes of one run.
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use prefect_store::{
    FlowChange, LogLevel, LogLine, LostReason, Micros, NewRun, Notification, OwnedRun, SlotOwner, StateCode, Store,
    StoreError, StoredResult, TaskChange, TaskKey,
};
pub(crate) use prefect_store::{Lost, Position};
use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::code::code;
use super::detail::Detail;
use super::graph;
use super::last::{InLoop, Last};
use super::name::name;
use crate::cache::GivenValue;
use crate::engine::{RunId, plain};
use crate::flow::graph::{Graph, TaskId};
use crate::lock::lock;
use crate::notify::{Ledger, Notifications, Pending, WeakNotifications};
use crate::panics::guard;
use crate::results::encode;
use crate::sync::Mutex;
use crate::{Canceller, Clock, Config, Redactor, Serializer, State, StateKind, StateResult, Value, random};

/// How a result is written: the number of [`Serializer::Json`] in a store.
pub(super) const JSON: u8 = 1;

/// Longer log lines, in bytes, lose their end.
const LONGEST_LINE: usize = 8 << 10;

/// One run, as it is recorded.
pub(crate) struct Recorder {
    run: OwnedRun,
    #[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "for people"))]
    name: String,
    graph: Arc<Graph>,
    clock: Clock,
    redactor: Redactor,
    /// The number of each task in the recorded graph, if it is not its own.
    numbers: Option<Vec<u32>>,
    goes_on: bool,
    /// Where the task runs are that have not ended: what was recorded of them last.
    open: Mutex<HashMap<(u32, Option<u32>), Last>>,
    flow: Mutex<Last>,
    /// Everything up to this position has been handed over.
    handed_over: AtomicU64,
    /// Whether it was told that a result cannot be recorded.
    warned: AtomicBool,
    followers: Arc<Followers>,
    /// Less important log lines are not kept.
    log_level: LevelFilter,
}

/// What of a run has logged a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoggedBy {
    /// The flow run.
    Flow,
    /// What comes before the body of a task run.
    Before(TaskId, Option<u32>),
    Body(TaskId, Option<u32>),
    /// What comes after it.
    After(TaskId, Option<u32>),
}

/// A run that this process has, and what was recorded of it before.
pub(super) struct Taken {
    pub(super) run: OwnedRun,
    pub(super) name: String,
    pub(super) flow: Last,
    pub(super) open: HashMap<(u32, Option<u32>), Last>,
    pub(super) numbers: Option<Vec<u32>>,
    /// What somebody has said to the task run that waited for it: the state that it goes on from.
    pub(super) answered: Option<((u32, Option<u32>), State)>,
}

impl Taken {
    /// A run that begins.
    pub(super) fn new(run: OwnedRun, name: String) -> Self {
        let flow = Last::of_flow(StateCode::SCHEDULED, run.version());
        Self { run, name, flow, open: HashMap::new(), numbers: None, answered: None }
    }
}

/// A run of this flow, with a name for people.
pub(super) fn new_run(graph: &Graph, parameters: &[GivenValue], clock: &Clock) -> NewRun {
    NewRun {
        flow: graph.name.to_string(),
        name: name(random::bits()),
        parameters: parameters_as_json(parameters),
        graph: graph::recorded(graph),
        state: StateCode::SCHEDULED,
        at: micros(clock),
    }
}

impl Recorder {
    /// A new run of this flow.
    pub(crate) fn begin(
        store: &Store,
        graph: &Arc<Graph>,
        parameters: &[GivenValue],
        clock: &Clock,
        config: &Config,
    ) -> Result<Self, StoreError> {
        let run = new_run(graph, parameters, clock);
        let name = run.name.clone();
        Ok(Self::new(Taken::new(store.begin(run)?, name), graph, clock, config))
    }

    pub(super) fn new(taken: Taken, graph: &Arc<Graph>, clock: &Clock, config: &Config) -> Self {
        let Taken { run, name, flow, open, numbers, answered } = taken;
        let followers = Arc::<Followers>::default();
        let told = Arc::clone(&followers);
        run.on_commit(Box::new(move |news| told.tell(news)));
        let recorder = Self {
            run,
            name,
            graph: Arc::clone(graph),
            clock: clock.clone(),
            redactor: config.redactor().clone(),
            numbers,
            goes_on: flow.version > 1,
            open: Mutex::new(open),
            flow: Mutex::new(flow),
            handed_over: AtomicU64::new(0),
            warned: AtomicBool::new(false),
            log_level: config.settings().store_level,
            followers,
        };
        if let Some((key, state)) = answered {
            recorder.changed(key, StateKind::Paused, &state, None, None, &[]);
            // Nobody is asked again because the process died. If the store cannot take it, the run is soon told.
            let _ = recorder.wait();
        }
        recorder
    }

    /// The id of the run, as text.
    pub(crate) fn id(&self) -> String {
        self.run.id().to_string()
    }

    /// What people call the run: its name, and the end of its id.
    #[cfg(feature = "cli")]
    pub(crate) fn called(&self) -> (&str, String) {
        (&self.name, self.run.id().short().to_string())
    }

    /// The store that it records in.
    pub(crate) fn store(&self) -> Store {
        self.run.store()
    }

    /// Who takes places: a task run, which is called this, or the flow run.
    pub(crate) fn slot_owner(&self, run: Option<RunId>, name: Option<String>) -> SlotOwner {
        self.run.slot_owner(run.map(|run| self.key(run)), name)
    }

    /// The number of a task in the recorded graph, and which child it is.
    fn key(&self, run: RunId) -> (u32, Option<u32>) {
        (self.numbers.as_ref().map_or(run.task, |numbers| numbers[run.task as usize]), run.child)
    }

    /// Whether it goes on with a run that was recorded before.
    #[cfg(feature = "cli")]
    pub(crate) fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// A task run has come from one state to another, which may be followed by one at once, and these messages tell of it. Gives
    /// the position of that in the store.
    pub(crate) fn task_changed(
        &self,
        run: RunId,
        old: &State,
        new: &State,
        next: Option<&State>,
        messages: &[Pending],
    ) -> u64 {
        let result = self.result(run.task, new);
        let retrying = next.filter(|next| next.kind() == StateKind::Retrying);
        self.changed(self.key(run), old.kind(), new, retrying, result, messages)
    }

    fn changed(
        &self,
        key: (u32, Option<u32>),
        old: StateKind,
        new: &State,
        retrying: Option<&State>,
        result: Option<StoredResult>,
        messages: &[Pending],
    ) -> u64 {
        let error = self.error(new);
        let message = self.message(new);
        let position = {
            // The changes of one task run come one after the other; others wait no longer than for a map and a queue.
            let mut open = lock(&self.open);
            let last = open.get(&key).cloned().unwrap_or(Last::NOTHING);
            let before = last.state;
            let mut next = last.followed_by(old, new, retrying);
            if let (StateKind::Looped, Some(looping), Some(result)) = (new.kind(), new.looping(), &result) {
                next.looping = Some(Arc::new(InLoop { iteration: looping.iteration + 1, result: result.clone() }));
            }
            let mut detail = Detail::of(new, &next, error);
            if let Some(retrying) = retrying {
                detail.is_followed_by(retrying);
            }
            let mut change = TaskChange::new(
                key.0,
                key.1,
                (before, next.state),
                next.begun.max(1),
                next.version,
                micros(&self.clock),
            );
            change.message = message;
            change.result = result;
            if let Some(looping) = next.looping.as_ref().filter(|_| new.kind() != StateKind::Looped) {
                detail.iteration = Some(looping.iteration);
                change.result = Some(looping.result.clone());
            }
            change.detail = detail.text();
            change.notifications = notifications(messages);
            // A task run that has ended may be opened again: by a resource that is set up again.
            open.insert(key, next);
            self.run.record(change)
        };
        self.handed_over.fetch_max(position.0, Ordering::AcqRel);
        position.0
    }

    /// The flow run has come to another state. `None` if that is not recorded.
    pub(crate) fn flow_changed(&self, new: &State, messages: &[Pending]) -> Option<u64> {
        let message = self.message(new);
        let mut flow = lock(&self.flow);
        let state = code(new.kind());
        // Who goes on with a run finds it running; and what has ended stays so.
        if state == flow.state && state == StateCode::RUNNING || flow.state.is_terminal() {
            return None;
        }
        let version = flow.version + 1;
        *flow = Last::of_flow(state, version);
        let change =
            FlowChange { state, version, at: micros(&self.clock), message, notifications: notifications(messages) };
        let position = self.run.record_run(change);
        self.handed_over.fetch_max(position.0, Ordering::AcqRel);
        Some(position.0)
    }

    /// The run is being cancelled: what it still waits for may take its time.
    pub(crate) fn is_cancelled(&self) {
        self.flow_changed(&State::new(StateKind::Cancelling), &[]);
    }

    /// Everything that was recorded up to now lies before or at this position.
    pub(crate) fn handed_over(&self) -> Position {
        Position(self.handed_over.load(Ordering::Acquire))
    }

    /// Waits until all that was recorded is committed.
    pub(crate) fn wait(&self) -> Result<(), Lost> {
        self.run.wait(self.handed_over())
    }

    /// Tells of each commit, on a thread of the store: the last one who asked for it.
    pub(crate) fn on_commit(&self, listener: impl Fn(Result<Position, Lost>) + Send + Sync + 'static) {
        *lock(&self.followers.executor) = Some(Arc::new(listener));
    }

    /// What notifications are recorded in.
    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::new(self.run.store(), Some(self.run.tickets()))
    }

    /// Tells these notifications of each commit. They have the ledger.
    pub(crate) fn followed_by(&self, notifications: &Notifications) {
        let _ = self.followers.notifications.set(notifications.downgrade());
    }

    /// What is sent if this process ends before the run does.
    pub(crate) fn tell_of_crash(&self, notices: Vec<prefect_store::Message>) {
        // One that goes on with a run takes back what the one before has said.
        if (!notices.is_empty() || self.goes_on)
            && let Err(error) = self.run.tell_of_crash(notices)
        {
            tracing::warn!(target: "prefect", "nobody will be told if this process ends before the run does: {error}");
        }
    }

    /// Cancels the run when somebody asks the store for that.
    pub(crate) fn cancelled_by(&self, canceller: &Canceller) {
        let canceller = canceller.clone();
        self.run.on_cancel(Box::new(move |by| {
            tracing::warn!(target: "prefect", "The run is cancelled by {by}");
            canceller.cancel();
        }));
    }

    /// The number of a task in the recorded graph.
    fn number(&self, task: TaskId) -> u32 {
        self.numbers.as_ref().map_or(task, |numbers| numbers[task as usize])
    }

    /// Whether log lines of this level are kept.
    pub(crate) fn keeps(&self, level: Level) -> bool {
        level <= self.log_level
    }

    /// Keeps a log line: without secrets, and not more of it than somebody would read.
    pub(crate) fn log(&self, by: LoggedBy, level: Level, target: &str, text: &str) {
        let (task, attempt) = match by {
            LoggedBy::Flow => (None, 0),
            LoggedBy::Before(task, child) | LoggedBy::Body(task, child) | LoggedBy::After(task, child) => {
                let key = (self.number(task), child);
                let last = lock(&self.open).get(&key).cloned().unwrap_or(Last::NOTHING);
                // Handlers hear of `Running` before it is recorded.
                let begins = matches!(by, LoggedBy::Before(..)) && last.state != StateCode::RUNNING;
                let attempt = last.begun + u32::from(begins);
                (Some(TaskKey { task: key.0, index: key.1 }), attempt.max(1))
            }
        };
        // Redacted first: of a secret that is cut in two no half would be found.
        let text = self.redactor.redact(text);
        let message = match text.len().checked_sub(LONGEST_LINE) {
            None | Some(0) => text.into_owned(),
            Some(_) => {
                let kept = &text[..text.floor_char_boundary(LONGEST_LINE)];
                format!("{kept}… ({} bytes more)", text.len() - kept.len())
            }
        };
        let target = self.redactor.redact(target).into_owned().into();
        self.run.log(LogLine { task, attempt, at: micros(&self.clock), level: log_level(level), target, message });
    }

    fn result(&self, task: TaskId, state: &State) -> Option<StoredResult> {
        let StateResult::Value(value) = state.result() else { return None };
        // Only what can be read again: the code of the task knows one type. What an iteration of a loop gives its body reads.
        if state.kind() != StateKind::Looped {
            let output = self.graph.kind(task).code.output().filter(|output| output.load.is_some())?;
            if (output.type_id)() != value.type_id_of_value() {
                return None;
            }
        }
        match guard(|| encode(Serializer::Json, value)) {
            Ok(Ok(bytes)) => Some(StoredResult { codec: JSON, bytes }),
            Ok(Err(error)) => self.cannot_record(value, &error.to_string()),
            Err(caught) => self.cannot_record(value, &caught.into_error().to_string()),
        }
    }

    /// The run goes on, and computes the result again when it is resumed.
    fn cannot_record(&self, value: &Value, why: &str) -> Option<StoredResult> {
        if !self.warned.swap(true, Ordering::Relaxed) {
            let (ty, why) = (value.type_name(), self.redactor.redact(why));
            tracing::warn!(
                target: "prefect",
                "a `{ty}` cannot be recorded: {why}. A resumed run computes it again; `#[task(in_memory)]` says so beforehand"
            );
        }
        None
    }

    /// The usual message of a state is not written down each time.
    fn message(&self, state: &State) -> Option<Cow<'static, str>> {
        let message = state.message().filter(|message| plain(state.kind()).message() != Some(message))?;
        Some(Cow::Owned(self.redactor.redact(message).into_owned()))
    }

    /// The error of a state, where its message does not end with it.
    fn error(&self, state: &State) -> Option<String> {
        let error = self.redactor.redact(&guard(|| state.error().map(ToString::to_string)).ok()??).into_owned();
        state.message().is_none_or(|message| !message.ends_with(&error)).then_some(error)
    }
}

fn log_level(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

/// Who hears how far the store is.
#[derive(Default)]
struct Followers {
    executor: Mutex<Option<Arc<Follower>>>,
    notifications: OnceLock<WeakNotifications>,
}

type Follower = dyn Fn(Result<Position, Lost>) + Send + Sync;

impl Followers {
    fn tell(&self, news: Result<Position, Lost>) {
        if let Some(notifications) = self.notifications.get().and_then(WeakNotifications::upgrade) {
            match &news {
                Ok(position) => notifications.committed(position.0),
                Err(lost) => notifications.lost(matches!(lost.reason, LostReason::Unwritable(_))),
            }
        }
        let executor = lock(&self.executor).clone();
        if let Some(tell) = executor {
            tell(news);
        }
    }
}

/// The messages as they are recorded.
fn notifications(messages: &[Pending]) -> Vec<Notification> {
    let recorded = messages.iter().filter_map(|message| {
        let (ticket, cause) = (message.ticket, message.cause.clone());
        Some(Notification { ticket, message: message.row.clone()?, cause })
    });
    recorded.collect()
}

pub(super) fn micros(clock: &Clock) -> Micros {
    Micros(clock.timestamp().as_microsecond())
}

/// What lives in memory only is left out: it cannot be given again.
fn parameters_as_json(parameters: &[GivenValue]) -> String {
    let json = |given: &GivenValue| {
        let value = guard(|| given.value.as_ref()?.to_json()?.ok()).ok()??;
        Some((given.name.to_string(), value))
    };
    serde_json::Value::Object(parameters.iter().filter_map(json).collect()).to_string()
}
