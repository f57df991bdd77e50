//! State handlers: called at every state change, with what changed, the old state and the new one.
mod callback;
mod into;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub use callback::{Callback, CallbackOutput, callback_factory, on_failure};
pub use into::{HandlerOutput, IntoStateHandler, async_closure, boxed, closure};

use crate::engine::RunId;
use crate::notify::Notifies;
use crate::run::Services;
use crate::{State, TaskError};

/// What a state handler is called for: a task run or a flow run.
#[derive(Clone)]
pub struct Tracked {
    pub(crate) kind: TrackedKind,
    pub(crate) name: Arc<str>,
    pub(crate) slug: Arc<str>,
    pub(crate) map_index: Option<usize>,
    /// Of a task in a run, which one it is there.
    pub(crate) run: Option<RunId>,
    pub(crate) services: Arc<Services>,
}

/// Whether a [`Tracked`] is a task run or a flow run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrackedKind {
    /// A task run.
    Task,
    /// A flow run.
    Flow,
}

impl Tracked {
    /// Whether it is a task run or a flow run.
    #[must_use]
    pub fn kind(&self) -> TrackedKind {
        self.kind
    }

    /// The name of the task or the flow.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What tells the tasks of a flow apart: name, tags and a number. For a flow, its name.
    #[must_use]
    pub fn slug(&self) -> &str {
        &self.slug
    }

    /// Which child of a mapped task it is, from 0.
    #[must_use]
    pub fn map_index(&self) -> Option<usize> {
        self.map_index
    }

    /// The name of the task or the flow and, for a child of a mapped task, its index: `name[3]`.
    #[must_use]
    pub fn full_name(&self) -> Cow<'_, str> {
        match self.map_index {
            Some(i) => Cow::Owned(format!("{}[{i}]", self.name)),
            None => Cow::Borrowed(&self.name),
        }
    }

    /// The name of the flow.
    #[must_use]
    pub fn flow_name(&self) -> &str {
        &self.services.flow_name
    }

    /// The id of the flow run: random, the same for all that is tracked in one run.
    #[must_use]
    pub fn flow_run_id(&self) -> &str {
        &self.services.flow_run_id
    }
}

/// `<Task: name>`, `<Flow: name="name">`, as Prefect writes them.
impl fmt::Display for Tracked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TrackedKind::Task => write!(f, "<Task: {}>", self.name),
            TrackedKind::Flow => write!(f, "<Flow: name=\"{}\">", self.name),
        }
    }
}

impl fmt::Debug for Tracked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Hears of every state change of the tasks and flows that it is given to, and may change the new state.
///
/// Functions and closures of this shape are handlers without further ado; implement the trait for a
/// handler with data of its own.
pub trait StateHandler: Send + Sync {
    /// Called with the object, its old state and its new one; returns the state to go on with.
    ///
    /// # Errors
    /// An error ends the task run (flow run) as `Failed`, with the message `Unexpected error while calling
    /// state handlers: ..`; no handler hears of that state. A [`Signal`](crate::Signal) as the error replaces
    /// the new state instead.
    fn handle(&self, object: &Tracked, old: &State, new: State) -> Result<State, TaskError>;

    /// The name of the secret that holds the webhook this handler sends to, so that a webhook that is none is found
    /// before a run starts. Handlers that send nothing have none.
    fn webhook_secret(&self) -> Option<&str> {
        None
    }

    /// Of which states it sends messages, and where to: they can be sent for a run whose process is gone.
    #[doc(hidden)]
    fn notifies(&self) -> Option<Notifies> {
        None
    }
}

impl<H: StateHandler + ?Sized> StateHandler for Box<H> {
    fn handle(&self, object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
        (**self).handle(object, old, new)
    }

    fn webhook_secret(&self) -> Option<&str> {
        (**self).webhook_secret()
    }

    fn notifies(&self) -> Option<Notifies> {
        (**self).notifies()
    }
}

impl<H: StateHandler + ?Sized> StateHandler for Arc<H> {
    fn handle(&self, object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
        (**self).handle(object, old, new)
    }

    fn webhook_secret(&self) -> Option<&str> {
        (**self).webhook_secret()
    }

    fn notifies(&self) -> Option<Notifies> {
        (**self).notifies()
    }
}
