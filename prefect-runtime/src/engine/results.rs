//! What task runs gave, kept as long as somebody reads it.
use std::sync::Arc;

use super::{Engine, RecordId};
use crate::Value;
use crate::flow::graph::TaskId;

impl Engine {
    /// What a task run gave, if it is kept.
    #[inline]
    pub(super) fn result(&self, at: RecordId) -> Option<&Value> {
        if let Some(result) = self.results.get(at as usize) {
            return result.as_ref();
        }
        let region = &self.regions[self.region_at(at)];
        region.results.get((at - region.first) as usize)?.as_ref()
    }

    /// Keeps the value of a task run for its readers, if it has any.
    #[inline]
    pub(super) fn keep(&mut self, at: RecordId, value: Value) {
        if self.records[at as usize].readers == 0 {
            self.garbage.values.push(value);
        } else if let Some(result) = self.results.get_mut(at as usize) {
            *result = Some(value);
        } else {
            let place = self.region_at(at);
            let region = &mut self.regions[place];
            let child = (at - region.first) as usize;
            // Readers of all children come when all have ended: until then nobody shares what they gave.
            let results = Arc::make_mut(&mut region.results);
            results[child] = Some(value);
        }
    }

    /// One reader less of what a task gave, or of what each of its children gave.
    #[inline]
    pub(super) fn release_result(&mut self, task: TaskId) {
        match self.region_of.get(task as usize) {
            Some(Some(place)) => self.release_children(*place as usize),
            _ => self.release_value(task),
        }
    }

    /// One reader less: the last one frees the value.
    #[inline]
    pub(super) fn release_value(&mut self, at: RecordId) {
        let record = &mut self.records[at as usize];
        record.readers -= 1;
        if record.readers > 0 {
            return;
        }
        let value = if let Some(result) = self.results.get_mut(at as usize) {
            result.take()
        } else {
            let place = self.region_at(at);
            let region = &mut self.regions[place];
            let child = (at - region.first) as usize;
            // Who shares them lets go of all of them at once.
            Arc::get_mut(&mut region.results).and_then(|results| results.get_mut(child)?.take())
        };
        self.garbage.values.extend(value);
    }

    /// One reader less of what each of these children gave.
    fn release_children(&mut self, place: usize) {
        let region = &mut self.regions[place];
        let records = &mut self.records[region.first as usize..(region.first + region.len) as usize];
        let mut still_read = 0;
        for record in &mut *records {
            record.readers -= 1;
            still_read += u32::from(record.readers > 0);
        }
        if still_read == 0 {
            self.garbage.results.push(std::mem::take(&mut region.results));
        } else if still_read < region.len
            && let Some(results) = Arc::get_mut(&mut region.results)
        {
            let unread = records.iter().zip(results).filter(|(record, _)| record.readers == 0);
            self.garbage.values.extend(unread.filter_map(|(_, result)| result.take()));
        }
    }
}
