//! One cell of the matrix: what kind of task panics, in which of its parts, with what, and how the flow is run.
use prefect::{Executor, StateKind};

use crate::bomb::Payload;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) shape: Shape,
    pub(crate) place: Place,
    pub(crate) payload: Payload,
    pub(crate) executor: Executor,
}

/// What kind of task it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Sync,
    /// Does what it does, then waits.
    AsyncBefore,
    /// Waits, then does what it does.
    AsyncAfter,
    /// Fails at first, and is tried again.
    Retrying,
    TimedSync,
    TimedAsync,
    /// Reads the results of three tasks.
    Reader,
    /// Three children, which all do the same.
    Mapped,
}

impl Shape {
    pub(crate) const ALL: [Self; 8] = [
        Self::Sync,
        Self::AsyncBefore,
        Self::AsyncAfter,
        Self::Retrying,
        Self::TimedSync,
        Self::TimedAsync,
        Self::Reader,
        Self::Mapped,
    ];

    pub(crate) fn is_async(self) -> bool {
        matches!(self, Self::AsyncBefore | Self::AsyncAfter | Self::TimedAsync)
    }
}

/// Where it panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Body,
    /// While it holds a lock that others take.
    BodyUnderALock,
    HandlerOn(StateKind),
    AsyncHandler,
    OnFailure,
    /// The predicate of a callback.
    Check,
    Trigger,
    RetryOn,
    /// The text of an input in the name of the task run.
    RunName,
    /// The text of the body's error, which handlers and a notifier want too.
    Display,
    /// The same, when it fails without a panic.
    DisplayFails,
    Observer,
    WebhookSecret,
    FlowHandlerOn(StateKind),
    TerminalHandler,
    Drop(Held),
}

/// What panics when it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// What the body returns; a task reads it.
    Result,
    /// The same, kept to the end of the run.
    LastResult,
    /// What a body returns that took too long.
    LateResult,
    Error,
    Constant,
    Shared,
    /// A state that is replaced by the next handler.
    ReplacedState,
    /// The state of a running task.
    RunningState,
    /// The state of a task that will be tried again.
    RetryState,
    /// The last state of the flow.
    FlowState,
    /// A future that has ended.
    Future,
    /// One that took too long.
    LateFuture,
    // What closures hold.
    Body,
    Handler,
    Check,
    Trigger,
    RetryOn,
    FlowHandler,
    TerminalHandler,
    Observer,
}

impl Place {
    pub(crate) fn all() -> Vec<Self> {
        use Held::{Body, Constant, Error, Future, Handler, LastResult, LateFuture, LateResult, Observer};
        use Held::{ReplacedState, Result, RetryOn, RetryState, RunningState, Shared, TerminalHandler, Trigger};
        use StateKind::{Failed, Mapped, Retrying, Running, Skipped, Success, TimedOut};
        let held = [
            Result,
            LastResult,
            LateResult,
            Error,
            Constant,
            Shared,
            ReplacedState,
            RunningState,
            RetryState,
            Held::FlowState,
            Future,
            LateFuture,
            Body,
            Handler,
            Held::Check,
            Trigger,
            RetryOn,
            Held::FlowHandler,
            TerminalHandler,
            Observer,
        ];
        let plain = [
            Self::Body,
            Self::BodyUnderALock,
            Self::AsyncHandler,
            Self::OnFailure,
            Self::Check,
            Self::Trigger,
            Self::RetryOn,
            Self::RunName,
            Self::Display,
            Self::DisplayFails,
            Self::Observer,
            Self::WebhookSecret,
            Self::TerminalHandler,
        ];
        let on_task = [Running, Success, Failed, Retrying, Skipped, TimedOut, Mapped].map(Self::HandlerOn);
        let on_flow = [Running, Success, Failed].map(Self::FlowHandlerOn);
        plain.into_iter().chain(on_task).chain(on_flow).chain(held.map(Self::Drop)).collect()
    }

    /// Whether such a task has such a place.
    pub(crate) fn is_in(self, shape: Shape) -> bool {
        match self {
            Self::HandlerOn(StateKind::Retrying) | Self::Drop(Held::RetryState) => shape == Shape::Retrying,
            Self::HandlerOn(StateKind::Mapped) => shape == Shape::Mapped,
            Self::HandlerOn(StateKind::TimedOut) => matches!(shape, Shape::TimedSync | Shape::TimedAsync),
            Self::Drop(Held::Future) => shape.is_async(),
            Self::Drop(Held::LateFuture) => shape == Shape::TimedAsync,
            Self::Drop(Held::LateResult) => shape == Shape::TimedSync,
            _ => true,
        }
    }

    /// Whether the body has to take too long for it.
    pub(crate) fn needs_time(self) -> bool {
        matches!(self, Self::HandlerOn(StateKind::TimedOut) | Self::Drop(Held::LateResult))
    }

    /// Whether the body has to fail for it.
    pub(crate) fn needs_failure(self) -> bool {
        matches!(
            self,
            Self::HandlerOn(StateKind::Failed)
                | Self::FlowHandlerOn(StateKind::Failed)
                | Self::OnFailure
                | Self::RetryOn
                | Self::Display
                | Self::DisplayFails
                | Self::Drop(Held::Error)
        )
    }

    /// How the task must end: its kind, and what its message begins with. The message of a panic follows if the panic
    /// decides.
    pub(crate) fn task_end(self) -> (StateKind, &'static str, Decides) {
        use StateKind::{Failed, Success, TimedOut, TriggerFailed};
        const IN_HANDLER: &str = "Unexpected error while calling state handlers: ";
        const IN_BODY: &str = "Error during execution of task: ";
        match self {
            Self::Body | Self::BodyUnderALock => (Failed, IN_BODY, Decides::Panic),
            Self::HandlerOn(_) | Self::AsyncHandler | Self::OnFailure | Self::Check => {
                (Failed, IN_HANDLER, Decides::Panic)
            }
            Self::Trigger => (TriggerFailed, "Unexpected error while checking task trigger: ", Decides::Panic),
            Self::RetryOn | Self::RunName => (Failed, "Unexpected error: ", Decides::Panic),
            Self::Display => {
                let text = "Error during execution of task: half a text an error whose text cannot be shown: its \
                            `Display` panicked";
                (Failed, text, Decides::Body)
            }
            Self::DisplayFails => {
                let text = "Error during execution of task: half a text an error whose text cannot be shown: its \
                            `Display` failed";
                (Failed, text, Decides::Body)
            }
            Self::Drop(Held::Error) => (Failed, "Error during execution of task: an error with a bomb", Decides::Body),
            Self::FlowHandlerOn(Failed) => (Failed, "Error during execution of task: it fails", Decides::Body),
            Self::Drop(Held::LateFuture | Held::LateResult) => {
                (TimedOut, "Task timed out during execution.", Decides::Body)
            }
            _ => (Success, "Task run succeeded.", Decides::Body),
        }
    }

    /// How the flow must end, if the panic decides that.
    pub(crate) fn flow_end(self) -> Option<&'static str> {
        match self {
            Self::FlowHandlerOn(_) => Some("Unexpected error while calling state handlers: "),
            Self::TerminalHandler | Self::WebhookSecret => Some("Unexpected error: "),
            _ => None,
        }
    }

    /// Whether it keeps every task from running.
    pub(crate) fn keeps_all_from_running(self) -> bool {
        matches!(self, Self::WebhookSecret | Self::FlowHandlerOn(StateKind::Running))
    }
}

/// What decides how the task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decides {
    Panic,
    Body,
}
