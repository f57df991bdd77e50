//! Schedules, and their ticks: each is decided in one transaction.
use super::database::extend;
use super::{Mismatch, Row, Writing, begin, rows, values};
use crate::backend::{Lease, Ownership, Refusal};
use crate::schedules::NoRun;
use crate::{
    DecidedTick, IfBusy, Micros, NewRun, PauseChange, RunId, ScheduleRow, ScheduleSeen, StateCode, StoreError, Tick,
};

/// Schedules with their last ticks up to `$1`.
pub(super) const SCHEDULE: &str = "SELECT s.schedule, s.description, s.catch_up, s.overlap, s.since, s.seen_at, s.next_at, \
     s.paused_at, s.paused_by, s.resumed_at, t.tick_at, f.id, f.name, f.state, s.ticks_gone FROM schedules s \
     LEFT JOIN ticks t ON t.schedule=s.schedule \
     AND t.tick_at=(SELECT max(last.tick_at) FROM ticks last WHERE last.schedule=s.schedule AND last.tick_at<=$1) \
     LEFT JOIN flow_runs f ON f.run_no=t.run_no";

pub(super) fn schedule(row: &mut Row) -> Result<ScheduleRow, Mismatch> {
    let paused_at: Option<Micros> = row.take(7)?;
    let by: Option<String> = row.take(8)?;
    let last = match row.take(10)? {
        Some(at) => Some(DecidedTick { at, run: run(row, 11)? }),
        None => None,
    };
    Ok(ScheduleRow {
        schedule: row.take(0)?,
        description: row.take(1)?,
        catch_up: row.take(2)?,
        overlap: row.take(3)?,
        since: row.take(4)?,
        seen_at: row.take(5)?,
        next_at: row.take(6)?,
        paused: paused_at.map(|at| (at, by.unwrap_or_default())),
        resumed_at: row.take(9)?,
        last,
        ticks_gone: row.take(14)?,
    })
}

/// The ticks of `$1`, as [`tick`] reads them.
pub(super) const TICKS: &str = "SELECT tick_at, f.id, f.name, f.state FROM ticks LEFT JOIN flow_runs f USING(run_no) \
     WHERE schedule=$1 ORDER BY tick_at DESC LIMIT $2";

pub(super) fn tick(row: &mut Row) -> Result<DecidedTick, Mismatch> {
    Ok(DecidedTick { at: row.take(0)?, run: run(row, 1)? })
}

/// The run of a tick: its id, its name, its state.
fn run(row: &mut Row, id: usize) -> Result<Option<(RunId, String, StateCode)>, Mismatch> {
    match row.take(id)? {
        Some(run) => Ok(Some((run, row.take(id + 1)?, rows::state(row, id + 2)?))),
        None => Ok(None),
    }
}

/// A process serves this schedule. One whose text has changed is new, also to a clock that was ahead when old ticks were removed.
pub(super) fn see(mut tx: Writing<'_>, seen: &ScheduleSeen) -> Result<(), StoreError> {
    let ScheduleSeen { schedule, description, catch_up, overlap, next, at } = seen;
    tx.execute(
        "INSERT INTO schedules(schedule, description, catch_up, overlap, since, seen_at, next_at) \
         VALUES($1, $2, $3, $4, $5, $5, $6) ON CONFLICT(schedule) DO UPDATE SET \
         since=CASE WHEN schedules.description=excluded.description THEN schedules.since ELSE excluded.since END, \
         ticks_gone=CASE WHEN schedules.description=excluded.description OR schedules.ticks_gone <= excluded.since \
         THEN schedules.ticks_gone END, \
         description=excluded.description, catch_up=excluded.catch_up, overlap=excluded.overlap, \
         seen_at=excluded.seen_at, next_at=excluded.next_at",
        &values![schedule, description, catch_up, overlap, *at, *next],
    )?;
    tx.commit()
}

/// Decides a tick, and begins its run. All in one: a process that dies has either done nothing, or left a run behind that
/// is seen to have crashed.
pub(super) fn begin_tick(
    mut tx: Writing<'_>,
    id: RunId,
    run: &NewRun,
    tick: &Tick,
    process: &Lease,
) -> Result<Ownership, Refusal<NoRun>> {
    let refuse = |why| Err(Refusal::Because(why));
    if !extend(&mut tx, process)? {
        return Err(Refusal::NotRegistered);
    }
    // First of all, so that whoever decides another tick of the schedule waits: they look at each other's runs.
    tx.execute(
        "UPDATE schedules SET seen_at=$1, next_at=$2 WHERE schedule=$3",
        &values![run.at, tick.next, &tick.schedule],
    )?;
    let paused = "SELECT 1 FROM schedules WHERE schedule=$1 AND paused_at IS NOT NULL";
    if tx.exists(paused, &values![&tick.schedule])? {
        return refuse(NoRun::Paused);
    }
    if !decide(&mut tx, &tick.schedule, tick.at)? {
        return refuse(NoRun::Taken);
    }
    if tick.if_busy != IfBusy::Begin {
        let busy = busy(&mut tx, &tick.schedule)?;
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
    let run_no = begin::insert(&mut tx, id, run, process)?;
    tx.execute(
        "UPDATE ticks SET run_no=$1 WHERE schedule=$2 AND tick_at=$3",
        &values![run_no, &tick.schedule, tick.at],
    )?;
    tx.commit()?;
    Ok(begin::ownership(run_no, process))
}

/// Leaves a tick out, if it is not decided.
pub(super) fn skip(mut tx: Writing<'_>, schedule: &str, at: Micros) -> Result<(), StoreError> {
    decide(&mut tx, schedule, at)?;
    tx.commit()
}

/// Whether the tick was not decided before. Of some that were the rows are [gone](super::prune::ticks).
fn decide(tx: &mut Writing<'_>, schedule: &str, at: Micros) -> Result<bool, StoreError> {
    let is_gone = "SELECT 1 FROM schedules WHERE schedule=$1 AND ticks_gone >= $2";
    if tx.exists(is_gone, &values![schedule, at])? {
        return Ok(false);
    }
    let sql = "INSERT INTO ticks(schedule, tick_at) VALUES($1, $2) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, &values![schedule, at])? == 1)
}

/// The runs of a schedule that a process has. One that waits for somebody is nobody's, and holds up nothing.
fn busy(tx: &mut Writing<'_>, schedule: &str) -> Result<Vec<RunId>, StoreError> {
    let sql = "SELECT f.id FROM flow_runs f JOIN ticks t ON t.run_no=f.run_no WHERE f.proc_no IS NOT NULL AND t.schedule=$1 \
               ORDER BY f.run_no";
    tx.all(sql, &values![schedule], |row| row.take(0))
}

pub(super) fn pause(mut tx: Writing<'_>, schedule: &str, at: Micros, by: &str) -> Result<PauseChange, StoreError> {
    let sql = "UPDATE schedules SET paused_at=$1, paused_by=$2 WHERE schedule=$3 AND paused_at IS NULL";
    if tx.execute(sql, &values![at, by, schedule])? == 1 {
        tx.commit()?;
        return Ok(PauseChange::Done);
    }
    let sql = "SELECT paused_at, paused_by FROM schedules WHERE schedule=$1";
    let paused = tx.find(sql, &values![schedule], |row| Ok((row.take(0)?, row.take(1)?)))?;
    Ok(paused.map_or(PauseChange::Unknown, |paused| PauseChange::Already(Some(paused))))
}

pub(super) fn resume(mut tx: Writing<'_>, schedule: &str, at: Micros) -> Result<PauseChange, StoreError> {
    let sql = "UPDATE schedules SET paused_at=NULL, paused_by=NULL, resumed_at=$1 WHERE schedule=$2 AND paused_at IS NOT NULL";
    if tx.execute(sql, &values![at, schedule])? == 1 {
        tx.commit()?;
        return Ok(PauseChange::Done);
    }
    let known = tx.exists("SELECT 1 FROM schedules WHERE schedule=$1", &values![schedule])?;
    Ok(if known { PauseChange::Already(None) } else { PauseChange::Unknown })
}
