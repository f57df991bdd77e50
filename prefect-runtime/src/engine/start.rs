//! Task runs that are ready, with what their edges bring.
use std::sync::Arc;

use super::region::{Fed, Region};
use super::{Alike, Batch, Engine, Flags, Job, List, More, Part, RecordId, RunId, Stretch, UpstreamStates};
use crate::StateKind;
use crate::flow::graph::{EdgeUse, TaskId, id};
use crate::flow::inputs::{Each, EachOf};
use crate::flow::{Children, Passed, Slot};

impl Engine {
    /// Takes up to `max` ready task runs, the last released first, into an empty batch.
    pub(crate) fn take(&mut self, max: usize, batch: &mut Batch) {
        let mut left = max;
        while left > 0
            && let Some(record) = self.ready.pop()
        {
            let is_child = record as usize >= self.graph.len();
            match if is_child && batch.stretch.is_none() { self.stretch(record, left) } else { None } {
                Some(stretch) => {
                    left -= stretch.left.len();
                    batch.stretch = Some(stretch);
                }
                None => {
                    self.start(record, batch);
                    left -= 1;
                }
            }
        }
    }

    /// Starts up to `max` children of one mapped task, from this one on, if nothing is to be looked at but values that are
    /// the same for all of them.
    fn stretch(&mut self, at: RecordId, max: usize) -> Option<Stretch> {
        // The next child lies below it, if it is ready too.
        if self.ready.peek() != Some(at + 1) {
            return None;
        }
        let region = &self.regions[self.region_at(at)];
        let Region { task, first, fed, .. } = *region;
        let records = region.records();
        let run = |record| RunId { task, child: Some(record - first), record };
        if fed == Fed::Apart || !self.again.is_empty() || !self.is_plain(run(at)) {
            return None;
        }
        let mut end = at + 1;
        while ((end - at) as usize) < max
            && self.ready.peek() == Some(end)
            && records.contains(&end)
            && self.is_plain(run(end))
        {
            self.ready.pop();
            end += 1;
        }
        let mut passed = Vec::new();
        self.pass_elements(task, at - first, true, &mut passed);
        for record in &mut self.records[at as usize..end as usize] {
            record.kind = StateKind::Running;
        }
        let alike = Arc::new(Alike { task, first, passed: passed.into() });
        Some(Stretch { alike, left: at - first..end - first })
    }

    /// What has become ready, for an executor with an order of its own: it [starts](Self::start) each once.
    pub(crate) fn drain_ready(&mut self) -> impl Iterator<Item = RecordId> {
        std::iter::from_fn(|| self.ready.pop())
    }

    /// Starts a task run that was ready.
    #[inline]
    pub(crate) fn start(&mut self, at: RecordId, batch: &mut Batch) {
        if !self.again.is_empty() && self.sees_earlier(at) {
            return self.start_with_earlier(at, batch);
        }
        self.start_with_latest(at, batch);
    }

    #[inline]
    pub(super) fn start_with_latest(&mut self, at: RecordId, batch: &mut Batch) {
        let run = self.run_id(at);
        let mut job = Job::first(run);
        let before = batch.passed.len();
        let plain = self.is_plain(run);
        match (self.graph.uses(run.task), run.child) {
            (None, _) => {
                let upstream = self.graph.data_upstream(run.task);
                batch.passed.reserve(upstream.len());
                for upstream in upstream {
                    batch.passed.push(self.passed_by(*upstream, run.task, plain));
                }
            }
            (Some(_), None) => {
                job.part = Part::Mapping;
                self.pass_lists(run.task, batch);
            }
            (Some(_), Some(child)) => self.pass_elements(run.task, child, plain, &mut batch.passed),
        }
        job.passed = id(batch.passed.len() - before);
        if !plain {
            self.more(&mut job);
        }
        self.records[at as usize].kind = StateKind::Running;
        batch.jobs.push(job);
    }

    /// Whether nothing has to be looked at but values: everything upstream succeeded, and that is all that is asked for.
    #[inline]
    fn is_plain(&self, run: RunId) -> bool {
        let kind = self.graph.kind(run.task);
        let record = &self.records[run.record as usize];
        record.upstream == Flags::Plain
            && kind.definition.trigger.0.is_none()
            && !kind.wants_states
            && record.kind == StateKind::Pending
            // A handler may have sent it back to `Pending`: then it is in another attempt, and in a state that says more.
            && (self.attempts.is_empty() || !self.attempts.contains_key(&run.record))
    }

    /// What an edge brings: the value of the task, or its state where there is none or states are asked for.
    #[inline]
    fn passed_by(&self, upstream: TaskId, reader: TaskId, plain: bool) -> Passed {
        if !self.regions.is_empty()
            && let Some(region) = self.region(upstream)
        {
            return Passed::Children(if plain {
                Children::Values(Arc::clone(&region.results))
            } else {
                region.records().map(|child| self.passed_by_run(child, reader, false)).collect()
            });
        }
        self.passed_by_run(upstream, reader, plain)
    }

    #[inline]
    fn passed_by_run(&self, upstream: RecordId, reader: TaskId, plain: bool) -> Passed {
        if plain {
            let value = self.result(upstream).cloned();
            // A plain success has the value of its body as long as a reader is left: this one.
            return Passed::Value(value.expect("a plain success keeps its value for its readers"));
        }
        if self.graph.kind(reader).wants_states {
            return Passed::State(Box::new(self.state(upstream)));
        }
        self.value_or_state(upstream)
    }

    /// For a task that is to be mapped: what its lists are made of.
    fn pass_lists(&self, task: TaskId, batch: &mut Batch) {
        for slot in self.graph.slots(task).unwrap_or_default() {
            let Slot::Each(Each { of, elements, .. }) = slot else { continue };
            let upstream = match of {
                EachOf::Task(upstream) => upstream,
                EachOf::Tasks(tasks) => {
                    batch.passed.extend(tasks.iter().map(|task| self.value_or_state(*task)));
                    continue;
                }
                EachOf::Constant(_) => continue,
            };
            batch.passed.push(match (self.region(*upstream), elements.nesting) {
                (Some(region), crate::flow::Nesting::Plain) => Passed::Count(region.len),
                (Some(region), crate::flow::Nesting::Flattened) => {
                    Passed::Children(region.records().map(|child| self.passed_by_run(child, task, false)).collect())
                }
                (None, _) => self.value_or_state(*upstream),
            });
        }
    }

    fn value_or_state(&self, at: RecordId) -> Passed {
        let mut state = self.state(at);
        let value = if state.kind().is_successful() { state.take_value() } else { None };
        value.map_or_else(|| Passed::State(Box::new(state)), Passed::Value)
    }

    fn pass_elements(&self, task: TaskId, child: u32, plain: bool, passed: &mut Vec<Passed>) {
        let region = self.region(task).expect("a child has a region");
        for (i, slot) in self.graph.slots(task).unwrap_or_default().iter().enumerate() {
            match slot {
                Slot::Value(_) => {}
                Slot::Upstream(upstream) => passed.push(self.passed_by(*upstream, task, plain)),
                Slot::Computed(computed) => {
                    let each = computed.upstream.iter().map(|upstream| self.passed_by(*upstream, task, plain));
                    passed.extend(each);
                }
                Slot::Each(each) => passed.push(match (region.lists.get(i), &each.of) {
                    (Some(Some(List::Values(list))), _) => Passed::List(list.clone()),
                    (Some(Some(List::Items(items))), _) => items[child as usize].clone(),
                    (Some(Some(List::Spliced(items))), _) => items[child as usize].1.clone(),
                    (_, EachOf::Task(upstream)) => match self.region(*upstream) {
                        Some(theirs) => self.passed_by_run(theirs.first + child, task, plain),
                        // It has failed, and another list decides how many children there are.
                        None => Passed::State(Box::new(self.state(*upstream))),
                    },
                    (_, EachOf::Constant(_) | EachOf::Tasks(_)) => unreachable!("a list, or nothing is mapped"),
                }),
            }
        }
    }

    #[cold]
    fn more(&mut self, job: &mut Job) {
        let at = job.run.record;
        let states = self.upstream_states(job.run);
        (job.attempt, job.run_count) = self.attempt(at);
        let old = self.states.remove(&at);
        let resumed = old.as_ref().is_some_and(|old| matches!(old.kind(), StateKind::Resume | StateKind::Paused));
        job.more = Some(Box::new(More { old, upstream: Some(states), resumed }));
    }

    /// The states of what is upstream. A trigger counts each upstream task once, however many inputs it gives; of a mapped
    /// task it counts the children, and where the reader is mapped over it, the one that a child takes its element from.
    fn upstream_states(&self, run: RunId) -> UpstreamStates {
        let uses = self.graph.uses(run.task).unwrap_or_default();
        let upstream = self.graph.upstream(run.task).iter().enumerate();
        let mut records: Vec<RecordId> = Vec::new();
        for (i, upstream) in upstream {
            let how = uses.get(i).copied().unwrap_or(EdgeUse::Whole);
            match (self.children(*upstream), run.child, how) {
                (Some(children), _, EdgeUse::Whole) => records.extend(children),
                (Some(children), Some(child), EdgeUse::Element) => records.push(children.start + child),
                (Some(children), Some(_), EdgeUse::Flattened) => {
                    let giver = self.giver(run, i).expect("a child has an item of the joined lists");
                    records.push(children.start + giver);
                }
                _ => records.push(*upstream),
            }
        }
        records.sort_unstable();
        records.dedup();
        let states = records.iter().map(|record| self.state(*record)).collect();
        UpstreamStates { records, states }
    }
}
