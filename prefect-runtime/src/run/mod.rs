//! One run of one flow: what its tasks share, how it starts and ends, what is left of it.
mod canceller;
mod flow_run;
mod left_behind;
mod on_schedule;
mod run_core;
mod run_state;
mod runner;
mod runtime;
mod set_up;
mod settings;
mod unsuccessful;
pub(crate) mod wall;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

pub(crate) use canceller::Cancelled;
pub use canceller::Canceller;
pub use flow_run::{FlowRun, TaskRunInfo};
pub(crate) use on_schedule::{run, run_next};
pub(crate) use run_core::RunCore;
#[cfg(feature = "store")]
pub(crate) use run_core::given_values;
pub use run_state::{PauseAnswer, RunState};
#[cfg(feature = "store")]
pub(crate) use runner::notifies;
pub(crate) use runner::{Prepared, Ran, Until, log_beginning};
pub(crate) use runtime::AsyncRuntime;
#[cfg(feature = "store")]
pub(crate) use settings::RecordedIn;
pub use settings::{Executor, RunSettings};
pub use unsuccessful::Unsuccessful;

use crate::door::Observer;
use crate::notify::Notifications;
use crate::quiet::Quiet;
use crate::record::Recorder;
use crate::{Clock, Config, State, StateKind, TaskError};

/// The services of one run: handlers and tasks reach them through what they are given.
pub(crate) struct Services {
    pub(crate) flow_name: Arc<str>,
    pub(crate) flow_run_id: Arc<str>,
    pub(crate) clock: Clock,
    pub(crate) runtime: AsyncRuntime,
    pub(crate) config: Config,
    pub(crate) notifications: Notifications,
    pub(crate) started: Timestamp,
    /// When the run was to start.
    pub(crate) scheduled_start_time: Timestamp,
    pub(crate) observers: Vec<Quiet<Arc<dyn Observer>>>,
    /// Who may cancel the run.
    pub(crate) canceller: Option<Canceller>,
    /// Who records the run, if it is recorded.
    pub(crate) recorder: Option<Arc<Recorder>>,
    /// Where log lines go that are written in the run, if not to who listens on the thread.
    pub(crate) log: Option<tracing::Dispatch>,
}

impl Services {
    /// A text for people, without secrets.
    pub(crate) fn redacted(&self, what: &impl fmt::Display) -> String {
        self.config.redactor().redact(&what.to_string()).into_owned()
    }

    /// The state that an error ends in: its message is the fixed text and what the error says, without secrets.
    pub(crate) fn error_state(&self, kind: StateKind, fixed: &str, error: TaskError) -> State {
        State::new(kind).with_message(format!("{fixed}: {}", self.redacted(&error))).with_error(error)
    }

    /// `Unexpected error: ..`
    pub(crate) fn unexpected(&self, error: TaskError) -> State {
        self.error_state(StateKind::Failed, "Unexpected error", error)
    }

    /// Services of a run that has no flow, for tests.
    #[cfg(any(test, feature = "fake-slack"))]
    pub(crate) fn without_flow(clock: Clock, notifications: Notifications) -> Self {
        Self {
            flow_name: "test flow".into(),
            flow_run_id: "test-run".into(),
            started: clock.timestamp(),
            scheduled_start_time: clock.timestamp(),
            clock,
            runtime: AsyncRuntime::own(),
            config: Config::default(),
            notifications,
            observers: Vec::new(),
            canceller: None,
            recorder: None,
            log: None,
        }
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").field("flow_run_id", &self.flow_run_id).finish_non_exhaustive()
    }
}
