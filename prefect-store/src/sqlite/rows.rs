//! Rows as the database gives them.
use rusqlite::Row;

use crate::{
    Epoch, LogLevel, LogLine, Micros, Owner, RecordedLine, RunId, RunRow, StateCode, StoredResult, TaskKey, TaskRow,
    Transition,
};

/// What [`run_row`] reads, with the tables that it is in.
pub(super) const RUN: &str = "SELECT flow_runs.id, flows.name, flow_runs.name, state, version, message, created_at, started_at, \
    ended_at, host, pid, epoch, crashes, n_ok, n_failed \
    FROM flow_runs JOIN flows USING(flow_no) LEFT JOIN processes AS p ON p.proc_no = flow_runs.proc_no";

pub(super) fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        id: RunId::from_bytes(row.get(0)?),
        flow: row.get(1)?,
        name: row.get(2)?,
        state: state(row, 3)?,
        version: row.get(4)?,
        message: row.get(5)?,
        created_at: Micros(row.get(6)?),
        started_at: moment(row, 7)?,
        ended_at: moment(row, 8)?,
        owner: owner(row, 9)?,
        epoch: Epoch(row.get(11)?),
        crashes: row.get(12)?,
        n_ok: row.get(13)?,
        n_failed: row.get(14)?,
    })
}

/// What [`task_row`] reads.
pub(super) const TASK: &str =
    "task_no, map_index, state, version, attempt, started_at, ended_at, message, detail, codec";

pub(super) fn task_row(row: &Row<'_>) -> rusqlite::Result<TaskRow> {
    Ok(TaskRow {
        task: row.get(0)?,
        index: index(row, 1)?,
        state: state(row, 2)?,
        version: row.get(3)?,
        attempt: row.get(4)?,
        started_at: moment(row, 5)?,
        ended_at: moment(row, 6)?,
        message: row.get(7)?,
        detail: row.get(8)?,
        has_result: row.get::<_, Option<u8>>(9)?.is_some(),
    })
}

/// A result, from the columns of its codec, of the row and of the table of large ones.
pub(super) fn result(row: &Row<'_>, codec: usize) -> rusqlite::Result<Option<StoredResult>> {
    let Some(code) = row.get(codec)? else { return Ok(None) };
    let inline: Option<Vec<u8>> = row.get(codec + 1)?;
    let bytes = match inline {
        Some(bytes) => bytes,
        None => row.get(codec + 2)?,
    };
    Ok(Some(StoredResult { codec: code, bytes }))
}

pub(super) fn transition(row: &Row<'_>) -> rusqlite::Result<Transition> {
    let task: i64 = row.get(1)?;
    let of = match u32::try_from(task) {
        Ok(task) => Some(TaskKey { task, index: index(row, 2)? }),
        Err(_) => None,
    };
    Ok(Transition {
        seq: row.get(0)?,
        of,
        version: row.get(3)?,
        attempt: row.get(4)?,
        state: state(row, 5)?,
        at: Micros(row.get(6)?),
        message: row.get(7)?,
    })
}

pub(super) fn recorded_line(row: &Row<'_>) -> rusqlite::Result<RecordedLine> {
    let task = match u32::try_from(row.get::<_, i64>(1)?) {
        Ok(task) => Some(TaskKey { task, index: index(row, 2)? }),
        Err(_) => None,
    };
    let line = LogLine {
        task,
        attempt: row.get(3)?,
        at: Micros(row.get(4)?),
        level: LogLevel::from_number(row.get(5)?),
        target: row.get::<_, String>(6)?.into(),
        message: row.get(7)?,
    };
    Ok(RecordedLine { number: row.get(0)?, line })
}

/// The owner of a run, from the columns `host` and `pid`, which are empty if it has none.
pub(super) fn owner(row: &Row<'_>, host: usize) -> rusqlite::Result<Option<Owner>> {
    match row.get(host)? {
        Some(name) => Ok(Some(Owner { host: name, pid: row.get(host + 1)? })),
        None => Ok(None),
    }
}

pub(super) fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<StateCode> {
    Ok(StateCode::from_number(row.get(column)?))
}

fn index(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u32>> {
    // The one negative number stands for no child.
    Ok(u32::try_from(row.get::<_, i64>(column)?).ok())
}

fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Micros>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Micros))
}
