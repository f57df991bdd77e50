//! The log lines of runs.
use std::borrow::Cow;

use super::{Dialect, FLOW, NO_INDEX, Value, Writing, index_to_sql, values};
use crate::backend::Removed;
use crate::logs::{ROW, size};
use crate::writer::LineEntry;
use crate::{LogLine, Micros, StoreError};

/// So many lines are removed in one transaction.
const STEP: u32 = 500;

/// Takes the next numbers of a run for so many lines; none if there is no such run. Two processes that write lines of one run
/// (one of them has lost it, and does not know yet) never get the same.
const NUMBERS: &str = "INSERT INTO run_logs(run_no, last_line, bytes, last_at) \
                       SELECT run_no, CAST($1 AS bigint), CAST($2 AS bigint), CAST($3 AS bigint) FROM flow_runs WHERE run_no=$4 \
                       ON CONFLICT(run_no) DO UPDATE SET last_line=run_logs.last_line+excluded.last_line, \
                       bytes=run_logs.bytes+excluded.bytes, last_at=excluded.last_at RETURNING last_line";

/// So many lines are one statement, as long as there are so many: a statement is a round trip to a server. A few sizes only, as
/// each is planned once.
const AT_ONCE: [usize; 3] = [128, 16, 1];

/// The statement for so many lines.
fn insert(lines: usize) -> String {
    let row = |line: usize| {
        let columns: Vec<_> = (line * COLUMNS + 1..=(line + 1) * COLUMNS).map(|number| format!("${number}")).collect();
        format!("({})", columns.join(", "))
    };
    let rows: Vec<_> = (0..lines).map(row).collect();
    format!(
        "INSERT INTO logs(run_no, line_no, task_no, map_index, attempt, at, level, target, message) VALUES {}",
        rows.join(", ")
    )
}

const COLUMNS: usize = 9;

/// A line, its texts as the database keeps them.
struct Kept<'a> {
    line: &'a LogLine,
    target: Cow<'a, str>,
    message: Cow<'a, str>,
}

impl<'a> Kept<'a> {
    fn of(line: &'a LogLine, dialect: Dialect) -> Self {
        Self { line, target: dialect.text(&line.target), message: dialect.text(&line.message) }
    }

    fn size(&self) -> u64 {
        size(&self.target, &self.message) as u64
    }

    fn values(&self, run_no: i64, number: u64) -> [Value<'_>; COLUMNS] {
        let LogLine { task, attempt, at, level, .. } = self.line;
        let (task, index) = task.map_or((FLOW, NO_INDEX), |key| (key.task.into(), index_to_sql(key.index)));
        let level = u32::from(level.number());
        values![run_no, number, task, index, *attempt, *at, level, &*self.target, &*self.message]
    }
}

/// If the answer to the commit is lost, the lines are written once more: better twice than never.
pub(super) fn write(mut tx: Writing<'_>, lines: &[LineEntry], now: Micros) -> Result<(), StoreError> {
    // In the same order as whoever else writes lines of these runs.
    let mut runs: Vec<i64> = lines.iter().map(|entry| entry.run.run_no).collect();
    runs.sort_unstable();
    runs.dedup();
    for run_no in runs {
        let of_run = lines.iter().filter(|entry| entry.run.run_no == run_no);
        let of_run: Vec<_> = of_run.map(|entry| Kept::of(&entry.line, tx.dialect())).collect();
        let count = of_run.len() as u64;
        let bytes: u64 = of_run.iter().map(Kept::size).sum();
        let taken = tx.find(NUMBERS, &values![count, bytes, now, run_no], |row| row.take::<u64>(0))?;
        let Some(last) = taken else { continue };
        let mut rows: Vec<_> =
            (last - count + 1..).zip(&of_run).map(|(number, line)| line.values(run_no, number)).collect();
        for at_once in AT_ONCE {
            let whole = rows.len() - rows.len() % at_once;
            let rest = rows.split_off(whole);
            let sql = insert(at_once);
            for some in rows.chunks(at_once) {
                tx.execute(&sql, some.as_flattened())?;
            }
            rows = rest;
        }
    }
    tx.commit()
}

/// Removes lines of the oldest run whose lines are too old, else of the oldest one, if all lines are too large.
pub(super) fn remove(mut tx: Writing<'_>, before: Micros, most: u64) -> Result<Removed, StoreError> {
    let old = "SELECT min(run_no) FROM run_logs WHERE bytes > 0 AND last_at < $1";
    let large =
        "SELECT min(run_no) FROM run_logs WHERE bytes > 0 AND (SELECT CAST(sum(bytes) AS bigint) FROM run_logs) > $1";
    let mut oldest = tx.find(old, &values![before], |row| row.take::<Option<i64>>(0))?.flatten();
    if oldest.is_none() {
        oldest = tx.find(large, &values![most], |row| row.take(0))?.flatten();
    }
    let Some(run_no) = oldest else { return Ok(Removed::All) };
    let first = format!(
        "SELECT max(line_no), CAST(sum(octet_length(target) + octet_length(message) + {ROW}) AS bigint) FROM \
         (SELECT line_no, target, message FROM logs WHERE run_no=$1 ORDER BY line_no LIMIT {STEP}) AS first_lines"
    );
    let read = |row: &mut super::Row| Ok((row.take::<Option<i64>>(0)?, row.take::<Option<i64>>(1)?));
    match tx.find(&first, &values![run_no], read)? {
        Some((Some(last), bytes)) => {
            tx.execute("DELETE FROM logs WHERE run_no=$1 AND line_no <= $2", &values![run_no, last])?;
            tx.execute("UPDATE run_logs SET bytes=bytes-$1 WHERE run_no=$2", &values![bytes.unwrap_or(0), run_no])?;
        }
        // Whatever is counted, nothing is there.
        _ => drop(tx.execute("UPDATE run_logs SET bytes=0 WHERE run_no=$1", &values![run_no])?),
    }
    tx.commit()?;
    Ok(Removed::Some)
}
