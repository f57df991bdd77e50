//! The one door: every state change of a task run or a flow run goes through here.
use std::sync::Arc;

use crate::notify::{Collecting, Pending};
use crate::panics::{Caught, guard, quietly};
use crate::{Signal, SignalKind, State, StateHandler, StateKind, TaskError, Tracked, TrackedKind};

/// How a state change came out.
pub(crate) enum Change {
    /// The run goes on with this state.
    To(State),
    /// The run ends in this state, whatever would come next: a handler failed, or said so.
    Ended(State),
}

/// Calls the handlers in list order, each with the same old state and the new one as the handler before left it. What
/// has happened is then recorded, if the run is, and shown to those who only look on.
pub(crate) fn change(tracked: &Tracked, handlers: &[Arc<dyn StateHandler>], old: &State, new: State) -> Change {
    handle(tracked, handlers, old, new).record(None)
}

/// A change that all handlers have heard of, and nobody else has.
#[must_use]
pub(crate) struct Handled<'a> {
    tracked: &'a Tracked,
    old: &'a State,
    pub(crate) change: Change,
    messages: Vec<Pending>,
}

/// The first half of [`change`], for who has to know the state that it comes to before that is recorded.
pub(crate) fn handle<'a>(
    tracked: &'a Tracked,
    handlers: &[Arc<dyn StateHandler>],
    old: &'a State,
    new: State,
) -> Handled<'a> {
    let name = tracked.full_name();
    let (from, to) = (old.kind(), new.kind());
    match tracked.kind() {
        TrackedKind::Task => {
            tracing::debug!(target: "prefect.TaskRunner", "Task '{name}': Handling state change from {from} to {to}");
        }
        TrackedKind::Flow => {
            tracing::debug!(target: "prefect.FlowRunner", "Flow '{name}': Handling state change from {from} to {to}");
        }
    }
    let collecting = match (&tracked.services.recorder, handlers) {
        (None, _) | (_, []) => None,
        _ => tracked.services.notifications.collect(&tracked.services),
    };
    let change = call_handlers(tracked, handlers, old, new);
    Handled { tracked, old, change, messages: collecting.map(Collecting::end).unwrap_or_default() }
}

impl Handled<'_> {
    /// The second half. What is decided already, and follows at once, is recorded with it: the process may die in between.
    pub(crate) fn record(self, next: Option<&State>) -> Change {
        let Self { tracked, old, change, messages } = self;
        if let Some(recorder) = &tracked.services.recorder {
            let (Change::To(state) | Change::Ended(state)) = &change;
            let position = match tracked.run {
                Some(run) => Some(recorder.task_changed(run, old, state, next, &messages)),
                None => recorder.flow_changed(state, &messages),
            };
            for message in messages {
                message.handed_over(position);
            }
        }
        tell(tracked, old, &change);
        change
    }
}

/// Shows a change to those who only look on.
fn tell(tracked: &Tracked, old: &State, change: &Change) {
    let (Change::To(state) | Change::Ended(state)) = change;
    for observer in &tracked.services.observers {
        quietly("an observer", || observer.changed(tracked, old, state));
    }
}

fn call_handlers(tracked: &Tracked, handlers: &[Arc<dyn StateHandler>], old: &State, new: State) -> Change {
    let mut state = new;
    for handler in handlers {
        let given = state.clone();
        let error = match guard(|| handler.handle(tracked, old, given)) {
            Ok(Ok(new)) => {
                state = new;
                continue;
            }
            Ok(Err(error)) => match error.downcast_ref::<Signal>() {
                Some(signal) => return signalled(signal.clone()),
                None => error,
            },
            Err(Caught::Signal(signal)) => return signalled(signal),
            Err(Caught::Panic(panicked)) => panicked.into(),
        };
        return Change::Ended(handler_failed(tracked, error));
    }
    Change::To(state)
}

/// A signal is the new state; later handlers do not hear of this change.
fn signalled(signal: Signal) -> Change {
    match signal.kind() {
        SignalKind::Pause | SignalKind::EndRun => Change::Ended(signal.into_state()),
        _ => Change::To(signal.into_state()),
    }
}

/// No handler hears of this state.
fn handler_failed(tracked: &Tracked, error: TaskError) -> State {
    const FIXED: &str = "Unexpected error while calling state handlers";
    let state = tracked.services.error_state(StateKind::Failed, FIXED, error);
    let message = state.message().unwrap_or(FIXED);
    match tracked.kind() {
        TrackedKind::Task => tracing::error!(target: "prefect.TaskRunner", "{message}"),
        TrackedKind::Flow => tracing::error!(target: "prefect.FlowRunner", "{message}"),
    }
    state
}

/// Sees every state change after the handlers, and changes nothing: progress, logs, stores.
pub trait Observer: Send + Sync {
    /// Called on the thread of the run: be quick. A panic is logged.
    fn changed(&self, object: &Tracked, old: &State, new: &State);

    /// Called when a mapped task is in its state `Mapped`, with the number of its children, before any of them starts.
    fn mapped(&self, task: &Tracked, children: usize) {
        let _ = (task, children);
    }
}
