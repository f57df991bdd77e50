//! What a worker takes from the engine at once.
use std::ops::Range;
use std::sync::Arc;

use super::{Part, RecordId, RunId, State, UpstreamStates};
use crate::flow::Passed;
use crate::flow::graph::TaskId;

/// A task run to be started.
pub(crate) struct Job {
    pub(crate) run: RunId,
    pub(crate) part: Part,
    /// Grows each time that the task run opens again: who writes for an older one is refused.
    pub(crate) attempt: u32,
    /// The attempt as Prefect counts it, from 1.
    pub(crate) run_count: u32,
    /// How many entries of the batch's `passed` are its own.
    pub(crate) passed: u32,
    /// What only some have.
    pub(crate) more: Option<Box<More>>,
}

impl Job {
    /// The first attempt of a body.
    #[inline]
    pub(super) const fn first(run: RunId) -> Self {
        Self { run, part: Part::Body, attempt: 1, run_count: 1, passed: 0, more: None }
    }
}

/// See [`Job::more`].
#[derive(Default)]
pub(crate) struct More {
    /// The state it is in, if not plainly `Pending`.
    pub(crate) old: Option<State>,
    /// The states of all that is upstream, one for each task, if they are not all plain successes or if they are asked for.
    pub(crate) upstream: Option<UpstreamStates>,
    /// Whether it comes back from a pause.
    pub(crate) resumed: bool,
}

/// Children of one mapped task, on their first attempt, whose edges bring all of them the same: lists that each takes its
/// element of, and values. They need no job each.
pub(crate) struct Stretch {
    pub(crate) alike: Arc<Alike>,
    /// The numbers of those that have not started.
    pub(super) left: Range<u32>,
}

/// What the children of a [`Stretch`] have in common.
pub(crate) struct Alike {
    pub(super) task: TaskId,
    /// The record of child 0.
    pub(super) first: RecordId,
    /// What the edges of each bring.
    pub(crate) passed: Box<[Passed]>,
}

impl Alike {
    /// The job of one of the children, if it has to have one; without what its edges bring.
    pub(crate) fn job(&self, child: u32) -> Job {
        Job::first(self.run(child))
    }

    #[inline]
    pub(crate) const fn run(&self, child: u32) -> RunId {
        RunId { task: self.task, child: Some(child), record: self.first + child }
    }
}

/// Jobs that one worker took, and what their edges bring, job by job; after them a stretch of children.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) jobs: Vec<Job>,
    pub(crate) passed: Vec<Passed>,
    pub(crate) stretch: Option<Stretch>,
}

/// One entry of a batch.
pub(crate) enum Work {
    Job(Job),
    /// The child of this number, of the batch's stretch.
    Child(u32),
}

impl Batch {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.stretch.as_ref().is_none_or(|stretch| stretch.left.is_empty())
    }

    /// What the children of its stretch have in common.
    #[inline]
    pub(crate) fn alike(&self) -> Option<Arc<Alike>> {
        self.stretch.as_ref().map(|stretch| Arc::clone(&stretch.alike))
    }

    /// The next task run; what the edges of a job bring goes into `passed`.
    #[expect(clippy::inline_always, reason = "once for each task run, and measured")]
    #[inline(always)]
    pub(crate) fn next(&mut self, passed: &mut Vec<Passed>) -> Option<Work> {
        match self.pop(passed) {
            Some(job) => Some(Work::Job(job)),
            None => self.stretch.as_mut()?.left.next().map(Work::Child),
        }
    }

    /// The last job; what its edges bring goes into `passed`.
    #[expect(clippy::inline_always, reason = "once for each task run, and measured")]
    #[inline(always)]
    pub(crate) fn pop(&mut self, passed: &mut Vec<Passed>) -> Option<Job> {
        let job = self.jobs.pop()?;
        let at = self.passed.len() - job.passed as usize;
        debug_assert!(passed.is_empty(), "nothing may be dropped under the lock that a caller holds");
        if at == 0 {
            // All of it: often many edges of one task, or the few of a batch of one.
            std::mem::swap(passed, &mut self.passed);
        } else {
            passed.extend(self.passed.drain(at..));
        }
        Some(job)
    }

    /// Half of what is left, rounded up, moves to `other`, which is empty.
    pub(crate) fn give_half(&mut self, other: &mut Self) {
        let half = self.jobs.len().div_ceil(2);
        let passed: u32 = self.jobs[..half].iter().map(|job| job.passed).sum();
        other.jobs.extend(self.jobs.drain(..half));
        other.passed.extend(self.passed.drain(..passed as usize));
        debug_assert!(other.stretch.is_none(), "nothing may be dropped under the lock that a caller holds");
        if let Some(Stretch { alike, left }) = self.stretch.as_mut().filter(|stretch| !stretch.left.is_empty()) {
            let at = left.start + (left.end - left.start) / 2;
            other.stretch = Some(Stretch { alike: Arc::clone(alike), left: at..left.end });
            left.end = at;
        }
    }
}
