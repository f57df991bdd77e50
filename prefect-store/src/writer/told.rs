//! The notifications of a batch: those that are told together are written together.
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::Batch;
use crate::backend::Change;
use crate::owned::Recording;
use crate::sql::FLOW;
use crate::{Message, Micros, Notification, StateCode};

/// What a batch tells, by run and ticket, in the order in which it came.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) rows: Vec<ToldRow>,
    places: HashMap<(i64, i64, u32), usize>,
}

/// A row of the outbox, or what is added to it.
pub(crate) struct ToldRow {
    /// The run, its owner, and the process of that.
    pub(crate) run: (i64, i64, i64),
    pub(crate) ticket: u32,
    pub(crate) message: Arc<Message>,
    pub(crate) task: i64,
    pub(crate) state: StateCode,
    pub(crate) at: Micros,
    pub(crate) changes: u64,
    pub(crate) causes: HashMap<Arc<str>, u64>,
}

impl Told {
    /// What those entries tell that are written.
    pub(crate) fn by(batch: &Batch<'_>, fenced: &[usize]) -> Self {
        let mut told = Self::default();
        for (entry, place) in batch.entries.iter().zip(&batch.places) {
            if place.is_none_or(|place| fenced.contains(&place.part)) {
                continue;
            }
            match &entry.change {
                Change::Task(change) => {
                    for notification in &change.notifications {
                        told.push(&entry.run, notification, change.task.into(), change.state, change.at);
                    }
                }
                Change::Flow(change) => {
                    for notification in &change.notifications {
                        told.push(&entry.run, notification, FLOW, change.state, change.at);
                    }
                }
            }
        }
        told
    }

    fn push(&mut self, run: &Recording, notification: &Notification, task: i64, state: StateCode, at: Micros) {
        let Notification { ticket, message, cause } = notification;
        let run = (run.run_no, run.epoch.0, run.proc_no);
        let place = match self.places.entry((run.0, run.1, *ticket)) {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(place) => {
                let (message, ticket) = (Arc::clone(message), *ticket);
                self.rows.push(ToldRow { run, ticket, message, task, state, at, changes: 0, causes: HashMap::new() });
                *place.insert(self.rows.len() - 1)
            }
        };
        let row = &mut self.rows[place];
        row.changes += 1;
        if let Some(cause) = cause {
            match row.causes.get_mut(cause) {
                Some(count) => *count += 1,
                None => drop(row.causes.insert(Arc::clone(cause), 1)),
            }
        }
    }
}
