//! Removing runs. First a run is gone for all who look, then its rows go, a little at a time: a run may have millions, and
//! nobody is to wait for them.
use super::{Connection, Writing, values};
use crate::backend::Removed;
use crate::{Prune, StateCode, StoreError};

/// So many runs, and so many rows, go in one transaction.
const RUNS: u32 = 200;
const ROWS: u64 = 5000;

/// The runs that may go (`f`): ended ones that nobody has, and that nobody would go on with. Who wants to be rid of a paused or
/// crashed one cancels it. `$1` is the moment.
fn may_go(keep: u32) -> String {
    // Numbers, so there is nothing to escape.
    let kept = match keep.checked_sub(1) {
        None => String::new(),
        Some(before) => format!(
            " AND f.run_no < (SELECT n.run_no FROM flow_runs n WHERE n.flow_no=f.flow_no ORDER BY n.run_no DESC \
             LIMIT 1 OFFSET {before})"
        ),
    };
    let ended: Vec<_> = StateCode::ALL
        .iter()
        .filter(|state| state.is_terminal() && **state != StateCode::CRASHED)
        .map(|state| state.number().to_string())
        .collect();
    format!("f.proc_no IS NULL AND f.state IN ({}) AND f.ended_at < $1{kept}", ended.join(", "))
}

/// How many runs may go.
pub(super) fn count(connection: &mut dyn Connection, prune: &Prune) -> Result<u64, StoreError> {
    let sql = format!("SELECT count(*) FROM flow_runs f WHERE {}", may_go(prune.keep));
    Ok(connection.find(&sql, &values![prune.ended_before], |row| row.take(0))?.unwrap_or(0))
}

/// Removes some runs; gives how many.
pub(super) fn runs(mut tx: Writing<'_>, prune: &Prune) -> Result<u64, StoreError> {
    let sql = format!("SELECT run_no FROM flow_runs f WHERE {} ORDER BY run_no LIMIT {RUNS}", may_go(prune.keep));
    let runs: Vec<i64> = tx.all(&sql, &values![prune.ended_before], |row| row.take(0))?;
    let mut removed = 0;
    for run_no in runs {
        // Somebody may have gone on with it meanwhile.
        let sql = "DELETE FROM flow_runs WHERE run_no=$1 AND proc_no IS NULL AND ended_at < $2";
        if tx.execute(sql, &values![run_no, prune.ended_before])? == 1 {
            tx.execute("INSERT INTO pruned(run_no) VALUES($1)", &values![run_no])?;
            removed += 1;
        }
    }
    tx.commit()?;
    Ok(removed)
}

/// What a run has, in tables by the number of the run; each statement removes at most so many rows of one.
fn of_one_run(limit: u64) -> [String; 9] {
    let first = |table: &str, key: &str| {
        format!(
            "DELETE FROM {table} WHERE run_no=$1 AND ({key}) IN \
             (SELECT {key} FROM {table} WHERE run_no=$1 ORDER BY {key} LIMIT {limit})"
        )
    };
    [
        first("transitions", "seq"),
        first("task_runs", "task_no, map_index"),
        first("results", "task_no, map_index"),
        first("logs", "line_no"),
        first("outbox", "id"),
        first("outbox_causes", "epoch, ticket, cause"),
        "DELETE FROM crash_notices WHERE run_no=$1".to_owned(),
        "DELETE FROM run_logs WHERE run_no=$1".to_owned(),
        "DELETE FROM cancels WHERE run_no=$1".to_owned(),
    ]
}

/// The same in tables where the run is not what is looked for: all removed runs at once.
const OF_ALL_RUNS: [&str; 1] = ["DELETE FROM slots WHERE run_no IN (SELECT run_no FROM pruned)"];

/// Removes some rows of removed runs; gives how many, and whether there may be more.
pub(super) fn rows(mut tx: Writing<'_>) -> Result<(u64, Removed), StoreError> {
    let mut removed = 0;
    for sql in OF_ALL_RUNS {
        removed += tx.execute(sql, &[])?;
    }
    while removed < ROWS {
        let next = tx.find("SELECT min(run_no) FROM pruned", &[], |row| row.take::<Option<i64>>(0))?.flatten();
        let Some(run_no) = next else {
            if removed > 0 {
                tx.commit()?;
            }
            return Ok((removed, Removed::All));
        };
        let mut of_run = 0;
        // Not by what is left: a statement is kept, as it is written, for the next time.
        for sql in of_one_run(ROWS) {
            of_run += tx.execute(&sql, &values![run_no])?;
        }
        removed += of_run;
        if of_run < ROWS {
            removed += tx.execute("DELETE FROM pruned WHERE run_no=$1", &values![run_no])?;
        }
    }
    tx.commit()?;
    Ok((removed, Removed::Some))
}

/// Removes the graphs that no run has any more; gives how many.
pub(super) fn graphs(mut tx: Writing<'_>) -> Result<u64, StoreError> {
    let removed = tx.execute("DELETE FROM graphs WHERE hash NOT IN (SELECT graph_hash FROM flow_runs)", &[])?;
    if removed > 0 {
        tx.commit()?;
    }
    Ok(removed)
}
