//! The hot path: a batch in one transaction.
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::errors::AtPath;
use super::write::SqliteBackend;
use crate::backend::{Change, Recorded};
use crate::faults::Faults;
use crate::owned::Recording;
use crate::sql::outbox::{AT_ONCE, COUNT, TAKEN, TELL};
use crate::sql::{INLINE, Transition, index_to_sql};
use crate::writer::{Batch, Row, Told, ToldRow};
use crate::{FlowChange, Found, Location, Message, StateCode, StoreError, StoredResult};

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

/// The transaction of a batch.
struct Recorder<'a> {
    sql: &'a Connection,
    at: &'a Location,
    faults: &'a Faults,
    /// The statements that are run for each entry, looked up once for a batch.
    insert: CachedStatement<'a>,
    update: CachedStatement<'a>,
    transition: CachedStatement<'a>,
}

/// Writes what is not held up by the fence. The caller has begun the transaction, and ends it.
pub(super) fn record(backend: &SqliteBackend, batch: &Batch<'_>) -> Result<Recorded, StoreError> {
    let (sql, at, faults) = backend.parts();
    let prepare = |statement| sql.prepare_cached(statement).at(at);
    let (insert, update, transition) = (prepare(INSERT)?, prepare(UPDATE)?, prepare(TRANSITION)?);
    let mut tx = Recorder { sql, at, faults, insert, update, transition };
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
    if fenced.len() < batch.parts.len()
        && let Some((entry, found)) = tx.write(batch, &fenced)?
    {
        return Ok(Recorded::Refused { entry, found });
    }
    Ok(Recorded::Committed { fenced })
}

impl Recorder<'_> {
    fn step(&self) -> Result<(), StoreError> {
        self.faults.call(self.at)
    }

    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize, StoreError> {
        self.step()?;
        self.sql.prepare_cached(sql).and_then(|mut statement| statement.execute(params)).at(self.at)
    }

    /// What a row is that was expected to be another one.
    fn found(&self, sql: &str, params: impl rusqlite::Params) -> Result<Option<Found>, StoreError> {
        self.step()?;
        let read = |row: &rusqlite::Row<'_>| {
            let state = StateCode::from_number(row.get(0)?);
            Ok(Found { state, version: row.get(1)?, attempt: row.get(2)? })
        };
        self.sql.prepare_cached(sql).and_then(|mut query| query.query_row(params, read).optional()).at(self.at)
    }

    /// Writes what is not fenced; gives the entry that does not fit, and what is there.
    fn write(&mut self, batch: &Batch<'_>, fenced: &[usize]) -> Result<Option<(usize, Option<Found>)>, StoreError> {
        for row in &batch.rows {
            if fenced.contains(&row.part) {
                continue;
            }
            let run = &*batch.parts[row.part].run;
            if !self.write_row(batch, row, run)? {
                let Change::Task(change) = &batch.entries[row.first].change else { continue };
                let found = self.found(
                    "SELECT state, version, attempt FROM task_runs WHERE run_no=?1 AND task_no=?2 AND map_index=?3",
                    params![run.run_no, change.task, index_to_sql(change.index)],
                )?;
                return Ok(Some((row.first, found)));
            }
        }
        for (i, (entry, place)) in batch.entries.iter().zip(&batch.places).enumerate() {
            let Some(place) = place.filter(|place| !fenced.contains(&place.part)) else { continue };
            let run = &*entry.run;
            match &entry.change {
                Change::Task(change) => {
                    self.write_transition(run, place.seq, &Transition::of_task(change))?;
                }
                Change::Flow(change) => {
                    if !self.write_flow(run, change)? {
                        let sql = "SELECT state, version, 0 FROM flow_runs WHERE run_no=?1";
                        return Ok(Some((i, self.found(sql, [run.run_no])?)));
                    }
                    self.write_transition(run, place.seq, &Transition::of_flow(change))?;
                }
            }
        }
        for row in &Told::by(batch, fenced).rows {
            self.tell(row)?;
        }
        Ok(None)
    }

    /// The process that records a notification has it.
    fn tell(&self, row: &ToldRow) -> Result<(), StoreError> {
        let ToldRow { run: (run_no, epoch, proc_no), ticket, message, task, state, at, changes, causes } = row;
        let Message { kind, to, payload } = &**message;
        let state = state.number();
        self.execute(
            TELL,
            params![run_no, epoch, ticket, kind, to, payload, task, state, changes, TAKEN, proc_no, at.0, AT_ONCE],
        )?;
        for (cause, count) in causes {
            self.execute(COUNT, params![run_no, epoch, ticket, &**cause, count])?;
        }
        Ok(())
    }

    /// Whether the row was as the first change expects it.
    fn write_row(&mut self, batch: &Batch<'_>, row: &Row, run: &Recording) -> Result<bool, StoreError> {
        let (Change::Task(first), Change::Task(last)) =
            (&batch.entries[row.first].change, &batch.entries[row.last].change)
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
        self.step()?;
        let written = if first.version <= 1 {
            self.insert.execute(params![
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
            self.update.execute(params![
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
        let written = written.at(self.at)?;
        if written == 1
            && let Some(body) = body
        {
            self.execute(BODY, params![run.run_no, last.task, index, body])?;
        }
        Ok(written == 1)
    }

    /// Whether the flow run was at the change before this one.
    fn write_flow(&self, run: &Recording, change: &FlowChange) -> Result<bool, StoreError> {
        let starts = change.state == StateCode::RUNNING;
        let written = self.execute(
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

    fn write_transition(&mut self, run: &Recording, seq: u64, transition: &Transition<'_>) -> Result<(), StoreError> {
        self.step()?;
        let Transition { task, index, version, attempt, state, at, message } = *transition;
        self.transition
            .execute(params![run.run_no, seq, task, index, version, attempt, state.number(), at, message])
            .at(self.at)?;
        Ok(())
    }
}
