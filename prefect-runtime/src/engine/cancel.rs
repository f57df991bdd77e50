//! A run that is cancelled.
use std::collections::BTreeSet;

use super::{Batch, Engine, Flags};
use crate::StateKind;
use crate::flow::graph::id;

impl Engine {
    /// Takes back what was handed out and has not started. What it was given is left in the batch, to be dropped outside
    /// every lock.
    pub(crate) fn take_back(&mut self, batch: &mut Batch) {
        for job in &mut batch.jobs {
            let at = job.run.record;
            let old = job.more.as_mut().and_then(|more| more.old.take());
            self.records[at as usize].kind = old.as_ref().map_or(StateKind::Pending, crate::State::kind);
            self.garbage.states.extend(old.and_then(|old| self.states.insert(at, old)));
        }
        if let Some(stretch) = &batch.stretch {
            for child in stretch.left.clone() {
                self.records[stretch.alike.run(child).record as usize].kind = StateKind::Pending;
            }
        }
    }

    /// Makes the clean-ups ready of the resources that are set up, inner ones before outer ones; from now on nothing else
    /// becomes ready. False if there are none.
    pub(crate) fn release_clean_ups(&mut self) -> bool {
        let blocks = self.graph.resource_blocks().iter();
        let is_set_up = |task| self.kind_of(task).is_successful();
        let open = blocks.filter(|block| is_set_up(block.set_up) && !self.kind_of(block.clean_up).is_finished());
        let clean_ups: BTreeSet<_> = open.map(|block| block.clean_up).collect();
        while self.ready.pop().is_some() {}
        self.scheduled.clear();
        self.delayed.clear();
        for task in &clean_ups {
            let waits_for = self.graph.upstream(*task).iter().filter(|upstream| clean_ups.contains(upstream)).count();
            let record = &mut self.records[*task as usize];
            record.waits_for = id(waits_for);
            // It has to look at what has become of the others.
            record.upstream = Flags::Special;
            if waits_for == 0 {
                self.ready.push(*task);
            }
        }
        let any = !clean_ups.is_empty();
        self.cleaning = Some(clean_ups);
        any
    }
}
