//! The options of a flow.
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::quiet::Quiet;
use crate::results::{IntoTaskResult, TaskResult};
use crate::{IntoStateHandler, State, StateHandler, Tracked};

/// Judges the end of a run before the flow's handlers hear of it: the flow, its final state, and the states of its
/// reference tasks. A state that it returns replaces the final one.
pub(crate) type TerminalStateHandler = Arc<dyn Fn(&Tracked, &State, &[State]) -> Option<State> + Send + Sync>;

/// The options of a flow, by Prefect's names.
#[derive(Clone)]
pub struct FlowOptions {
    pub(crate) name: Cow<'static, str>,
    pub(crate) handlers: Vec<Arc<dyn StateHandler>>,
    pub(crate) terminal_state_handler: Option<TerminalStateHandler>,
    pub(crate) result: Option<TaskResult>,
}

impl FlowOptions {
    /// A flow of this name.
    ///
    /// # Panics
    /// If the name is empty.
    #[must_use]
    #[track_caller]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        let name = name.into();
        assert!(!name.is_empty(), "A name must be provided for the flow.");
        Self { name, handlers: Vec::new(), terminal_state_handler: None, result: None }
    }

    /// Adds a handler after those that are there: a function, a closure whose parameters have their types, async ones, or
    /// a value such as [`SlackNotifier`](crate::SlackNotifier).
    #[must_use]
    pub fn state_handler<M, H: IntoStateHandler<M>>(mut self, handler: H) -> Self
    where
        H::Handler: 'static,
    {
        self.handlers.push(Arc::new(Quiet::new(handler.into_handler())));
        self
    }

    /// Where the results of those tasks are kept that say nothing themselves. Default: nowhere.
    #[must_use]
    pub fn result(mut self, result: impl IntoTaskResult) -> Self {
        self.result = Some(result.into_task_result());
        self
    }

    /// Called with the flow, its final state and the states of its reference tasks, before the flow's state handlers. A
    /// state that it returns replaces the final one.
    #[must_use]
    pub fn terminal_state_handler(
        mut self,
        handler: impl Fn(&Tracked, &State, &[State]) -> Option<State> + Send + Sync + 'static,
    ) -> Self {
        let handler = Quiet::new(handler);
        self.terminal_state_handler = Some(Arc::new(move |flow, state, reference| handler(flow, state, reference)));
        self
    }
}

impl fmt::Debug for FlowOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowOptions").field("name", &self.name).field("handlers", &self.handlers.len()).finish()
    }
}
