//! What a case is: a flow, and how it is run.
mod keep;
mod way;

use std::collections::BTreeMap;

use super::{Kind, Val};
pub use keep::{Caching, Occasion, Part, Place, Storing, Validator};
pub use way::{Start, Way, Workers};

/// One flow, and how it is run.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub mode: Mode,
    /// In an order in which every edge leads to an earlier task. Task `i` is called `t{i}` in generated cases.
    pub tasks: Vec<Task>,
    pub flow: Flow,
    /// Whether all results are kept to the end of the run; else values that were read may be gone.
    pub keep_all: bool,
    /// One after the other, in one process. Never empty.
    pub runs: Vec<Occasion>,
}

/// `flow.run` or `flow.run_once`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Until the flow is finished. The flow starts at Scheduled.
    Run,
    /// One pass over the tasks: what waits stays waiting. The flow starts at Pending.
    Once,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    pub name: String,
    pub edges: Vec<Edge>,
    /// Constant lists that the task is mapped over, besides those that edges bring. No task gives them.
    pub over: Vec<Vec<i64>>,
    pub body: Body,
    pub role: Role,
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
    pub cache: Option<Caching>,
    pub store: Option<Storing>,
}

impl Task {
    /// A task that says nothing but what it does.
    pub fn new(name: String, edges: Vec<Edge>, body: Body) -> Self {
        Self {
            name,
            edges,
            over: Vec::new(),
            body,
            role: Role::Work,
            reads: Reads::Values,
            trigger: Trigger::AllSuccessful,
            skip_on_upstream_skip: true,
            max_retries: 0,
            retry_delay: 0,
            retry_on: RetryOn::Anything,
            handlers: Vec::new(),
            on_failure: false,
            watched: true,
            takes: Takes::Any,
            patience: Patience::Endless,
            cache: None,
            store: None,
        }
    }

    /// Whether it has children.
    pub fn is_mapped(&self) -> bool {
        !self.over.is_empty() || self.edges.iter().any(|edge| edge.carries.is_mapped())
    }

    /// Everything that its body may do, that of children included.
    pub fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        let script = match &self.body {
            Body::Own(script) => Some(script),
            _ => None,
        };
        script.into_iter().flat_map(|script| script.calls.iter().chain(script.of_child.values().flatten()))
    }
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

/// What a task is for, as far as the end of a run depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Work,
    /// Makes the manager of a resource.
    ResourceInit,
    /// Cleans a resource up. Its first two edges bring the manager and the resource, the others no data; it has
    /// [`Trigger::ResourceCleanup`] and returns nothing.
    ResourceCleanup,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Index of an earlier task.
    pub from: usize,
    pub carries: Carries,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// One input of the body; two such edges from one task are two inputs. Of a mapped task: what all its children gave.
    Data,
    Order,
    /// The reader is mapped over a list of numbers, or child by child over a mapped task.
    Each,
    /// The same over a list of lists: each child gets a list.
    EachList,
    /// The reader is mapped over the lists in a list, or over those that the children gave, joined.
    EachFlat,
    /// One input: the lists in a list, or those that the children gave, joined.
    Flat,
}

impl Carries {
    pub const fn is_mapped(self) -> bool {
        matches!(self, Self::Each | Self::EachList | Self::EachFlat)
    }
}

/// What the parameters of the body are: `i64`, or `Outcome<i64>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    Values,
    Outcomes,
    /// The first is an outcome, the next a value, and so on.
    Both,
}

impl Reads {
    /// Whether the input of this number is an outcome.
    pub const fn is_outcome(self, input: usize) -> bool {
        match self {
            Self::Values => false,
            Self::Outcomes => true,
            Self::Both => input.is_multiple_of(2),
        }
    }
}

/// What a task does.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Own(Script),
    /// `CompareValue` of its one input.
    Compare(i64),
    /// `as_bool` of its one input, a number: whether it is odd.
    AsBool,
    /// `CompareValue` of what `as_bool` gave.
    CompareTruth(bool),
    /// `Merge` of its inputs.
    Merge,
    /// `FilterTask` of its one input: the numbers that are greater than this.
    Filter(i64),
    /// A parameter of the flow, called as the task is, with its default.
    Parameter(i64),
}

/// A body of the case's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// What it does at its first call, its second ...; the last one stands for all that follow. Never empty.
    pub calls: Vec<Outcome>,
    /// The same for some children of a mapped task.
    pub of_child: BTreeMap<usize, Vec<Outcome>>,
}

impl Script {
    pub fn of(calls: Vec<Outcome>) -> Body {
        Body::Own(Self { calls, of_child: BTreeMap::new() })
    }

    /// What the call of this number does, from 0.
    pub fn call(&self, child: Option<usize>, call: usize) -> &Outcome {
        let calls = child.and_then(|child| self.of_child.get(&child)).unwrap_or(&self.calls);
        &calls[call.min(calls.len() - 1)]
    }
}

/// What one call of a body does. `sum` is that of all numbers in the inputs that are values of a Success, plus the result
/// of the iteration before, how many iterations there were, and what the world adds; it wraps.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Returns `times * sum + plus`, wrapping.
    Linear {
        times: i64,
        plus: i64,
    },
    /// Returns `sum`, and the index of the child.
    Index,
    Returns(Val),
    /// Returns `sum`, `sum + 1`, ..: so many numbers.
    List(usize),
    /// Returns lists of these lengths, with numbers that go on from one to the next.
    Lists(Vec<usize>),
    /// If the sum is this, that; else returns the sum.
    If {
        sum: i64,
        then: Box<Outcome>,
    },
    Err(String),
    Panic(String),
    /// Never ends; the task has a timeout (and only such tasks need one).
    Timeout,
    Signal(Raise),
}

impl Outcome {
    /// Whether it, or what stands behind its condition, is like that.
    pub fn may(&self, is: impl Fn(&Self) -> bool) -> bool {
        match self {
            Self::If { then, .. } => is(then) || is(self),
            other => is(other),
        }
    }
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
    /// Only by bodies.
    Loop,
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
            Self::Loop => "LOOP",
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
    /// That of [`Role::ResourceCleanup`].
    ResourceCleanup,
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
    /// Refuses the change: returns the state before it.
    Old,
    Replace(NewState),
    Error(String),
    Panic(String),
    Signal(Raise),
}

/// A state made by user code: neither Looped nor Mapped. Scheduled kinds start at once (Paused: never).
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
