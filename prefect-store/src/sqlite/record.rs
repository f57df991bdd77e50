//! The hot path: a batch in one transaction.
use rusqlite::{CachedStatement, params};

use super::rows::state;
use super::told::Told;
use super::write::Writing;
use super::{FLOW, INLINE, NO_INDEX, index_to_sql};
use crate::backend::{Change, Recorded};
use crate::owned::Recording;
use crate::writer::{Batch, Row};
use crate::{FlowChange, Found, StateCode, StoreError, StoredResult, TaskChange};

/// Only the owner of the run, and only what comes next: a batch that was committed already is held up here too.
const FENCE: &str = "UPDATE flow_runs SET n_ok=n_ok+?1, n_failed=n_failed+?2, last_seq=?3 \
                     WHERE run_no=?4 AND proc_no=?5 AND epoch=?6 AND last_seq=?7";

const INSERT: &str = "INSERT INTO task_runs(run_no, task_no, map_index, state, version, attempt, started_at, ended_at, \
                      message, codec, result, detail) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
                      ON CONFLICT DO NOTHING";

const UPDATE: &str = "UPDATE task_runs SET state=?4, version=?5, attempt=?6, started_at=coalesce(?7, started_at), \
                      ended_at=?8, message=?9, codec=?10, result=?11, detail=?12 \
                      WHERE run_no=?1 AND task_no=?2 AND map_index=?3 AND version=?13 AND state=?14 AND attempt<=?15";

const BODY: &str = "INSERT INTO results(run_no, task_no, map_index, body) VALUES(?1, ?2, ?3, ?4) \
                    ON CONFLICT DO UPDATE SET body=excluded.body";

const TRANSITION: &str = "INSERT INTO transitions(run_no, seq, task_no, map_index, version, attempt, state, at, message) \
                          VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

const FLOW_RUN: &str = "UPDATE flow_runs SET state=?1, version=?2, message=?3, \
                        started_at=CASE WHEN ?4 THEN coalesce(started_at, ?5) ELSE started_at END, \
                        ended_at=CASE WHEN ?6 THEN ?5 END, proc_no=CASE WHEN ?7 THEN NULL ELSE proc_no END \
                        WHERE run_no=?8 AND version=?9";

/// The statements that are run for each entry, looked up once for a batch.
struct Statements<'a> {
    insert: CachedStatement<'a>,
    update: CachedStatement<'a>,
    transition: CachedStatement<'a>,
}

pub(super) fn record(tx: Writing<'_>, batch: &Batch<'_>) -> Result<Recorded, StoreError> {
    let mut fenced = Vec::new();
    for (number, part) in batch.parts.iter().enumerate() {
        let run = &part.run;
        let mine = tx.execute(
            FENCE,
            params![part.ok, part.failed, part.seq, run.run_no, run.proc_no, run.epoch.0, part.seq_before],
        )?;
        if mine == 0 {
            fenced.push(number);
        }
    }
    if fenced.len() == batch.parts.len() {
        return Ok(Recorded::Committed { fenced });
    }
    if let Some(refused) = write(&tx, batch, &fenced)? {
        return Ok(refused);
    }
    tx.commit()?;
    Ok(Recorded::Committed { fenced })
}

/// Writes what is not fenced; gives what does not fit.
fn write(tx: &Writing<'_>, batch: &Batch<'_>, fenced: &[usize]) -> Result<Option<Recorded>, StoreError> {
    let prepare = |sql| tx.sql.prepare_cached(sql).map_err(|error| super::errors::from_sqlite(tx.path, &error));
    let mut statements =
        Statements { insert: prepare(INSERT)?, update: prepare(UPDATE)?, transition: prepare(TRANSITION)? };
    for row in &batch.rows {
        if fenced.contains(&row.part) {
            continue;
        }
        let run = &*batch.parts[row.part].run;
        if !write_row(tx, &mut statements, batch, row, run)? {
            let Change::Task(change) = &batch.entries[row.first].change else { continue };
            let found = tx.find(
                "SELECT state, version, attempt FROM task_runs WHERE run_no=?1 AND task_no=?2 AND map_index=?3",
                params![run.run_no, change.task, index_to_sql(change.index)],
                |row| Ok(Found { state: state(row, 0)?, version: row.get(1)?, attempt: row.get(2)? }),
            )?;
            return Ok(Some(Recorded::Refused { entry: row.first, found }));
        }
    }
    let mut told = Told::default();
    for (i, (entry, place)) in batch.entries.iter().zip(&batch.places).enumerate() {
        let Some(place) = place.filter(|place| !fenced.contains(&place.part)) else { continue };
        let run = &*entry.run;
        match &entry.change {
            Change::Task(change) => {
                write_transition(tx, &mut statements.transition, run, place.seq, &Transition::of_task(change))?;
                told.add(run, change);
            }
            Change::Flow(change) => {
                if !write_flow(tx, run, change)? {
                    let found =
                        tx.find("SELECT state, version FROM flow_runs WHERE run_no=?1", [run.run_no], |row| {
                            Ok(Found { state: state(row, 0)?, version: row.get(1)?, attempt: 0 })
                        })?;
                    return Ok(Some(Recorded::Refused { entry: i, found }));
                }
                write_transition(tx, &mut statements.transition, run, place.seq, &Transition::of_flow(change))?;
                told.add_of_flow(run, change);
            }
        }
    }
    told.write(tx)?;
    Ok(None)
}

/// Whether the row was as the first change expects it.
fn write_row(
    tx: &Writing<'_>,
    statements: &mut Statements<'_>,
    batch: &Batch<'_>,
    row: &Row,
    run: &Recording,
) -> Result<bool, StoreError> {
    let (Change::Task(first), Change::Task(last)) = (&batch.entries[row.first].change, &batch.entries[row.last].change)
    else {
        return Ok(true);
    };
    let index = index_to_sql(last.index);
    let ended = last.state.is_terminal().then_some(last.at.0);
    let codec = last.result.as_ref().map(|result| result.codec);
    let (inline, body) = match &last.result {
        Some(StoredResult { bytes, .. }) if bytes.len() > INLINE => (None, Some(bytes)),
        Some(StoredResult { bytes, .. }) => (Some(bytes), None),
        None => (None, None),
    };
    tx.step()?;
    let written = if first.version <= 1 {
        statements.insert.execute(params![
            run.run_no,
            last.task,
            index,
            last.state.number(),
            last.version,
            last.attempt,
            row.started_at,
            ended,
            last.message,
            codec,
            inline,
            last.detail,
        ])
    } else {
        statements.update.execute(params![
            run.run_no,
            last.task,
            index,
            last.state.number(),
            last.version,
            last.attempt,
            row.started_at,
            ended,
            last.message,
            codec,
            inline,
            last.detail,
            first.version - 1,
            first.from.number(),
            first.attempt,
        ])
    };
    let written = written.map_err(|error| super::errors::from_sqlite(tx.path, &error))?;
    if written == 1
        && let Some(body) = body
    {
        tx.execute(BODY, params![run.run_no, last.task, index, body])?;
    }
    Ok(written == 1)
}

/// Whether the flow run was at the change before this one.
fn write_flow(tx: &Writing<'_>, run: &Recording, change: &FlowChange) -> Result<bool, StoreError> {
    let starts = change.state == StateCode::RUNNING;
    let written = tx.execute(
        FLOW_RUN,
        params![
            change.state.number(),
            change.version,
            change.message,
            starts,
            change.at.0,
            change.state.is_terminal(),
            change.state.gives_up_ownership(),
            run.run_no,
            change.version.wrapping_sub(1),
        ],
    )?;
    Ok(written == 1)
}

/// A transition, but for its number.
pub(super) struct Transition<'a> {
    pub(super) task: i64,
    pub(super) index: i64,
    pub(super) version: u32,
    pub(super) attempt: u32,
    pub(super) state: StateCode,
    pub(super) at: i64,
    pub(super) message: Option<&'a str>,
}

impl<'a> Transition<'a> {
    fn of_task(change: &'a TaskChange) -> Self {
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

    fn of_flow(change: &'a FlowChange) -> Self {
        Self { message: change.message.as_deref(), ..Self::flow_run(change.state, change.version, change.at.0) }
    }

    /// One of the flow run.
    pub(super) const fn flow_run(state: StateCode, version: u32, at: i64) -> Self {
        Self { task: FLOW, index: NO_INDEX, version, attempt: 0, state, at, message: None }
    }
}

fn write_transition(
    tx: &Writing<'_>,
    statement: &mut CachedStatement<'_>,
    run: &Recording,
    seq: u64,
    transition: &Transition<'_>,
) -> Result<(), StoreError> {
    tx.step()?;
    let Transition { task, index, version, attempt, state, at, message } = *transition;
    statement
        .execute(params![run.run_no, seq, task, index, version, attempt, state.number(), at, message])
        .map_err(|error| super::errors::from_sqlite(tx.path, &error))?;
    Ok(())
}

/// A transition that is written outside of a batch.
pub(super) fn add_transition(
    tx: &Writing<'_>,
    run_no: i64,
    seq: u64,
    transition: &Transition<'_>,
) -> Result<(), StoreError> {
    let Transition { task, index, version, attempt, state, at, message } = *transition;
    tx.execute(TRANSITION, params![run_no, seq, task, index, version, attempt, state.number(), at, message])?;
    Ok(())
}
