//! What of a recorded run is run again, and which of its waiting tasks goes on.
use std::collections::BTreeSet;

use super::ResumeError;
use super::plan::{Plan, Row};
use crate::engine::{mapped_has_ended, plain};
use crate::flow::graph::{Graph, TaskId, id};
use crate::state::Rejection;
use crate::{State, StateKind, StateResult};

/// An answer to a task that waits for somebody. `Approval::default()` lets the first one go on.
///
/// ```
/// use prefect::Approval;
///
/// let no = Approval::of("deploy-1").reject().note("not on a Friday");
/// # let _ = no;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "an answer does nothing until it is given"]
pub struct Approval {
    task: Option<String>,
    answer: Answer,
    note: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Answer {
    #[default]
    GoOn,
    Reject,
}

impl Approval {
    /// An answer to this task, by its slug or its name; with `[3]` behind it, to that child of a mapped task.
    pub fn of(task: impl Into<String>) -> Self {
        Self { task: Some(task.into()), ..Self::default() }
    }

    /// The task does not run: it fails.
    pub fn reject(mut self) -> Self {
        self.answer = Answer::Reject;
        self
    }

    /// What is said with the answer: it stands in the message of the task's state.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    fn state(&self) -> State {
        let with = |text: &str| match &self.note {
            Some(note) => format!("{text}: {note}"),
            None => text.to_owned(),
        };
        match self.answer {
            Answer::GoOn => plain(StateKind::Resume).with_message(with("Approval given to resume")),
            Answer::Reject => plain(StateKind::Resume).with_rejection(Rejection(with("Rejected").into())),
        }
    }
}

/// Which tasks of a run that has failed are run again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// Those that failed, and everything downstream of them.
    Failed,
    /// Those that failed, and those that did not run because of that. What ran in spite of a failure is kept.
    OnlyFailed,
    /// This task, by its slug or its name, and everything downstream of it, whatever became of it.
    From(String),
}

impl Plan {
    /// Answers a task that waits for somebody, if the whole run waits.
    pub(crate) fn answer(&mut self, graph: &Graph, approval: &Approval) -> Result<(), ResumeError> {
        if !self.is_paused() {
            // Who says no means a run that waits, and not that this one goes on.
            return if *approval == Approval::default() {
                Ok(())
            } else {
                Err(ResumeError::NotWaiting { run: self.run() })
            };
        }
        for (task, row) in &mut self.tasks {
            for (child, state) in row.runs_mut() {
                if state.kind() == StateKind::Paused && is_meant(graph, *task, child, approval.task.as_deref()) {
                    *state = approval.state();
                    return Ok(());
                }
            }
        }
        // The one that waited starts anew.
        if self.has_changed() && approval.task.is_none() {
            return Ok(());
        }
        Err(self.not_paused(graph, approval))
    }

    fn not_paused(&self, graph: &Graph, approval: &Approval) -> ResumeError {
        let paused = self.paused().map(|(task, child)| names(graph, task, child).swap_remove(0)).collect();
        ResumeError::NotPaused { run: self.run(), task: approval.task.clone(), paused }
    }

    fn paused(&self) -> impl Iterator<Item = (TaskId, Option<u32>)> + '_ {
        self.tasks.iter().flat_map(|(task, row)| {
            let paused = row.runs().filter(|(_, state)| state.kind() == StateKind::Paused);
            paused.map(|(child, _)| (*task, child))
        })
    }

    /// Forgets what is to be run again.
    pub(crate) fn retry(&mut self, graph: &Graph, retry: &Retry) -> Result<(), ResumeError> {
        let failed = |row: &Row| row.runs().any(|(_, state)| state.kind().is_failed());
        let failed: Vec<TaskId> = self.tasks.iter().filter(|(_, row)| failed(row)).map(|(task, _)| *task).collect();
        match retry {
            Retry::OnlyFailed => {
                for task in failed {
                    self.forget_failed(task);
                }
            }
            Retry::Failed => {
                for task in downstream(graph, failed.clone()) {
                    if failed.contains(&task) {
                        self.forget_failed(task);
                    } else {
                        self.forget(task);
                    }
                }
            }
            Retry::From(wanted) => {
                let named = |task: &TaskId| **graph.slug(*task) == **wanted || **graph.name(*task) == **wanted;
                let from: Vec<TaskId> = (0..id(graph.len())).filter(named).collect();
                if from.is_empty() {
                    let tasks = 0..id(graph.len());
                    let known = tasks.flat_map(|task| names(graph, task, None)).collect();
                    return Err(ResumeError::UnknownTask { task: wanted.clone(), known });
                }
                for task in downstream(graph, from) {
                    self.forget(task);
                }
            }
        }
        Ok(())
    }

    /// Of a mapped task, the children that failed.
    fn forget_failed(&mut self, task: TaskId) {
        let Some(row) = self.tasks.get_mut(&task) else { return };
        for state in row.states_mut().filter(|state| state.kind().is_failed()) {
            *state = State::new(StateKind::Pending);
        }
    }

    pub(super) fn forget(&mut self, task: TaskId) {
        let Some(row) = self.tasks.get_mut(&task) else { return };
        for state in row.states_mut() {
            *state = State::new(StateKind::Pending);
        }
    }

    /// A result that lives in memory only is computed again if a task that is yet to run reads it. What sets a resource up
    /// again has it cleaned up again.
    pub(super) fn forget_what_is_needed_again(&mut self, graph: &Graph) {
        let will_run = |row: Option<&Row>| row.is_none_or(Row::will_run);
        let mut open: Vec<TaskId> = (0..id(graph.len())).filter(|task| will_run(self.tasks.get(task))).collect();
        while let Some(task) = open.pop() {
            for upstream in graph.data_upstream(task) {
                if self.tasks.get_mut(upstream).is_some_and(Row::forget_what_is_lost) {
                    open.push(*upstream);
                }
            }
            for block in graph.resource_blocks().iter().filter(|block| block.set_up == task) {
                if !will_run(self.tasks.get(&block.clean_up)) {
                    self.forget(block.clean_up);
                    open.push(block.clean_up);
                }
            }
        }
    }
}

impl Row {
    /// The task run itself, then its children by their numbers.
    fn runs(&self) -> impl Iterator<Item = (Option<u32>, &State)> {
        let children = (0..).zip(&self.children).map(|(child, (state, _))| (Some(child), state));
        std::iter::once((None, &self.state)).chain(children)
    }

    fn runs_mut(&mut self) -> impl Iterator<Item = (Option<u32>, &mut State)> {
        let children = (0..).zip(&mut self.children).map(|(child, (state, _))| (Some(child), state));
        std::iter::once((None, &mut self.state)).chain(children)
    }

    fn states_mut(&mut self) -> impl Iterator<Item = &mut State> {
        self.runs_mut().map(|(_, state)| state)
    }

    /// Whether its inputs are asked for. A mapped task takes its lists again if one of its children is to run.
    fn will_run(&self) -> bool {
        let is_mapped = self.state.kind() == StateKind::Mapped;
        !self.state.kind().is_finished()
            || is_mapped && !mapped_has_ended(&self.state, self.children.iter().map(|(state, _)| state))
    }

    /// Whether something of it has to run again, for whoever reads its result.
    fn forget_what_is_lost(&mut self) -> bool {
        let is_lost = |state: &State| {
            let has_result =
                state.kind().is_successful() && !matches!(state.kind(), StateKind::Skipped | StateKind::Mapped);
            has_result && matches!(state.result(), StateResult::None)
        };
        let mut any = false;
        for state in self.states_mut().filter(|state| is_lost(state)) {
            *state = State::new(StateKind::Pending);
            any = true;
        }
        any
    }
}

/// These tasks, and everything that waits for one of them.
pub(super) fn downstream(graph: &Graph, from: Vec<TaskId>) -> BTreeSet<TaskId> {
    let (mut reached, mut open) = (BTreeSet::new(), from);
    while let Some(task) = open.pop() {
        if reached.insert(task) {
            open.extend(graph.readers().of(task));
        }
    }
    reached
}

fn is_meant(graph: &Graph, task: TaskId, child: Option<u32>, wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| names(graph, task, child).iter().any(|name| name == wanted))
}

/// What people may call a task run: by its slug, by its name.
fn names(graph: &Graph, task: TaskId, child: Option<u32>) -> Vec<String> {
    let number = child.map_or(String::new(), |child| format!("[{child}]"));
    [graph.slug(task), graph.name(task)].into_iter().map(|name| format!("{name}{number}")).collect()
}
