//! A second opinion on the rules of a run: what a case is, what a run of it shows, and how two runs are compared.
//!
//! [`rules`] says what must come out of a [`Case`], [`generate`] makes cases, [`shrink`] makes a failing one small.
//! Nothing here knows the library: whoever runs a case on it hands back an [`Observed`].
pub mod generate;
pub mod library;
pub mod recorded;
pub mod rules;
mod seen;
pub mod shrink;
mod states;
mod triggers;

pub use seen::{By, Event, Expected, Message, Observed, Res, Run, TaskRun, difference};

/// The kinds of state that occur in cases, by Prefect's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Pending,
    Scheduled,
    Paused,
    Retrying,
    Running,
    Success,
    Skipped,
    Cancelled,
    Failed,
    TimedOut,
    TriggerFailed,
    ValidationFailed,
}

impl Kind {
    pub const ALL: [Self; 12] = [
        Self::Pending,
        Self::Scheduled,
        Self::Paused,
        Self::Retrying,
        Self::Running,
        Self::Success,
        Self::Skipped,
        Self::Cancelled,
        Self::Failed,
        Self::TimedOut,
        Self::TriggerFailed,
        Self::ValidationFailed,
    ];

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| format!("{kind:?}") == name)
    }

    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Pending | Self::Scheduled | Self::Paused | Self::Retrying)
    }

    pub const fn is_finished(self) -> bool {
        !self.is_pending() && !matches!(self, Self::Running)
    }

    pub const fn is_successful(self) -> bool {
        matches!(self, Self::Success | Self::Skipped)
    }

    pub const fn is_failed(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::TriggerFailed | Self::ValidationFailed)
    }
}

/// One flow, and how it is run.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub mode: Mode,
    /// In an order in which every edge leads to an earlier task. Task `i` is called `t{i}` in generated cases.
    pub tasks: Vec<Task>,
    pub flow: Flow,
    /// Whether all results are kept to the end of the run; else values that were read may be gone.
    pub keep_all: bool,
}

/// `flow.run` or `flow.run_once`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Until the flow is finished. The flow starts at Scheduled.
    Run,
    /// One pass over the tasks: what waits stays waiting. The flow starts at Pending.
    Once,
}

/// How many things run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    Local,
    Threads(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    pub name: String,
    pub edges: Vec<Edge>,
    /// What the body does at its first call, its second ...; the last one stands for all that follow. Never empty.
    pub outcomes: Vec<Outcome>,
    pub reads: Reads,
    pub trigger: Trigger,
    pub skip_on_upstream_skip: bool,
    pub max_retries: u32,
    /// Seconds.
    pub retry_delay: u32,
    pub retry_on: RetryOn,
    pub handlers: Vec<Handler>,
    /// With a callback, called after the handlers.
    pub on_failure: bool,
    /// With a passive handler behind all others. The library has a shorter way for tasks that nobody looks at.
    pub watched: bool,
    pub takes: Takes,
    pub patience: Patience,
}

/// The type of the parameters of `Reads::Values`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    Any,
    Number,
}

/// Whether a task has a timeout that it never exceeds: it is run in another way then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    Endless,
    Timeout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Index of an earlier task.
    pub from: usize,
    pub carries: Carries,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// One input of the body; two such edges from one task are two inputs.
    Data,
    Order,
}

/// What the parameters of the body are: `i64`, or `Outcome<i64>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Only with `all_successful` or `not_all_skipped`, and with `skip_on_upstream_skip`.
    Values,
    Outcomes,
}

/// What one call of a body does.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Returns `times * (sum of the inputs that are values of a Success) + plus`, wrapping.
    Linear {
        times: i64,
        plus: i64,
    },
    Err(String),
    Panic(String),
    /// Never ends; the task has a timeout (and only such tasks need one).
    Timeout,
    Signal(Raise),
}

/// A signal, raised by a body, a handler or a trigger.
#[derive(Clone, Debug, PartialEq)]
pub struct Raise {
    pub signal: SignalName,
    pub message: Option<String>,
    /// The `result` given to the signal; without it the state's result is the signal itself
    /// (of `EndRun`: nothing).
    pub value: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalName {
    Fail,
    TriggerFail,
    ValidationFail,
    Success,
    Skip,
    /// Starts again at once.
    Retry,
    Pause,
    /// With a state of this kind, which has the message and the value.
    EndRun(Kind),
}

impl SignalName {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fail => "FAIL",
            Self::TriggerFail => "TRIGGERFAIL",
            Self::ValidationFail => "VALIDATIONFAIL",
            Self::Success => "SUCCESS",
            Self::Skip => "SKIP",
            Self::Retry => "RETRY",
            Self::Pause => "PAUSE",
            Self::EndRun(_) => "ENDRUN",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    AllSuccessful,
    AllFailed,
    AllFinished,
    AlwaysRun,
    AnySuccessful,
    AnyFailed,
    SomeFailed(Bounds),
    SomeSuccessful(Bounds),
    NotAllSkipped,
    ManualOnly,
    Custom(Custom),
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    pub at_least: Option<Bound>,
    pub at_most: Option<Bound>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    Count(u32),
    /// Below 1.
    Share(f64),
}

/// A trigger function of the user's own.
#[derive(Clone, Debug, PartialEq)]
pub enum Custom {
    True,
    False,
    Error(String),
    Panic(String),
    Signal(Raise),
}

/// `retry_on`: a predicate on the error that is the failed state's result.
#[derive(Clone, Debug, PartialEq)]
pub enum RetryOn {
    /// Not set.
    Anything,
    /// The error's text contains this.
    Containing(String),
    /// The predicate panics with this.
    Panics(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    /// Acts on new states of exactly this kind, as left by the handlers before it; `None`: on all.
    pub on: Option<Kind>,
    /// Acts on so many of them, then passes.
    pub times: u32,
    pub act: Act,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Returns the state it got.
    Pass,
    /// Returns nothing.
    Nothing,
    Replace(NewState),
    Error(String),
    Panic(String),
    Signal(Raise),
}

/// A state made by user code. Scheduled kinds start at once (Paused: never).
#[derive(Clone, Debug, PartialEq)]
pub struct NewState {
    pub kind: Kind,
    pub message: Option<String>,
    pub value: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    pub handlers: Vec<Handler>,
    pub on_failure: bool,
    /// `None`: the terminal tasks.
    pub reference_tasks: Option<Vec<usize>>,
    pub terminal: Option<Terminal>,
}

/// What `terminal_state_handler` does.
#[derive(Clone, Debug, PartialEq)]
pub enum Terminal {
    Nothing,
    /// Returns the state it got with this message.
    Message(String),
    Replace(NewState),
}
