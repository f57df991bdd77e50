//! The statement of a part of a batch.
use postgres::Error;
use postgres::types::ToSql;

use super::columns::Columns;
use crate::postgres::session::Session;
use crate::sql::outbox::{AT_ONCE, TAKEN};
use crate::writer::Part;

/// Only the owner of the run, and only what comes next: a batch that was committed already is held up here too.
const FENCE: &str = "\
    WITH fence AS (UPDATE flow_runs SET n_ok=n_ok+$5, n_failed=n_failed+$6, last_seq=$7, version=version+$8::bigint, \
    state=coalesce($9::bigint, state), message=CASE WHEN $8::bigint=0 THEN message ELSE $10::text END, \
    started_at=coalesce(started_at, $11::bigint), ended_at=CASE WHEN $8::bigint=0 THEN ended_at ELSE $12::bigint END, \
    proc_no=CASE WHEN $13::bool THEN NULL ELSE proc_no END \
    WHERE run_no=$1 AND proc_no=$2 AND epoch=$3 AND last_seq=$4 RETURNING run_no, version), ";

/// Expectations are NULL for what is new: they fit no row that is there. A row that fits keeps none.
const TASK_RUNS: &str = "\
    task_run AS (INSERT INTO task_runs AS x(run_no, task_no, map_index, state, version, attempt, started_at, ended_at, message, \
    codec, result, detail, expects_version, expects_state, expects_attempt) \
    SELECT fence.run_no, u.* FROM fence, unnest($14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], \
    $19::bigint[], $20::bigint[], $21::text[], $22::bigint[], $23::bytea[], $24::text[], $25::bigint[], $26::bigint[], \
    $27::bigint[]) AS u \
    ON CONFLICT (run_no, task_no, map_index) DO UPDATE SET state=excluded.state, version=excluded.version, \
    attempt=excluded.attempt, started_at=coalesce(excluded.started_at, x.started_at), ended_at=excluded.ended_at, \
    message=excluded.message, codec=excluded.codec, result=excluded.result, detail=excluded.detail, \
    expects_version=NULL, expects_state=NULL, expects_attempt=NULL \
    WHERE x.version=excluded.expects_version AND x.state=excluded.expects_state AND x.attempt<=excluded.expects_attempt \
    RETURNING x.expects_version IS NULL AS fits), ";

const TRANSITIONS: &str = "\
    transition AS (INSERT INTO transitions(run_no, seq, task_no, map_index, version, attempt, state, at, message) \
    SELECT fence.run_no, u.* FROM fence, unnest($28::bigint[], $29::bigint[], $30::bigint[], $31::bigint[], $32::bigint[], \
    $33::bigint[], $34::bigint[], $35::text[]) AS u) ";

const BODIES: &str = ", \
    body AS (INSERT INTO results(run_no, task_no, map_index, body) \
    SELECT fence.run_no, u.* FROM fence, unnest($38::bigint[], $39::bigint[], $40::bytea[]) AS u \
    ON CONFLICT (run_no, task_no, map_index) DO UPDATE SET body=excluded.body) ";

/// The process that records a notification has it: see [`TELL`](crate::sql::outbox::TELL).
const OUTBOX: &str = ", \
    message AS (INSERT INTO outbox AS x(run_no, epoch, proc_no, status, attempts, not_before, ticket, kind, dest, payload, task_no, \
    state, changes, created_at) \
    SELECT fence.run_no, $3, $2, $41::bigint, 1, $42::bigint, u.* FROM fence, unnest($43::bigint[], $44::text[], $45::text[], \
    $46::text[], $47::bigint[], $48::bigint[], $49::bigint[], $50::bigint[]) AS u \
    ON CONFLICT (run_no, epoch, ticket) DO UPDATE SET changes = x.changes + excluded.changes), \
    cause AS (INSERT INTO outbox_causes AS x(run_no, epoch, ticket, cause, n) \
    SELECT fence.run_no, $3, u.* FROM fence, unnest($51::bigint[], $52::text[], $53::bigint[]) AS u \
    ON CONFLICT (run_no, epoch, ticket, cause) DO UPDATE SET n = x.n + excluded.n) ";

/// Gives whether the fence let it through. A row that is not there gives no count, and one that was not expected counts not.
const VERDICT: &str = "\
    SELECT (SELECT count(*) FROM fence), 1 / CASE WHEN NOT EXISTS(SELECT FROM fence) THEN 1 \
    WHEN (SELECT count(*) FROM task_run WHERE fits) = $36::bigint \
    AND coalesce((SELECT version FROM fence) = $37::bigint, true) THEN 1 ELSE 0 END";

const BODY: &str = "INSERT INTO results(run_no, task_no, map_index, body) VALUES($1, $2, $3, $4) \
                    ON CONFLICT (run_no, task_no, map_index) DO UPDATE SET body=excluded.body";

const NO_NUMBERS: &[i64] = &[];
const NO_BYTES: &[&[u8]] = &[];

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Done,
    Fenced,
    /// Something was not as it was expected: the transaction is undone.
    Refused,
}

impl Columns<'_> {
    /// Writes all of it. Gives what came of it.
    pub(super) fn write(&self, part: &Part, session: &mut Session) -> Result<Written, Error> {
        let run = &part.run;
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let (before, seq, rows) = (number(part.seq_before), number(part.seq), number(self.rows.len() as u64));
        let log = &self.log;
        let mut sql = [FENCE, TASK_RUNS, TRANSITIONS].concat();
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![
            &run.run_no,
            &run.proc_no,
            &run.epoch.0,
            &before,
            &part.ok,
            &part.failed,
            &seq,
            &self.flow_changes,
            &self.state,
            &self.message,
            &self.started_at,
            &self.ended_at,
            &part.gives_up,
            &self.task,
            &self.index,
            &self.states,
            &self.versions,
            &self.attempts,
            &self.starts,
            &self.ends,
            &self.messages,
            &self.codecs,
            &self.results,
            &self.details,
            &self.expects_version,
            &self.expects_state,
            &self.expects_attempt,
            &log.seq,
            &log.task,
            &log.index,
            &log.version,
            &log.attempt,
            &log.state,
            &log.at,
            &log.message,
            &rows,
            &self.version,
        ];
        let with_bodies = !self.bodies.is_empty() && self.is_whole();
        let with_outbox = !self.outbox.ticket.is_empty();
        // Those of the last are numbered behind those of the one before.
        if with_bodies || with_outbox {
            sql += BODIES;
            parameters.extend::<[&(dyn ToSql + Sync); 3]>(if with_bodies {
                [&self.body_task, &self.body_index, &self.bodies]
            } else {
                [&NO_NUMBERS, &NO_NUMBERS, &NO_BYTES]
            });
        }
        if with_outbox {
            sql += OUTBOX;
            parameters.extend::<[&(dyn ToSql + Sync); 2]>([&TAKEN, &AT_ONCE]);
            parameters.extend(self.outbox.columns());
        }
        sql += VERDICT;
        let statement = session.prepared(&sql)?;
        let row = match session.client().query_one(&statement, &parameters) {
            Ok(row) => row,
            Err(error) if error.code().is_some_and(|code| code.code() == "22012") => return Ok(Written::Refused),
            Err(error) => return Err(error),
        };
        if row.try_get::<_, i64>(0)? == 0 {
            return Ok(Written::Fenced);
        }
        if !self.is_whole() {
            let statement = session.prepared(BODY)?;
            for ((task, index), body) in self.body_task.iter().zip(&self.body_index).zip(&self.bodies) {
                session.client().execute(&statement, &[&run.run_no, task, index, body])?;
            }
        }
        Ok(Written::Done)
    }
}
