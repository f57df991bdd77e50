//! The hot path: a batch in as few round trips as there are runs in it, and mostly in one.
//!
//! What a batch adds to a run is one statement: the fence, then the rows of its task runs, their transitions, large results and
//! notifications. All of its parts see the database as it was before, so each row is written once, as [`Batch`] has merged it.
//! If a row was not as it was expected to be, the statement divides by zero, and nothing of the transaction is written; which
//! row it was is looked up then.
use std::borrow::Cow;
use std::collections::BTreeMap;

use postgres::Error;
use postgres::types::ToSql;

use super::session::Session;
use super::value::text;
use super::write::PostgresBackend;
use crate::backend::{Change, Recorded};
use crate::sql::outbox::{AT_ONCE, TAKEN};
use crate::sql::{Connection, INLINE, Transition, index_to_sql};
use crate::writer::{Batch, Part, Told, ToldRow};
use crate::{FlowChange, Found, StateCode, StoreError, StoredResult};

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

/// Large results go with the statement up to so many bytes altogether, and one by one beyond: a message has its limit.
const BODIES_TOGETHER: usize = 16 << 20;

/// The parameters of a part's statement: a list for each column.
#[derive(Default)]
struct Columns<'a> {
    // Of the flow run. `version` is what it is afterwards, if it changes.
    flow_changes: i64,
    state: Option<i64>,
    message: Option<Cow<'a, str>>,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    version: Option<i64>,
    // Of the task runs.
    rows: Vec<usize>,
    task: Vec<i64>,
    index: Vec<i64>,
    states: Vec<i64>,
    versions: Vec<i64>,
    attempts: Vec<i64>,
    starts: Vec<Option<i64>>,
    ends: Vec<Option<i64>>,
    messages: Vec<Option<Cow<'a, str>>>,
    codecs: Vec<Option<i64>>,
    results: Vec<Option<&'a [u8]>>,
    details: Vec<Option<Cow<'a, str>>>,
    expects_version: Vec<Option<i64>>,
    expects_state: Vec<Option<i64>>,
    expects_attempt: Vec<Option<i64>>,
    // Of the transitions.
    log: Log<'a>,
    // Of the large results.
    body_task: Vec<i64>,
    body_index: Vec<i64>,
    bodies: Vec<&'a [u8]>,
    outbox: Outbox<'a>,
}

#[derive(Default)]
struct Outbox<'a> {
    ticket: Vec<i64>,
    kind: Vec<Cow<'a, str>>,
    to: Vec<Cow<'a, str>>,
    payload: Vec<Cow<'a, str>>,
    task: Vec<i64>,
    state: Vec<i64>,
    changes: Vec<i64>,
    at: Vec<i64>,
    // Of the causes.
    of_ticket: Vec<i64>,
    cause: Vec<Cow<'a, str>>,
    count: Vec<i64>,
}

#[derive(Default)]
struct Log<'a> {
    seq: Vec<i64>,
    task: Vec<i64>,
    index: Vec<i64>,
    version: Vec<i64>,
    attempt: Vec<i64>,
    state: Vec<i64>,
    at: Vec<i64>,
    message: Vec<Option<Cow<'a, str>>>,
}

/// A change of a flow run that does not follow from the one before it in the batch: its entry, and the one before.
struct Misfit(usize, Found);

impl<'a> Columns<'a> {
    /// What each part of a batch adds.
    fn of(batch: &'a Batch<'_>, told: &'a Told) -> Result<Vec<Self>, Misfit> {
        let mut parts: Vec<Self> = batch.parts.iter().map(|_| Self::default()).collect();
        for (number, row) in batch.rows.iter().enumerate() {
            let (Change::Task(first), Change::Task(last)) =
                (&batch.entries[row.first].change, &batch.entries[row.last].change)
            else {
                continue;
            };
            let part = &mut parts[row.part];
            let index = index_to_sql(last.index);
            part.rows.push(number);
            part.task.push(last.task.into());
            part.index.push(index);
            part.states.push(last.state.number().into());
            part.versions.push(last.version.into());
            part.attempts.push(last.attempt.into());
            part.starts.push(row.started_at);
            part.ends.push(last.state.is_terminal().then_some(last.at.0));
            part.messages.push(last.message.as_deref().map(text));
            part.codecs.push(last.result.as_ref().map(|result| result.codec.into()));
            part.details.push(last.detail.as_deref().map(text));
            match &last.result {
                Some(StoredResult { bytes, .. }) if bytes.len() > INLINE => {
                    part.body_task.push(last.task.into());
                    part.body_index.push(index);
                    part.bodies.push(bytes);
                    part.results.push(None);
                }
                result => part.results.push(result.as_ref().map(|result| &*result.bytes)),
            }
            let is_new = first.version <= 1;
            part.expects_version.push((!is_new).then(|| i64::from(first.version) - 1));
            part.expects_state.push((!is_new).then(|| first.from.number().into()));
            part.expects_attempt.push((!is_new).then(|| first.attempt.into()));
        }
        let mut last_flow: Vec<Option<&FlowChange>> = vec![None; batch.parts.len()];
        for (i, (entry, place)) in batch.entries.iter().zip(&batch.places).enumerate() {
            let Some(place) = place else { continue };
            let part = &mut parts[place.part];
            match &entry.change {
                Change::Task(change) => part.log.add(place.seq, &Transition::of_task(change)),
                Change::Flow(change) => {
                    if let Some(before) = last_flow[place.part].replace(change)
                        && change.version != before.version.wrapping_add(1)
                    {
                        return Err(Misfit(i, Found { state: before.state, version: before.version, attempt: 0 }));
                    }
                    part.follow(change);
                    part.log.add(place.seq, &Transition::of_flow(change));
                }
            }
        }
        for row in &told.rows {
            let of_its_run = |part: &Part| (part.run.run_no, part.run.epoch.0) == (row.run.0, row.run.1);
            if let Some(number) = batch.parts.iter().position(of_its_run) {
                parts[number].outbox.add(row);
            }
        }
        Ok(parts)
    }

    fn follow(&mut self, change: &'a FlowChange) {
        self.flow_changes += 1;
        self.state = Some(change.state.number().into());
        self.message = change.message.as_deref().map(text);
        if change.state == StateCode::RUNNING {
            self.started_at.get_or_insert(change.at.0);
        }
        self.ended_at = change.state.is_terminal().then_some(change.at.0);
        self.version = Some(change.version.into());
    }

    fn body_bytes(&self) -> usize {
        self.bodies.iter().map(|body| body.len()).sum()
    }

    /// Whether its large results go with it.
    fn is_whole(&self) -> bool {
        self.body_bytes() <= BODIES_TOGETHER
    }

    /// Writes all of it. Gives what came of it.
    fn write(&self, part: &Part, session: &mut Session) -> Result<Written, Error> {
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

const NO_NUMBERS: &[i64] = &[];
const NO_BYTES: &[&[u8]] = &[];

impl<'a> Log<'a> {
    fn add(&mut self, seq: u64, transition: &Transition<'a>) {
        let Transition { task, index, version, attempt, state, at, message } = *transition;
        self.seq.push(i64::try_from(seq).unwrap_or(i64::MAX));
        self.task.push(task);
        self.index.push(index);
        self.version.push(version.into());
        self.attempt.push(attempt.into());
        self.state.push(state.number().into());
        self.at.push(at);
        self.message.push(message.map(text));
    }
}

impl<'a> Outbox<'a> {
    fn add(&mut self, row: &'a ToldRow) {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.ticket.push(row.ticket.into());
        self.kind.push(text(&row.message.kind));
        self.to.push(text(&row.message.to));
        self.payload.push(text(&row.message.payload));
        self.task.push(row.task);
        self.state.push(row.state.number().into());
        self.changes.push(number(row.changes));
        self.at.push(row.at.0);
        // Two that differ in a NUL only are one here, and a row is written once.
        let mut causes: BTreeMap<Cow<'a, str>, u64> = BTreeMap::new();
        for (cause, count) in &row.causes {
            *causes.entry(text(cause)).or_default() += count;
        }
        for (cause, count) in causes {
            self.of_ticket.push(row.ticket.into());
            self.cause.push(cause);
            self.count.push(number(count));
        }
    }

    fn columns(&self) -> [&(dyn ToSql + Sync); 11] {
        let Self { ticket, kind, to, payload, task, state, changes, at, of_ticket, cause, count } = self;
        [ticket, kind, to, payload, task, state, changes, at, of_ticket, cause, count]
    }
}

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Done,
    Fenced,
    /// Something was not as it was expected: the transaction is undone.
    Refused,
}

/// Writes what is not held up by the fence, and commits it. The caller rolls back what is still open.
pub(super) fn record(backend: &mut PostgresBackend, batch: &Batch<'_>) -> Result<Recorded, StoreError> {
    let told = Told::by(batch, &[]);
    let parts = match Columns::of(batch, &told) {
        Ok(parts) => parts,
        Err(Misfit(entry, found)) => return Ok(Recorded::Refused { entry, found: Some(found) }),
    };
    let mut fenced = Vec::new();
    let (faults, at) = (backend.faults().clone(), backend.location().clone());
    if let ([part], [columns]) = (&*batch.parts, &*parts)
        && columns.is_whole()
    {
        // A statement on its own is a transaction.
        let mut written = Written::Done;
        faults.commit(&at, || {
            written = backend.run(|session| columns.write(part, session))?;
            Ok(())
        })?;
        match written {
            Written::Done => {}
            Written::Fenced => fenced.push(0),
            Written::Refused => return refused(backend, batch, 0, columns),
        }
        return Ok(Recorded::Committed { fenced });
    }
    backend.begin_batch()?;
    for (number, (part, columns)) in batch.parts.iter().zip(&parts).enumerate() {
        faults.call(&at)?;
        match backend.run(|session| columns.write(part, session))? {
            Written::Done => {}
            Written::Fenced => fenced.push(number),
            Written::Refused => {
                crate::sql::WriteConnection::rollback(backend);
                return refused(backend, batch, number, columns);
            }
        }
    }
    let recorded = Recorded::Committed { fenced };
    if recorded.changes_something(batch) {
        crate::sql::WriteConnection::commit(backend)?;
    }
    Ok(recorded)
}

/// Which entry of a part it was that does not follow from what is there: nothing of it was written, and nobody else writes it.
fn refused(
    backend: &mut PostgresBackend,
    batch: &Batch<'_>,
    number: usize,
    columns: &Columns<'_>,
) -> Result<Recorded, StoreError> {
    let at = backend.location().clone();
    backend.faults().clone().call(&at)?;
    let run_no = batch.parts[number].run.run_no;
    let sql = "SELECT x.state, x.version, x.attempt FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY AS u(task, index, i) \
               LEFT JOIN task_runs x ON run_no=$1 AND task_no=task AND map_index=index ORDER BY i";
    let there: Vec<Option<Found>> = backend.run(|session| {
        let statement = session.prepared(sql)?;
        let rows = session.client().query(&statement, &[&run_no, &columns.task, &columns.index])?;
        rows.iter().map(|row| found(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)).collect()
    })?;
    for (row, there) in columns.rows.iter().map(|row| &batch.rows[*row]).zip(there) {
        let Change::Task(first) = &batch.entries[row.first].change else { continue };
        let fits = match there {
            None => first.version <= 1,
            Some(there) => {
                there.version.checked_add(1) == Some(first.version)
                    && there.state == first.from
                    && there.attempt <= first.attempt
            }
        };
        if !fits {
            return Ok(Recorded::Refused { entry: row.first, found: there });
        }
    }
    let flow =
        batch.entries.iter().zip(&batch.places).enumerate().find_map(|(i, (entry, place))| match &entry.change {
            Change::Flow(change) if place.is_some_and(|place| place.part == number) => Some((i, change)),
            _ => None,
        });
    let there = backend.run(|session| {
        let statement = session.prepared("SELECT state, version FROM flow_runs WHERE run_no=$1")?;
        let row = session.client().query_opt(&statement, &[&run_no])?;
        row.map_or(Ok(None), |row| found(row.try_get(0)?, row.try_get(1)?, Some(0)))
    })?;
    match flow {
        Some((entry, change)) if there.is_none_or(|there| there.version.checked_add(1) != Some(change.version)) => {
            Ok(Recorded::Refused { entry, found: there })
        }
        // It does by now: whoever changed it meanwhile has taken the run over, and the fence says so.
        _ => Err(StoreError::Busy { at, waited: std::time::Duration::ZERO }),
    }
}

#[allow(clippy::unnecessary_wraps, reason = "as the closures need it")]
fn found(state: Option<i64>, version: Option<i64>, attempt: Option<i64>) -> Result<Option<Found>, Error> {
    let number = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(state.map(|state| Found {
        state: StateCode::from_number(u8::try_from(state).unwrap_or(u8::MAX)),
        version: number(version.unwrap_or(0)),
        attempt: number(attempt.unwrap_or(0)),
    }))
}
