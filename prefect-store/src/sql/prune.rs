//! Removing runs. First a run is gone for all who look, then its rows go, a little at a time: a run may have millions, and
//! nobody is to wait for them.
use super::outbox::{TAKEN, WAITS};
use super::{Connection, Mismatch, Row, Writing, values};
use crate::backend::Removed;
use crate::{Micros, Prunable, Prune, StateCode, StoreError};

/// So many runs, and so many rows, go in one transaction.
const RUNS: u32 = 200;
const ROWS: u64 = 5000;

/// So many graphs, or ticks, are looked at in one transaction.
const PAGE: u32 = 500;

/// The runs that are old enough to go (`f`): ended ones that nobody has, and that nobody would go on with. Who wants to be rid of
/// a paused or crashed one cancels it. `$1` is the moment.
fn is_old(keep: u32) -> String {
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

/// Whether somebody is still to hear of a run (`f`): it stays until they have, or nobody tries any more.
fn is_told() -> String {
    format!("EXISTS(SELECT 1 FROM outbox o WHERE o.run_no=f.run_no AND o.status IN ({WAITS}, {TAKEN}))")
}

/// How many runs may go, and how many could but for their notifications.
pub(super) fn count(connection: &mut dyn Connection, prune: &Prune) -> Result<Prunable, StoreError> {
    let mut count = |which: &str| {
        let sql = format!("SELECT count(*) FROM flow_runs f WHERE {} AND {which}{}", is_old(prune.keep), is_told());
        let found = connection.find(&sql, &values![prune.ended_before], |row| row.take(0))?;
        Ok::<u64, StoreError>(found.unwrap_or(0))
    };
    Ok(Prunable { runs: count("NOT ")?, held_up: count("")? })
}

/// Removes some runs; gives how many.
pub(super) fn runs(mut tx: Writing<'_>, prune: &Prune) -> Result<u64, StoreError> {
    let sql = format!(
        "SELECT run_no FROM flow_runs f WHERE {} AND NOT {} ORDER BY run_no LIMIT {RUNS}",
        is_old(prune.keep),
        is_told()
    );
    let runs: Vec<i64> = tx.all(&sql, &values![prune.ended_before], |row| row.take(0))?;
    let mut removed = 0;
    for run_no in runs {
        // Somebody may have gone on with it meanwhile.
        let sql = format!("DELETE FROM flow_runs AS f WHERE {} AND NOT {} AND f.run_no=$2", is_old(0), is_told());
        if tx.execute(&sql, &values![prune.ended_before, run_no])? == 1 {
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

/// Looks at some graphs behind this one, and removes those that no run has any more; gives how many, and the last one that was
/// looked at, if there are more behind it.
pub(super) fn graphs(mut tx: Writing<'_>, after: &[u8]) -> Result<(u64, Option<Vec<u8>>), StoreError> {
    let page = format!("SELECT hash FROM graphs WHERE hash > $1 ORDER BY hash LIMIT {PAGE}");
    let page: Vec<Vec<u8>> = tx.all(&page, &values![after], |row| row.take(0))?;
    let is_full = page.len() == PAGE as usize;
    let Some(last) = page.into_iter().next_back() else { return Ok((0, None)) };
    let sql = "DELETE FROM graphs WHERE hash > $1 AND hash <= $2 \
               AND NOT EXISTS(SELECT 1 FROM flow_runs f WHERE f.graph_hash=graphs.hash)";
    let removed = tx.execute(sql, &values![after, &last])?;
    if removed > 0 {
        tx.commit()?;
    }
    Ok((removed, is_full.then_some(last)))
}

/// A tick, by its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TickKey {
    pub(super) schedule: String,
    pub(super) at: Micros,
}

fn tick_key(row: &mut Row) -> Result<(TickKey, bool), Mismatch> {
    Ok((TickKey { schedule: row.take(0)?, at: row.take(1)? }, row.take::<Option<i64>>(2)?.is_some()))
}

/// Looks at some ticks behind this one that are older than `before`, and removes those whose run is gone; the last tick of a
/// schedule stays. Gives how many, and the last one that was looked at, if there may be more behind it.
///
/// A schedule notes up to where its ticks are gone: whoever asks for one of them late, or after a clock was set back, hears that
/// it is decided.
pub(super) fn ticks(
    mut tx: Writing<'_>,
    before: Micros,
    after: Option<&TickKey>,
) -> Result<(u64, Option<TickKey>), StoreError> {
    let behind = if after.is_some() { " AND (schedule, tick_at) > ($2, $3)" } else { "" };
    let page = format!(
        "SELECT schedule, tick_at, f.run_no FROM ticks t LEFT JOIN flow_runs f USING(run_no) WHERE tick_at < $1{behind} \
         AND tick_at < (SELECT max(n.tick_at) FROM ticks n WHERE n.schedule=t.schedule) ORDER BY schedule, tick_at LIMIT {PAGE}"
    );
    let looked_at = match after {
        None => tx.all(&page, &values![before], tick_key)?,
        Some(TickKey { schedule, at }) => tx.all(&page, &values![before, schedule, *at], tick_key)?,
    };
    let mut removed = 0;
    for of_one in looked_at.chunk_by(|(one, _), (other, _)| one.schedule == other.schedule) {
        let mut gone = of_one.iter().filter(|(_, has_run)| !has_run).map(|(key, _)| key);
        let Some(first) = gone.next() else { continue };
        let last = gone.next_back().unwrap_or(first);
        let noted = tx.execute(
            "UPDATE schedules SET ticks_gone=CASE WHEN ticks_gone > $1 THEN ticks_gone ELSE $1 END WHERE schedule=$2",
            &values![last.at, &last.schedule],
        )?;
        if noted == 1 {
            removed += tx.execute(
                "DELETE FROM ticks WHERE schedule=$1 AND tick_at >= $2 AND tick_at <= $3 \
                 AND NOT EXISTS(SELECT 1 FROM flow_runs f WHERE f.run_no=ticks.run_no)",
                &values![&first.schedule, first.at, last.at],
            )?;
        }
    }
    if removed > 0 {
        tx.commit()?;
    }
    let is_full = looked_at.len() == PAGE as usize;
    Ok((removed, looked_at.into_iter().next_back().map(|(key, _)| key).filter(|_| is_full)))
}
