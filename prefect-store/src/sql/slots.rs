//! Places of what is limited.
use std::time::Duration;

use super::{Connection, FLOW, Mismatch, NO_INDEX, Row, Writing, index_to_sql, values};
use crate::slots::{Full, SlotOwner, SlotRow, Slots, SlotsWanted, Taking};
use crate::{Micros, StoreError};

/// A process that waits says so at least this often, while it waits.
const SAYS_SO: Duration = Duration::from_millis(500);

/// One that has not said so for longer waits no more: it was stopped, or has forgotten.
const PATIENCE: Duration = Duration::from_secs(3);

/// The clocks of those who share a rate differ by less.
const AHEAD: Duration = Duration::from_secs(5);

const SLOT: &str = "SELECT s.tag, s.slot, f.id, f.name, s.holder FROM slots s JOIN flow_runs f USING(run_no)";

fn slot(row: &mut Row) -> Result<SlotRow, Mismatch> {
    Ok(SlotRow {
        name: row.take(0)?,
        slot: row.take(1)?,
        run: row.take(2)?,
        run_name: row.take(3)?,
        task: row.take(4)?,
    })
}

/// All places that are taken.
pub(super) fn all(connection: &mut dyn Connection) -> Result<Vec<SlotRow>, StoreError> {
    connection.all(&format!("{SLOT} ORDER BY s.tag, s.slot"), &[], slot)
}

/// Takes all that is wanted, or nothing.
pub(super) fn take(
    mut tx: Writing<'_>,
    owner: &SlotOwner,
    wanted: &SlotsWanted,
    taking: i64,
    now: Micros,
) -> Result<Taking, StoreError> {
    let mine = tx.exists(
        "SELECT 1 FROM flow_runs WHERE run_no=$1 AND epoch=$2 AND proc_no=$3",
        &values![owner.run_no, owner.epoch, owner.proc_no],
    )?;
    if !mine {
        return Ok(Taking::Lost);
    }
    let since = waits_since(&mut tx, wanted, owner.proc_no, now)?;
    let mut places = Vec::new();
    for (name, limit) in &wanted.places {
        let taken: Vec<u32> =
            tx.all("SELECT slot FROM slots WHERE tag=$1 ORDER BY slot", &values![name], |row| row.take(0))?;
        let count = u32::try_from(taken.len()).unwrap_or(u32::MAX);
        if count.saturating_add(before(&mut tx, name, owner.proc_no, since, now)?) >= *limit {
            let holder = tx.find(&format!("{SLOT} WHERE s.tag=$1 ORDER BY s.slot LIMIT 1"), &values![name], slot)?;
            if stand_in_line(&mut tx, wanted, owner.proc_no, since, now)? {
                tx.commit()?;
            }
            return Ok(Taking::Full(Full { name: name.clone(), limit: *limit, taken: count, holder }));
        }
        // The lowest number that is free.
        let free = (0..).zip(&taken).find(|(free, slot)| free != *slot).map_or(count, |(free, _)| free);
        places.push((name.clone(), free));
    }
    for (name, interval) in &wanted.starts {
        let next = tx.find("SELECT next_at FROM rates WHERE tag=$1", &values![name], |row| row.take::<Micros>(0))?;
        // Somebody may have set the time back. But who started last may have read a later time than this: its clock is ahead,
        // or it came first to the database.
        let latest = now.after(*interval).after(AHEAD);
        if let Some(next) = next.filter(|next| *next > now && *next <= latest) {
            let wait = Duration::from_micros(next.0.abs_diff(now.0));
            if stand_in_line(&mut tx, wanted, owner.proc_no, since, now)? {
                tx.commit()?;
            }
            return Ok(Taking::NotBefore { name: name.clone(), wait });
        }
    }
    let (task, index) = owner.task.map_or((FLOW, NO_INDEX), |(task, index)| (task.into(), index_to_sql(index)));
    for (name, slot) in &places {
        tx.execute(
            "INSERT INTO slots(tag, slot, run_no, task_no, map_index, proc_no, taking, holder) \
             VALUES($1, $2, $3, $4, $5, $6, $7, $8)",
            &values![name, *slot, owner.run_no, task, index, owner.proc_no, taking, owner.name.as_deref()],
        )?;
        if wanted.more.contains(name) {
            stand_at_the_end(&mut tx, name, owner.proc_no, now)?;
        } else {
            leave_line(&mut tx, name, owner.proc_no)?;
        }
    }
    for (name, interval) in &wanted.starts {
        tx.execute(
            "INSERT INTO rates(tag, next_at) VALUES($1, $2) ON CONFLICT(tag) DO UPDATE SET next_at=excluded.next_at",
            &values![name, now.after(*interval)],
        )?;
    }
    tx.commit()?;
    Ok(Taking::Taken(Slots { proc_no: owner.proc_no, taking }))
}

/// The earliest time at which who waits has said so.
fn lately(now: Micros) -> Micros {
    now.before(PATIENCE)
}

/// Since when this process waits for all that is wanted: since it stands in the last of the lines.
///
/// One time for all of it, or two processes could stand before each other, in the line for one thing and in that for another,
/// and neither would ever get both. What a process asks for in the same while has nothing in common: in its own line, what
/// needs the same stands behind. So each of its times is that of one demand, and the demands of all processes are in one order,
/// whose first is held up by nobody.
fn waits_since(tx: &mut Writing<'_>, wanted: &SlotsWanted, proc_no: i64, now: Micros) -> Result<Micros, StoreError> {
    let mut latest = None;
    for (name, _) in &wanted.places {
        let since: Option<Micros> = tx.find(
            "SELECT since FROM slot_lines WHERE tag=$1 AND proc_no=$2 AND seen>=$3",
            &values![name, proc_no, lately(now)],
            |row| row.take(0),
        )?;
        let Some(since) = since else { return Ok(now) };
        latest = latest.max(Some(since));
    }
    Ok(latest.unwrap_or(now))
}

/// How many other processes have waited for longer than since then.
fn before(tx: &mut Writing<'_>, name: &str, proc_no: i64, since: Micros, now: Micros) -> Result<u32, StoreError> {
    let count = tx.find(
        "SELECT count(*) FROM slot_lines WHERE tag=$1 AND proc_no<>$2 AND seen>=$3 AND since<$4",
        &values![name, proc_no, lately(now), since],
        |row| row.take(0),
    )?;
    Ok(count.unwrap_or_default())
}

/// This process waits for a place of each, since then. False if it has just said so.
fn stand_in_line(
    tx: &mut Writing<'_>,
    wanted: &SlotsWanted,
    proc_no: i64,
    since: Micros,
    now: Micros,
) -> Result<bool, StoreError> {
    let mut said = false;
    for (name, _) in &wanted.places {
        let rows = tx.execute(
            "INSERT INTO slot_lines(tag, proc_no, since, seen) VALUES($1, $2, $3, $4) ON CONFLICT(tag, proc_no) DO UPDATE \
             SET since=excluded.since, seen=excluded.seen WHERE slot_lines.seen<$5 OR slot_lines.since<>excluded.since",
            &values![name, proc_no, since, now, now.before(SAYS_SO)],
        )?;
        said |= rows > 0;
    }
    Ok(said)
}

/// This process has got a place, and waits for one more.
fn stand_at_the_end(tx: &mut Writing<'_>, name: &str, proc_no: i64, now: Micros) -> Result<(), StoreError> {
    let sql = "INSERT INTO slot_lines(tag, proc_no, since, seen) VALUES($1, $2, $3, $3) \
               ON CONFLICT(tag, proc_no) DO UPDATE SET since=excluded.since, seen=excluded.seen";
    tx.execute(sql, &values![name, proc_no, now])?;
    Ok(())
}

/// This process waits no more.
fn leave_line(tx: &mut Writing<'_>, name: &str, proc_no: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM slot_lines WHERE tag=$1 AND proc_no=$2", &values![name, proc_no])?;
    Ok(())
}

/// This process waits no more for any of these.
pub(super) fn leave_lines(mut tx: Writing<'_>, proc_no: i64, names: &[String]) -> Result<(), StoreError> {
    for name in names {
        leave_line(&mut tx, name, proc_no)?;
    }
    tx.commit()
}

/// Gives places back. Who has lost them meanwhile frees nobody else's: the number of their taking is there once.
pub(super) fn give_back(mut tx: Writing<'_>, slots: &Slots) -> Result<(), StoreError> {
    let sql = "DELETE FROM slots WHERE proc_no=$1 AND taking=$2";
    tx.execute(sql, &values![slots.proc_no, slots.taking])?;
    tx.commit()
}
