//! Schedules, and their ticks: each is decided in one transaction.
use rusqlite::{Row, params};

use super::begin;
use super::errors::AtPath;
use super::rows;
use super::write::{Writing, extend};
use crate::backend::{Lease, Ownership, Refusal};
use crate::schedules::NoRun;
use crate::{IfBusy, LastTick, Micros, NewRun, PauseChange, RunId, ScheduleRow, ScheduleSeen, StoreError, Tick};

/// Schedules with their last ticks up to `$1`.
pub(super) const SCHEDULE: &str = "SELECT s.schedule, s.description, s.catch_up, s.overlap, s.since, s.seen_at, s.next_at, \
     s.paused_at, s.paused_by, s.resumed_at, t.tick_at, f.id, f.name, f.state FROM schedules s \
     LEFT JOIN ticks t ON t.schedule=s.schedule \
     AND t.tick_at=(SELECT max(last.tick_at) FROM ticks last WHERE last.schedule=s.schedule AND last.tick_at<=$1) \
     LEFT JOIN flow_runs f ON f.run_no=t.run_no";

pub(super) fn schedule(row: &Row<'_>) -> rusqlite::Result<ScheduleRow> {
    let paused_at: Option<i64> = row.get(7)?;
    let by: Option<String> = row.get(8)?;
    let tick_at: Option<i64> = row.get(10)?;
    let run = match row.get::<_, Option<[u8; 16]>>(11)? {
        Some(id) => Some((RunId::from_bytes(id), row.get(12)?, rows::state(row, 13)?)),
        None => None,
    };
    Ok(ScheduleRow {
        schedule: row.get(0)?,
        description: row.get(1)?,
        catch_up: row.get(2)?,
        overlap: row.get(3)?,
        since: Micros(row.get(4)?),
        seen_at: Micros(row.get(5)?),
        next_at: row.get::<_, Option<i64>>(6)?.map(Micros),
        paused: paused_at.map(|at| (Micros(at), by.unwrap_or_default())),
        resumed_at: row.get::<_, Option<i64>>(9)?.map(Micros),
        last: tick_at.map(|at| LastTick { at: Micros(at), run }),
    })
}

/// A process serves this schedule.
pub(super) fn see(tx: Writing<'_>, seen: &ScheduleSeen) -> Result<(), StoreError> {
    let ScheduleSeen { schedule, description, catch_up, overlap, next, at } = seen;
    tx.execute(
        "INSERT INTO schedules(schedule, description, catch_up, overlap, since, seen_at, next_at) \
         VALUES($1, $2, $3, $4, $5, $5, $6) ON CONFLICT(schedule) DO UPDATE SET \
         since=CASE WHEN schedules.description=excluded.description THEN schedules.since ELSE excluded.since END, \
         description=excluded.description, catch_up=excluded.catch_up, overlap=excluded.overlap, \
         seen_at=excluded.seen_at, next_at=excluded.next_at",
        params![schedule, description, catch_up, overlap, at.0, next.map(|next| next.0)],
    )?;
    tx.commit()
}

/// Decides a tick, and begins its run. All in one: a process that dies has either done nothing, or left a run behind that
/// is seen to have crashed.
pub(super) fn begin_tick(
    tx: Writing<'_>,
    id: RunId,
    run: &NewRun,
    tick: &Tick,
    process: &Lease,
) -> Result<Ownership, Refusal<NoRun>> {
    let refuse = |why| Err(Refusal::Because(why));
    if !extend(&tx, process)? {
        return Err(Refusal::NotRegistered);
    }
    // First of all, so that whoever decides another tick of the schedule waits: they look at each other's runs.
    tx.execute(
        "UPDATE schedules SET seen_at=$1, next_at=$2 WHERE schedule=$3",
        params![run.at.0, tick.next.map(|next| next.0), tick.schedule],
    )?;
    let paused = tx.find(
        "SELECT 1 FROM schedules WHERE schedule=$1 AND paused_at IS NOT NULL",
        [&tick.schedule],
        |_| Ok(()),
    )?;
    if paused.is_some() {
        return refuse(NoRun::Paused);
    }
    if !decide(&tx, &tick.schedule, tick.at)? {
        return refuse(NoRun::Taken);
    }
    if tick.if_busy != IfBusy::Begin {
        let busy = busy(&tx, &tick.schedule)?;
        match tick.if_busy {
            _ if busy.is_empty() => {}
            IfBusy::Skip => {
                tx.commit()?;
                return refuse(NoRun::Skipped(busy));
            }
            // What was decided is rolled back.
            IfBusy::Wait | IfBusy::Begin => return refuse(NoRun::Busy(busy)),
        }
    }
    let run_no = begin::insert(&tx, id, run, process)?;
    tx.execute(
        "UPDATE ticks SET run_no=$1 WHERE schedule=$2 AND tick_at=$3",
        params![run_no, tick.schedule, tick.at.0],
    )?;
    tx.commit()?;
    Ok(begin::ownership(run_no, process))
}

/// Leaves a tick out, if it is not decided.
pub(super) fn skip(tx: Writing<'_>, schedule: &str, at: Micros) -> Result<(), StoreError> {
    decide(&tx, schedule, at)?;
    tx.commit()
}

/// Whether the tick was not decided before.
fn decide(tx: &Writing<'_>, schedule: &str, at: Micros) -> Result<bool, StoreError> {
    let sql = "INSERT INTO ticks(schedule, tick_at) VALUES($1, $2) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, params![schedule, at.0])? == 1)
}

/// The runs of a schedule that a process has. One that waits for somebody is nobody's, and holds up nothing.
fn busy(tx: &Writing<'_>, schedule: &str) -> Result<Vec<RunId>, StoreError> {
    let sql = "SELECT f.id FROM flow_runs f JOIN ticks t ON t.run_no=f.run_no WHERE f.proc_no IS NOT NULL AND t.schedule=$1 \
               ORDER BY f.run_no";
    tx.step()?;
    let mut query = tx.sql.prepare_cached(sql).at(tx.path)?;
    let runs = query.query_map([schedule], |row| Ok(RunId::from_bytes(row.get(0)?)));
    runs.and_then(Iterator::collect).at(tx.path)
}

pub(super) fn pause(tx: Writing<'_>, schedule: &str, at: Micros, by: &str) -> Result<PauseChange, StoreError> {
    let sql = "UPDATE schedules SET paused_at=$1, paused_by=$2 WHERE schedule=$3 AND paused_at IS NULL";
    if tx.execute(sql, params![at.0, by, schedule])? == 1 {
        tx.commit()?;
        return Ok(PauseChange::Done);
    }
    let sql = "SELECT paused_at, paused_by FROM schedules WHERE schedule=$1";
    let paused = tx.find(sql, [schedule], |row| Ok((Micros(row.get(0)?), row.get(1)?)))?;
    Ok(paused.map_or(PauseChange::Unknown, |paused| PauseChange::Already(Some(paused))))
}

pub(super) fn resume(tx: Writing<'_>, schedule: &str, at: Micros) -> Result<PauseChange, StoreError> {
    let sql = "UPDATE schedules SET paused_at=NULL, paused_by=NULL, resumed_at=$1 WHERE schedule=$2 AND paused_at IS NOT NULL";
    if tx.execute(sql, params![at.0, schedule])? == 1 {
        tx.commit()?;
        return Ok(PauseChange::Done);
    }
    let known = tx.find("SELECT 1 FROM schedules WHERE schedule=$1", [schedule], |_| Ok(()))?;
    Ok(if known.is_some() { PauseChange::Already(None) } else { PauseChange::Unknown })
}
