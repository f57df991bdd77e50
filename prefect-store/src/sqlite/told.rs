//! The notifications of a batch: those that are told together are written together.
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use rusqlite::params;

use super::outbox::TAKEN;
use super::write::Writing;
use super::{FLOW, outbox};
use crate::owned::Recording;
use crate::{FlowChange, Message, Micros, Notification, StateCode, StoreError, TaskChange};

const TELL: &str = "INSERT INTO outbox(run_no, epoch, ticket, kind, dest, payload, task_no, state, changes, status, attempts, \
                    proc_no, created_at, not_before) VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $12, $13) \
                    ON CONFLICT(run_no, epoch, ticket) DO UPDATE SET changes = outbox.changes + excluded.changes";

const COUNT: &str = "INSERT INTO outbox_causes(run_no, epoch, ticket, cause, n) VALUES($1, $2, $3, $4, $5) \
                     ON CONFLICT(run_no, epoch, ticket, cause) DO UPDATE SET n = outbox_causes.n + excluded.n";

/// What a batch tells, by run and ticket, in the order in which it came.
#[derive(Default)]
pub(super) struct Told {
    rows: Vec<Row>,
    places: HashMap<(i64, i64, u32), usize>,
}

struct Row {
    /// The run, its owner, and the process of that.
    run: (i64, i64, i64),
    ticket: u32,
    message: Arc<Message>,
    task: i64,
    state: StateCode,
    at: Micros,
    changes: u64,
    causes: HashMap<Arc<str>, u64>,
}

impl Told {
    pub(super) fn add(&mut self, run: &Recording, change: &TaskChange) {
        for notification in &change.notifications {
            self.push(run, notification, i64::from(change.task), change.state, change.at);
        }
    }

    pub(super) fn add_of_flow(&mut self, run: &Recording, change: &FlowChange) {
        for notification in &change.notifications {
            self.push(run, notification, FLOW, change.state, change.at);
        }
    }

    fn push(&mut self, run: &Recording, notification: &Notification, task: i64, state: StateCode, at: Micros) {
        let Notification { ticket, message, cause } = notification;
        let run = (run.run_no, run.epoch.0, run.proc_no);
        let place = match self.places.entry((run.0, run.1, *ticket)) {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(place) => {
                let (message, ticket) = (Arc::clone(message), *ticket);
                self.rows.push(Row { run, ticket, message, task, state, at, changes: 0, causes: HashMap::new() });
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

    /// The process that records them has them.
    pub(super) fn write(&self, tx: &Writing<'_>) -> Result<(), StoreError> {
        for Row { run: (run_no, epoch, proc_no), ticket, message, task, state, at, changes, causes } in &self.rows {
            let Message { kind, to, payload } = &**message;
            let state = state.number();
            tx.execute(
                TELL,
                params![
                    run_no,
                    epoch,
                    ticket,
                    kind,
                    to,
                    payload,
                    task,
                    state,
                    changes,
                    TAKEN,
                    proc_no,
                    at.0,
                    outbox::AT_ONCE
                ],
            )?;
            for (cause, count) in causes {
                tx.execute(COUNT, params![run_no, epoch, ticket, &**cause, count])?;
            }
        }
        Ok(())
    }
}
