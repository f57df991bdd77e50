//! The tables of log lines.
use rusqlite::params;

use super::write::Writing;
use super::{FLOW, index_to_sql};
use crate::backend::Removed;
use crate::logs::ROW;
use crate::writer::LineEntry;
use crate::{Micros, StoreError};

/// So many lines are removed in one transaction.
const STEP: u32 = 500;

/// Takes the next numbers of a run for so many lines; none if there is no such run. Two processes that write lines of one run
/// (one of them has lost it, and does not know yet) never get the same.
const NUMBERS: &str = "INSERT INTO run_logs(run_no, last_line, bytes, last_at) SELECT run_no, $1, $2, $3 FROM flow_runs \
                       WHERE run_no=$4 ON CONFLICT(run_no) DO UPDATE SET last_line=run_logs.last_line+excluded.last_line, \
                       bytes=run_logs.bytes+excluded.bytes, last_at=excluded.last_at RETURNING last_line";

const LINE: &str = "INSERT INTO logs(run_no, line_no, task_no, map_index, attempt, at, level, target, message) \
                    VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9)";

pub(super) fn write(tx: Writing<'_>, lines: &[LineEntry]) -> Result<(), StoreError> {
    let mut runs: Vec<i64> = lines.iter().map(|entry| entry.run.run_no).collect();
    runs.sort_unstable();
    runs.dedup();
    for run_no in runs {
        let of_run = || lines.iter().filter(|entry| entry.run.run_no == run_no).map(|entry| &entry.line);
        let count = of_run().count() as u64;
        let bytes: usize = of_run().map(crate::LogLine::size).sum();
        let last_at = of_run().map(|line| line.at.0).max();
        let taken = tx.find(NUMBERS, params![count, bytes as u64, last_at, run_no], |row| row.get::<_, u64>(0))?;
        let Some(last) = taken else { continue };
        for (number, line) in (last - count + 1..).zip(of_run()) {
            let (task, index) =
                line.task.map_or((FLOW, index_to_sql(None)), |key| (i64::from(key.task), index_to_sql(key.index)));
            tx.execute(
                LINE,
                params![
                    run_no,
                    number,
                    task,
                    index,
                    line.attempt,
                    line.at.0,
                    line.level.number(),
                    line.target,
                    line.message
                ],
            )?;
        }
    }
    tx.commit()
}

/// Removes lines of the oldest run whose lines are too old, else of the oldest one, if all lines are too large.
pub(super) fn remove(tx: Writing<'_>, before: Micros, most: u64) -> Result<Removed, StoreError> {
    let number = |sql: &str, value: i64| tx.find(sql, [value], |row| row.get::<_, Option<i64>>(0));
    let old = number("SELECT min(run_no) FROM run_logs WHERE bytes > 0 AND last_at < $1", before.0)?.flatten();
    let run_no = match old {
        Some(run_no) => run_no,
        None => {
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let sql = "SELECT min(run_no) FROM run_logs WHERE bytes > 0 AND (SELECT sum(bytes) FROM run_logs) > $1";
            match number(sql, most)?.flatten() {
                Some(run_no) => run_no,
                None => return Ok(Removed::All),
            }
        }
    };
    let (lines, bytes) = tx
        .find(
            &format!(
                "SELECT max(line_no), sum(octet_length(target) + octet_length(message) + {ROW}) FROM \
                 (SELECT line_no, target, message FROM logs WHERE run_no=$1 ORDER BY line_no LIMIT {STEP}) AS first_lines"
            ),
            [run_no],
            |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?)),
        )?
        .unwrap_or_default();
    match lines {
        Some(last) => {
            tx.execute("DELETE FROM logs WHERE run_no=$1 AND line_no <= $2", [run_no, last])?;
            tx.execute("UPDATE run_logs SET bytes=bytes-$1 WHERE run_no=$2", [bytes.unwrap_or(0), run_no])?;
        }
        // Whatever is counted, nothing is there.
        None => drop(tx.execute("UPDATE run_logs SET bytes=0 WHERE run_no=$1", [run_no])?),
    }
    tx.commit()?;
    Ok(Removed::Some)
}
