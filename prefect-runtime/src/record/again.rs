//! What of a recorded run is run again, and which of its waiting tasks goes on.
use std::collections::BTreeSet;

use super::ResumeError;
use super::plan::{Known, Plan, Row};
use crate::engine::{mapped_has_ended, plain};
use crate::flow::graph::{EdgeUse, Graph, TaskId, id};
use crate::flow::resources::ResourceBlock;
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
        let resume = plain(StateKind::Resume);
        match self.answer {
            Answer::GoOn => resume.with_message(with("Approval given to resume")),
            Answer::Reject => resume.with_message(with("Rejected")).rejected(),
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
            for (child, known) in row.runs_mut() {
                if known.state.kind() == StateKind::Paused && is_meant(graph, *task, child, approval.task.as_deref()) {
                    known.answer(approval.state());
                    return Ok(());
                }
            }
        }
        // The one that waited starts anew: nobody has asked yet what was answered.
        if self.has_changed() && *approval == Approval::default() {
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
            let paused = row.runs().filter(|(_, known)| known.state.kind() == StateKind::Paused);
            paused.map(|(child, _)| (*task, child))
        })
    }

    /// Forgets what is to be run again.
    pub(crate) fn retry(&mut self, graph: &Graph, retry: &Retry) -> Result<(), ResumeError> {
        let failed = |row: &Row| row.runs().any(|(_, known)| known.state.kind().is_failed());
        let failed: Vec<TaskId> = self.tasks.iter().filter(|(_, row)| failed(row)).map(|(task, _)| *task).collect();
        match retry {
            Retry::OnlyFailed => {
                for task in failed {
                    self.forget_failed(task);
                }
            }
            Retry::Failed => {
                let again = downstream(graph, failed);
                // One that waits for itself is in no order; its flow does not run.
                let in_order = graph.order().unwrap_or_default();
                for task in in_order.iter().filter(|task| again.contains(task)) {
                    self.forget_failed(*task);
                    self.forget_what_follows(graph, *task, &again);
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
        for known in row.known_mut().filter(|known| known.state.kind().is_failed()) {
            known.forget();
        }
    }

    pub(super) fn forget(&mut self, task: TaskId) {
        let Some(row) = self.tasks.get_mut(&task) else { return };
        row.known_mut().for_each(Known::forget);
    }

    /// What a task made of others that are run again, and stand before it in the order: all of it, or the children of a mapped
    /// task that took something of those alone.
    fn forget_what_follows(&mut self, graph: &Graph, task: TaskId, again: &BTreeSet<TaskId>) {
        let Some(row) = self.tasks.get(&task) else { return };
        let uses = graph.uses(task).filter(|_| row.own.state.kind() == StateKind::Mapped);
        let mut children: BTreeSet<usize> = BTreeSet::new();
        for (at, upstream) in graph.upstream(task).iter().enumerate().filter(|(_, upstream)| again.contains(upstream)) {
            let is_element = uses.is_some_and(|uses| uses[at] == EdgeUse::Element);
            match self.tasks.get(upstream).filter(|theirs| is_element && theirs.own.state.kind() == StateKind::Mapped) {
                Some(theirs) => {
                    let anew = (0..).zip(&theirs.children).filter(|(_, theirs)| theirs.is_forgotten());
                    children.extend(anew.map(|(child, _)| child));
                }
                None => return self.forget(task),
            }
        }
        if let Some(row) = self.tasks.get_mut(&task) {
            (0..)
                .zip(&mut row.children)
                .filter(|(child, _)| children.contains(child))
                .for_each(|(_, ours)| ours.forget());
        }
    }

    /// A result that lives in memory only is computed again if a task that is yet to run reads it. A resource that was cleaned
    /// up, or lived in memory, is set up again if a task between its set-up and its clean-up is yet to run; and what sets a
    /// resource up again has it cleaned up again.
    pub(super) fn forget_what_is_needed_again(&mut self, graph: &Graph) {
        let mut open: Vec<TaskId> = (0..id(graph.len())).filter(|task| self.will_run(*task)).collect();
        while !open.is_empty() {
            while let Some(task) = open.pop() {
                for upstream in graph.data_upstream(task) {
                    if self.tasks.get_mut(upstream).is_some_and(Row::forget_what_is_lost) {
                        open.push(*upstream);
                    }
                }
                for block in graph.resource_blocks() {
                    self.forget_of_resource(graph, block, task, &mut open);
                }
            }
            open = self.forget_what_lies_in_others(graph);
        }
    }

    /// What of a resource is needed again, if this task is to run. What is forgotten is to run too.
    fn forget_of_resource(&mut self, graph: &Graph, block: &ResourceBlock, task: TaskId, open: &mut Vec<TaskId>) {
        let (sets_it_up, surrounds) = (block.set_up == task, block.contains(graph, task));
        let mut forget = |plan: &mut Self, task| {
            plan.forget(task);
            open.push(task);
        };
        if surrounds && self.is_gone(block) {
            forget(self, block.set_up);
        }
        let is_there = sets_it_up || surrounds && self.is_set_up(block);
        if is_there && !self.will_run(block.clean_up) {
            forget(self, block.clean_up);
        }
        if sets_it_up {
            // What its clean-up has cleaned up before is not to be cleaned up once more.
            for other in graph.cleaned_up_by(block.clean_up) {
                if self.is_gone(other) {
                    forget(self, other.set_up);
                }
            }
        }
    }

    fn will_run(&self, task: TaskId) -> bool {
        self.tasks.get(&task).is_none_or(Row::will_run)
    }

    /// A resource does not outlive one that it lies in: it is set up again with that, for what is yet to run in it. Gives the
    /// set-ups.
    fn forget_what_lies_in_others(&mut self, graph: &Graph) -> Vec<TaskId> {
        let blocks = graph.resource_blocks();
        let lies_in_another = |set_up| {
            let mut outer = blocks.iter().filter(|outer| self.will_run(outer.set_up));
            outer.any(|outer| outer.contains(graph, set_up))
        };
        let is_used =
            |block: &ResourceBlock| (0..id(graph.len())).any(|task| self.will_run(task) && block.contains(graph, task));
        let again = blocks
            .iter()
            .filter(|block| self.is_set_up(block) && lies_in_another(block.set_up) && is_used(block))
            .map(|block| block.set_up);
        let again: Vec<_> = again.collect();
        for set_up in &again {
            self.forget(*set_up);
        }
        again
    }

    /// Whether a resource was set up, and cleaned up. One that lived in memory is asked for by its clean-up, if that is to run.
    fn is_gone(&self, block: &ResourceBlock) -> bool {
        self.is_set_up(block) && self.tasks.get(&block.clean_up).is_some_and(|clean_up| clean_up.own.has_run())
    }

    fn is_set_up(&self, block: &ResourceBlock) -> bool {
        let kind = self.tasks.get(&block.set_up).map(|set_up| set_up.own.state.kind());
        kind.is_some_and(|kind| kind.is_successful() && !kind.is_skipped())
    }
}

impl Row {
    /// The task run itself, then its children by their numbers.
    pub(super) fn runs(&self) -> impl Iterator<Item = (Option<u32>, &Known)> {
        let children = (0..).zip(&self.children).map(|(child, known)| (Some(child), known));
        std::iter::once((None, &self.own)).chain(children)
    }

    fn runs_mut(&mut self) -> impl Iterator<Item = (Option<u32>, &mut Known)> {
        let children = (0..).zip(&mut self.children).map(|(child, known)| (Some(child), known));
        std::iter::once((None, &mut self.own)).chain(children)
    }

    fn known_mut(&mut self) -> impl Iterator<Item = &mut Known> {
        self.runs_mut().map(|(_, known)| known)
    }

    /// Whether its inputs are asked for. A mapped task takes its lists again if one of its children is to run.
    fn will_run(&self) -> bool {
        let state = &self.own.state;
        let is_mapped = state.kind() == StateKind::Mapped;
        !state.kind().is_finished()
            || is_mapped && !mapped_has_ended(state, self.children.iter().map(|known| &known.state))
    }

    /// Whether something of it has to run again, for whoever reads its result.
    fn forget_what_is_lost(&mut self) -> bool {
        let is_lost = |state: &State| {
            let has_result =
                state.kind().is_successful() && !matches!(state.kind(), StateKind::Skipped | StateKind::Mapped);
            has_result && matches!(state.result(), StateResult::None)
        };
        let mut any = false;
        for known in self.known_mut().filter(|known| is_lost(&known.state)) {
            known.forget();
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
