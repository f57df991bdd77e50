//! The children of mapped tasks.
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::{Engine, Flags, Record, RecordId, RunId};
use crate::flow::graph::{EdgeUse, TaskId, id};
use crate::flow::{Passed, Results, Slot};
use crate::{StateKind, Value};

/// What a mapped task found out: how many children there are, and what they take their elements from.
pub(crate) struct Mapping {
    pub(crate) children: u32,
    /// For each input, if it is a list of which each child takes one element.
    pub(crate) lists: Vec<Option<List>>,
}

/// A list for the children of a mapped task.
#[derive(Clone)]
pub(crate) enum List {
    /// A value that is a list.
    Values(Value),
    /// One item for each child.
    Items(Arc<[Passed]>),
    /// The items of lists that the children of another mapped task gave, or what became of a child that gave none: each
    /// with the number of the child.
    Spliced(Arc<[(u32, Passed)]>),
}

/// What the edges of children bring.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fed {
    /// Lists to take elements of, and values: the same for each child.
    Alike,
    /// Something else for each, or something to be made of it first.
    Apart,
}

impl Fed {
    fn of(slots: &[Slot], lists: &[Option<List>]) -> Self {
        let is_alike = |(i, slot): (usize, &Slot)| match slot {
            Slot::Value(_) | Slot::Upstream(_) => true,
            Slot::Each(each) => each.convert.is_none() && matches!(lists.get(i), Some(Some(List::Values(_)))),
            Slot::Computed(_) => false,
        };
        if slots.iter().enumerate().all(is_alike) { Self::Alike } else { Self::Apart }
    }
}

/// Where the children of one mapped task are.
pub(super) struct Region {
    pub(super) task: TaskId,
    pub(super) first: RecordId,
    pub(super) len: u32,
    /// Those that have not finished.
    pub(super) left: u32,
    /// Whether one of them was no plain success.
    pub(super) flags: Flags,
    pub(super) fed: Fed,
    pub(super) lists: Vec<Option<List>>,
    /// What they gave. Shared with readers of all of them, once all have ended.
    pub(super) results: Arc<Results>,
    /// The regions of which each child reads the child of the same number.
    paired: Box<[Range<RecordId>]>,
    /// The tasks of which each child reads the child of the same number, with the number of edges.
    mapped_over: Box<[(TaskId, u32)]>,
}

impl Region {
    pub(super) fn records(&self) -> Range<RecordId> {
        self.first..self.first + self.len
    }
}

impl Engine {
    #[inline]
    pub(super) fn region(&self, task: TaskId) -> Option<&Region> {
        let place = (*self.region_of.get(task as usize)?)?;
        Some(&self.regions[place as usize])
    }

    /// The place of the region that this record of a child lies in.
    #[inline]
    pub(super) fn region_at(&self, record: RecordId) -> usize {
        self.regions.partition_point(|region| region.first <= record) - 1
    }

    #[inline]
    pub(super) fn child_id(&self, record: RecordId) -> RunId {
        let region = &self.regions[self.region_at(record)];
        RunId { task: region.task, child: Some(record - region.first), record }
    }

    /// The child of another mapped task that gave the item which this child takes from an edge, if the edge brings joined
    /// lists.
    pub(super) fn giver(&self, run: RunId, edge: usize) -> Option<u32> {
        let mut edges = Vec::new();
        let slot = self.graph.slots(run.task)?.iter().position(|slot| {
            slot.push_edges(&mut edges);
            edges.len() > edge
        })?;
        match self.region(run.task)?.lists.get(slot)? {
            Some(List::Spliced(items)) => Some(items[run.child? as usize].0),
            _ => None,
        }
    }

    /// The mapped tasks of which each child of this one reads the child of the same number: where their children start.
    fn paired(&self, task: TaskId) -> Box<[Range<RecordId>]> {
        let uses = self.graph.uses(task).unwrap_or_default();
        let elements = self.graph.upstream(task).iter().zip(uses).filter(|(_, how)| **how == EdgeUse::Element);
        elements.filter_map(|(upstream, _)| self.children(*upstream)).collect()
    }

    /// The tasks that are mapped over this one.
    fn mapped_over(&self, task: TaskId) -> Box<[(TaskId, u32)]> {
        let mut readers = self.graph.readers().of(task).to_vec();
        readers.dedup();
        let edges = readers.into_iter().map(|reader| (reader, self.graph.element_edges(task, reader)));
        edges.filter(|(_, edges)| *edges > 0).collect()
    }

    /// A task is mapped: its children come into being.
    pub(super) fn open_region(&mut self, task: TaskId, mapping: Mapping) {
        let Mapping { children: len, lists } = mapping;
        let first = id(self.records.len());
        let paired = self.paired(task);
        let parent = &self.records[task as usize];
        let (readers, inherited) = (parent.readers, parent.upstream);
        self.records.reserve_exact(len as usize);
        for i in 0..len {
            let (mut waits_for, mut upstream) = (0, inherited);
            for pair in &paired {
                let record = &self.records[(pair.start + i) as usize];
                if !record.kind.is_finished() {
                    waits_for += 1;
                } else if record.kind != StateKind::Success || self.states.contains_key(&(pair.start + i)) {
                    upstream = Flags::Special;
                }
            }
            self.records.push(Record::pending(waits_for, readers, upstream));
        }
        if !self.again.is_empty() {
            self.inherit_earlier(task, first..first + len);
        }
        self.region_of.resize(self.graph.len(), None);
        self.region_of[task as usize] = Some(id(self.regions.len()));
        let flags = Flags::Plain;
        let fed = Fed::of(self.graph.slots(task).unwrap_or_default(), &lists);
        let mapped_over = self.mapped_over(task);
        self.regions.push(Region {
            task,
            first,
            len,
            left: len,
            flags,
            fed,
            lists,
            results: Arc::new(vec![None; len as usize]),
            paired: paired.clone(),
            mapped_over,
        });
        // What an earlier run has left of them.
        let (mut finished, mut later) = (Vec::new(), HashSet::new());
        let given = self.given_children.remove(&task).unwrap_or_default();
        for (child, (state, due)) in (first..first + len).zip(given) {
            if state.kind().is_finished() {
                finished.push((child, self.give_finished(child, state)));
                continue;
            }
            self.give_waiting(child, state, due);
            if due.is_some() {
                later.insert(child);
            }
        }
        // The last released is taken first: so the first child is released last.
        for child in (first..first + len).rev() {
            if self.records[child as usize].is_released() && !later.contains(&child) {
                self.ready.push(child);
            }
        }
        // Nobody reads what the shortest list left over.
        for pair in &paired {
            for child in pair.clone().skip(len as usize) {
                self.release_value(child);
            }
        }
        self.unfinished += len as usize;
        self.unfinished -= 1;
        self.release_readers(task, Flags::Plain, |elements, _| elements);
        if len == 0 {
            self.all_children_finished(self.regions.len() - 1);
        }
        for (child, flags) in finished {
            self.unfinished -= 1;
            self.child_finished(child, flags);
        }
    }

    /// One child less is to be waited for.
    pub(super) fn child_finished(&mut self, record: RecordId, flags: Flags) {
        let at = self.region_at(record);
        let child = record - self.regions[at].first;
        for i in 0..self.regions[at].paired.len() {
            let theirs = self.regions[at].paired[i].start + child;
            self.release_value(theirs);
        }
        for i in 0..self.regions[at].mapped_over.len() {
            let (reader, edges) = self.regions[at].mapped_over[i];
            let theirs = self.children(reader).and_then(|mut children| children.nth(child as usize));
            // One that an earlier run has finished waits for nothing.
            if let Some(theirs) = theirs.filter(|theirs| !self.records[*theirs as usize].kind.is_finished()) {
                self.release(theirs, edges, flags);
            }
        }
        let region = &mut self.regions[at];
        region.left -= 1;
        if flags == Flags::Special {
            region.flags = Flags::Special;
        }
        if region.left == 0 {
            self.all_children_finished(at);
        }
    }

    fn all_children_finished(&mut self, at: usize) {
        let task = self.regions[at].task;
        let graph = Arc::clone(&self.graph);
        let uses = graph.uses(task).unwrap_or_default();
        for (upstream, how) in graph.upstream(task).iter().zip(uses) {
            // What children took of children was given back child by child.
            if *how != EdgeUse::Element || self.region(*upstream).is_none() {
                self.release_result(*upstream);
            }
        }
        let region = &mut self.regions[at];
        let flags = region.flags;
        self.garbage.lists.append(&mut region.lists);
        self.release_readers(task, flags, |elements, all| all - elements);
    }
}
