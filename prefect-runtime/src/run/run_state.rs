//! The states of a run's tasks, as a value: to start another run from them.
use std::collections::BTreeMap;

use crate::engine::plain;
use crate::{State, StateKind};

/// The states that the tasks of a run were left in, by slug: to be kept, changed, and passed back in.
///
/// A run that starts from them runs only what has not finished: results are kept, and so are those of a mapped task's
/// children. A task that is not named here is pending.
///
/// ```
/// use prefect::prelude::*;
/// use prefect::RunSettings;
///
/// #[task(trigger = manual_only)]
/// fn deploy() -> String {
///     "deployed".to_owned()
/// }
///
/// let flow = flow!("release", { deploy() });
/// let run = flow.run();
/// assert_eq!(run.state().kind(), Running); // it waits for somebody
/// let mut states = run.run_state();
/// assert_eq!(states.get("deploy-1").unwrap().kind(), Paused);
/// states.approve("deploy-1");
/// assert_eq!(flow.run_from(states).output().unwrap(), "deployed");
/// ```
#[derive(Clone, Debug, Default)]
pub struct RunState {
    tasks: BTreeMap<String, Given>,
}

/// The state of one task.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) state: State,
    /// Of a mapped task, those of its children.
    pub(crate) children: Vec<State>,
}

impl RunState {
    /// Without any state: every task is pending.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The state of the task with this slug.
    #[must_use]
    pub fn get(&self, slug: &str) -> Option<&State> {
        self.tasks.get(slug).map(|given| &given.state)
    }

    /// The states of a mapped task's children, in their order.
    #[must_use]
    pub fn map_states(&self, slug: &str) -> &[State] {
        self.tasks.get(slug).map_or(&[], |given| &given.children)
    }

    /// Puts another state in the place of a task's.
    pub fn set(&mut self, slug: impl Into<String>, state: State) {
        self.tasks.insert(slug.into(), Given { state, children: Vec::new() });
    }

    /// Lets a paused task go on, and its paused children.
    pub fn approve(&mut self, slug: &str) {
        let Some(given) = self.tasks.get_mut(slug) else { return };
        for state in given.children.iter_mut().chain([&mut given.state]) {
            if state.kind() == StateKind::Paused {
                *state = plain(StateKind::Resume).going_on_from(state);
            }
        }
    }

    /// Forgets what has failed, and what did not run because of that: it is run again. Of a mapped task, the children that
    /// failed.
    pub fn retry_failed(&mut self) {
        self.tasks.retain(|_, given| !given.state.kind().is_failed());
        for state in self.tasks.values_mut().flat_map(|given| &mut given.children) {
            if state.kind().is_failed() {
                *state = State::new(StateKind::Pending);
            }
        }
    }

    /// Forgets a task: it is run again.
    pub fn forget(&mut self, slug: &str) {
        self.tasks.remove(slug);
    }

    /// The slugs of the tasks that have a state.
    pub fn slugs(&self) -> impl Iterator<Item = &str> {
        self.tasks.keys().map(String::as_str)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(crate) fn set_mapped(&mut self, slug: String, state: State, children: Vec<State>) {
        self.tasks.insert(slug, Given { state, children });
    }

    pub(crate) fn given(&self, slug: &str) -> Option<&Given> {
        self.tasks.get(slug)
    }
}

/// What to do about a task that is paused when nothing else is left to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseAnswer {
    /// The task goes on.
    Resume,
    /// Not yet: ask again.
    AskAgain,
    /// The run ends, and the task stays paused.
    Leave,
}
