//! A change of state, as a row of the log.
use super::{FLOW, NO_INDEX, Writing, index_to_sql, values};
use crate::{FlowChange, StateCode, StoreError, TaskChange};

/// A transition, but for its number.
pub(crate) struct Transition<'a> {
    pub(crate) task: i64,
    pub(crate) index: i64,
    pub(crate) version: u32,
    pub(crate) attempt: u32,
    pub(crate) state: StateCode,
    pub(crate) at: i64,
    pub(crate) message: Option<&'a str>,
}

impl<'a> Transition<'a> {
    pub(crate) fn of_task(change: &'a TaskChange) -> Self {
        Self {
            task: i64::from(change.task),
            index: index_to_sql(change.index),
            version: change.version,
            attempt: change.attempt,
            state: change.state,
            at: change.at.0,
            message: change.message.as_deref(),
        }
    }

    pub(crate) fn of_flow(change: &'a FlowChange) -> Self {
        Self { message: change.message.as_deref(), ..Self::flow_run(change.state, change.version, change.at.0) }
    }

    /// One of the flow run.
    pub(crate) const fn flow_run(state: StateCode, version: u32, at: i64) -> Self {
        Self { task: FLOW, index: NO_INDEX, version, attempt: 0, state, at, message: None }
    }

    /// Writes it outside of a batch.
    pub(super) fn add(&self, tx: &mut Writing<'_>, run_no: i64, seq: u64) -> Result<(), StoreError> {
        let Transition { task, index, version, attempt, state, at, message } = *self;
        tx.execute(
            "INSERT INTO transitions(run_no, seq, task_no, map_index, version, attempt, state, at, message) \
             VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &values![run_no, seq, task, index, version, attempt, state, at, message],
        )?;
        Ok(())
    }
}
