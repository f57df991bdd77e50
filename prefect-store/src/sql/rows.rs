//! Rows as the database gives them.
use super::{Mismatch, Row};
use crate::{
    LogLevel, LogLine, Micros, Owner, RecordedLine, RunRow, StateCode, StoredResult, TaskKey, TaskRow, Transition,
};

/// What [`run_row`] reads, with the tables that it is in.
pub(super) const RUN: &str = "SELECT flow_runs.id, flows.name, flow_runs.name, state, version, message, created_at, started_at, \
    ended_at, host, pid, epoch, crashes, n_ok, n_failed \
    FROM flow_runs JOIN flows USING(flow_no) LEFT JOIN processes AS p ON p.proc_no = flow_runs.proc_no";

pub(super) fn run_row(row: &mut Row) -> Result<RunRow, Mismatch> {
    Ok(RunRow {
        id: row.take(0)?,
        flow: row.take(1)?,
        name: row.take(2)?,
        state: state(row, 3)?,
        version: row.take(4)?,
        message: row.take(5)?,
        created_at: row.take(6)?,
        started_at: row.take(7)?,
        ended_at: row.take(8)?,
        owner: owner(row, 9)?,
        epoch: row.take(11)?,
        crashes: row.take(12)?,
        n_ok: row.take(13)?,
        n_failed: row.take(14)?,
    })
}

/// What [`task_row`] reads.
pub(super) const TASK: &str =
    "task_no, map_index, state, version, attempt, started_at, ended_at, message, detail, codec";

/// Gives the codec of its result too.
pub(super) fn task_row(row: &mut Row) -> Result<(TaskRow, Option<u8>), Mismatch> {
    let codec: Option<u8> = row.take(9)?;
    let task = TaskRow {
        task: row.take(0)?,
        index: index(row, 1)?,
        state: state(row, 2)?,
        version: row.take(3)?,
        attempt: row.take(4)?,
        started_at: row.take::<Option<Micros>>(5)?,
        ended_at: row.take(6)?,
        message: row.take(7)?,
        detail: row.take(8)?,
        has_result: codec.is_some(),
    };
    Ok((task, codec))
}

/// A result, from the columns of the row and of the table of large ones.
pub(super) fn result(row: &mut Row, codec: Option<u8>, inline: usize) -> Result<Option<StoredResult>, Mismatch> {
    let Some(codec) = codec else { return Ok(None) };
    let bytes = match row.take(inline)? {
        Some(bytes) => bytes,
        None => row.take(inline + 1)?,
    };
    Ok(Some(StoredResult { codec, bytes }))
}

pub(super) fn transition(row: &mut Row) -> Result<Transition, Mismatch> {
    let task: i64 = row.take(1)?;
    let of = match u32::try_from(task) {
        Ok(task) => Some(TaskKey { task, index: index(row, 2)? }),
        Err(_) => None,
    };
    Ok(Transition {
        seq: row.take(0)?,
        of,
        version: row.take(3)?,
        attempt: row.take(4)?,
        state: state(row, 5)?,
        at: row.take(6)?,
        message: row.take(7)?,
    })
}

/// What [`recorded_line`] reads.
pub(super) const LINE: &str = "line_no, task_no, map_index, attempt, at, level, target, message";

pub(super) fn recorded_line(row: &mut Row) -> Result<RecordedLine, Mismatch> {
    let task = match u32::try_from(row.take::<i64>(1)?) {
        Ok(task) => Some(TaskKey { task, index: index(row, 2)? }),
        Err(_) => None,
    };
    let line = LogLine {
        task,
        attempt: row.take(3)?,
        at: row.take(4)?,
        level: LogLevel::from_number(row.take(5)?),
        target: row.take::<String>(6)?.into(),
        message: row.take(7)?,
    };
    Ok(RecordedLine { number: row.take(0)?, line })
}

/// The owner of a run, from the columns `host` and `pid`, which are empty if it has none.
pub(super) fn owner(row: &mut Row, host: usize) -> Result<Option<Owner>, Mismatch> {
    match row.take(host)? {
        Some(name) => Ok(Some(Owner { host: name, pid: row.take(host + 1)? })),
        None => Ok(None),
    }
}

pub(super) fn state(row: &mut Row, column: usize) -> Result<StateCode, Mismatch> {
    Ok(StateCode::from_number(row.take(column)?))
}

fn index(row: &mut Row, column: usize) -> Result<Option<u32>, Mismatch> {
    // The one negative number stands for no child.
    Ok(u32::try_from(row.take::<i64>(column)?).ok())
}
