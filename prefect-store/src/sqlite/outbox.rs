//! The table of notifications: who has them, and what became of them.
use std::time::Duration;

use rusqlite::{Row, params};

use super::rows::state;
use super::write::{Writing, extend};
use crate::backend::{Lease, Refusal};
use crate::outbox::Which;
use crate::{
    Arrival, DOUBTFUL_TRIES, Fate, Mark, Message, Micros, NotificationRow, NotificationStatus, RunId, StoreError,
    TRIES, ToSend, Wanted,
};

pub(super) const WAITS: i64 = 0;
pub(super) const TAKEN: i64 = 1;
const SENT: i64 = 2;
const GIVEN_UP: i64 = 3;

/// `not_before` of what is due from the beginning.
pub(super) const AT_ONCE: i64 = 0;

/// How long is waited before the next try, after so many.
fn pause(tries: u32) -> Duration {
    const MOST: Duration = Duration::from_hours(6);
    match tries {
        0 | 1 => Duration::ZERO,
        tries => Duration::from_mins(1).saturating_mul(1 << (tries - 2).min(20)).min(MOST),
    }
}

/// A process has nothing any more.
pub(super) fn release(tx: &Writing<'_>, proc_no: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE outbox SET status=CASE WHEN status=$1 THEN $2 ELSE status END, proc_no=NULL WHERE proc_no=$3",
        params![TAKEN, WAITS, proc_no],
    )?;
    Ok(())
}

/// A run has lost its owner.
pub(super) fn tell_of_crash(tx: &Writing<'_>, run_no: i64, at: Micros) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO outbox(run_no, kind, dest, payload, state, created_at, not_before) \
         SELECT run_no, kind, dest, payload, $1, $2, $3 FROM crash_notices WHERE run_no=$4",
        params![crate::StateCode::CRASHED.number(), at.0, AT_ONCE, run_no],
    )?;
    Ok(())
}

/// What is sent when the run loses this owner, if it still is.
pub(super) fn set_crash_notices(
    tx: Writing<'_>,
    (run_no, proc_no, epoch): (i64, i64, i64),
    notices: &[Message],
) -> Result<(), StoreError> {
    let owned = "SELECT 1 FROM flow_runs WHERE run_no=$1 AND proc_no=$2 AND epoch=$3";
    if tx.find(owned, params![run_no, proc_no, epoch], |_| Ok(()))?.is_none() {
        return Ok(());
    }
    tx.execute("DELETE FROM crash_notices WHERE run_no=$1", [run_no])?;
    for Message { kind, to, payload } in notices {
        tx.execute(
            "INSERT INTO crash_notices(run_no, kind, dest, payload) VALUES($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            params![run_no, kind, to, payload],
        )?;
    }
    tx.commit()
}

/// Notes what became of notifications that a process had. One that was taken for dead may come late with what it has sent.
pub(super) fn mark(tx: Writing<'_>, proc_no: Option<i64>, marks: &[Mark], now: Micros) -> Result<(), StoreError> {
    for Mark { of, fate } in marks {
        let Some((id, tries)) = find(&tx, of.0, proc_no)? else { continue };
        let (status, not_before, error) = match fate {
            Fate::Sent => (SENT, now, None),
            Fate::GivenUp(why) => (GIVEN_UP, now, Some(why)),
            Fate::Left { why, arrival } => {
                let most = if *arrival == Arrival::Perhaps { DOUBTFUL_TRIES } else { TRIES };
                (if tries >= most { GIVEN_UP } else { WAITS }, now.after(pause(tries)), Some(why))
            }
        };
        tx.execute(
            "UPDATE outbox SET status=$1, proc_no=NULL, not_before=$2, changed_at=$3, last_error=$4 \
             WHERE id=$5 AND (proc_no=$6 OR (status=$7 AND $1=$8))",
            params![status, not_before.0, now.0, error, id, proc_no, WAITS, SENT],
        )?;
    }
    tx.commit()
}

/// The number of a notification that this process has, or that nobody has, and how often it was taken.
fn find(tx: &Writing<'_>, which: Which, proc_no: Option<i64>) -> Result<Option<(i64, u32)>, StoreError> {
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let free = "(proc_no=$1 OR status=$2)";
    match which {
        Which::Row(id) => tx.find(
            &format!("SELECT id, attempts FROM outbox WHERE {free} AND id=$3"),
            params![proc_no, WAITS, id],
            read,
        ),
        Which::Ticket { run_no, epoch, ticket } => tx.find(
            &format!("SELECT id, attempts FROM outbox WHERE {free} AND run_no=$3 AND epoch=$4 AND ticket=$5"),
            params![proc_no, WAITS, run_no, epoch, ticket],
            read,
        ),
    }
}

/// Gives a process notifications to send. Whoever else asks meanwhile does not get them.
pub(super) fn take(
    tx: Writing<'_>,
    wanted: &Wanted,
    now: Micros,
    process: &Lease,
) -> Result<Vec<ToSend>, Refusal<StoreError>> {
    if !extend(&tx, process)? {
        return Err(Refusal::NotRegistered);
    }
    let told = "RETURNING id, kind, dest, payload, changes, run_no, epoch, ticket";
    let mut taken = Vec::new();
    match wanted {
        Wanted::Due { kind, to, limit } => taken.extend(tx.all(
            &format!(
                "UPDATE outbox SET status=$1, proc_no=$2, attempts=attempts+1 WHERE status=$3 AND id IN (SELECT id FROM outbox \
                 WHERE status=$3 AND not_before<=$4 AND kind=$5 AND dest=$6 ORDER BY id LIMIT $7) {told}"
            ),
            params![TAKEN, process.proc_no, WAITS, now.0, kind, to, limit],
            to_send,
        )?),
        Wanted::These(ids) => {
            for id in ids {
                taken.extend(tx.all(
                    &format!(
                        "UPDATE outbox SET status=$1, proc_no=$2, attempts=1 WHERE id=$3 AND status IN ($4, $5) {told}"
                    ),
                    params![TAKEN, process.proc_no, id, WAITS, GIVEN_UP],
                    to_send,
                )?);
            }
        }
    }
    let mut all = Vec::with_capacity(taken.len());
    for (mut to_send, ticket) in taken {
        if let Some((run_no, epoch, ticket)) = ticket {
            to_send.causes = tx.all(
                "SELECT cause, n FROM outbox_causes WHERE run_no=$1 AND epoch=$2 AND ticket=$3 ORDER BY n DESC, cause",
                params![run_no, epoch, ticket],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
        }
        all.push(to_send);
    }
    all.sort_by_key(|to_send| to_send.id);
    tx.commit()?;
    Ok(all)
}

type Ticket = Option<(i64, i64, i64)>;

fn to_send(row: &Row<'_>) -> rusqlite::Result<(ToSend, Ticket)> {
    let message = Message { kind: row.get::<_, String>(1)?.into(), to: row.get(2)?, payload: row.get(3)? };
    let (run_no, epoch, ticket): (i64, Option<i64>, Option<i64>) = (row.get(5)?, row.get(6)?, row.get(7)?);
    let ticket = epoch.zip(ticket).map(|(epoch, ticket)| (run_no, epoch, ticket));
    Ok((ToSend { id: row.get(0)?, message, changes: row.get(4)?, causes: Vec::new() }, ticket))
}

/// What [`notification`] reads, with the tables that it is in.
pub(super) const NOTIFICATION: &str = "SELECT outbox.id, kind, dest, payload, outbox.state, changes, status, attempts, \
    outbox.created_at, not_before, last_error, flow_runs.id, flow_runs.name FROM outbox LEFT JOIN flow_runs USING(run_no)";

/// Of [`NOTIFICATION`] those that were not sent.
pub(super) const UNSENT: &str = "status <> 2";

pub(super) fn notification(row: &Row<'_>) -> rusqlite::Result<NotificationRow> {
    Ok(NotificationRow {
        id: row.get(0)?,
        message: Message { kind: row.get::<_, String>(1)?.into(), to: row.get(2)?, payload: row.get(3)? },
        state: state(row, 4)?,
        changes: row.get(5)?,
        status: match row.get(6)? {
            TAKEN => NotificationStatus::Taken,
            SENT => NotificationStatus::Sent,
            GIVEN_UP => NotificationStatus::GivenUp,
            _ => NotificationStatus::Waits,
        },
        tries: row.get(7)?,
        created_at: Micros(row.get(8)?),
        not_before: Micros(row.get(9)?),
        last_error: row.get(10)?,
        run: match row.get::<_, Option<_>>(11)? {
            Some(id) => Some((RunId::from_bytes(id), row.get(12)?)),
            None => None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_try_after_the_first_process_is_at_once_and_all_take_more_than_a_day() {
        assert_eq!([1, 2, 3, 4].map(pause).map(|pause| pause.as_secs()), [0, 60, 120, 240]);
        assert_eq!(pause(u32::MAX), Duration::from_hours(6));
        assert!((1..TRIES).map(pause).sum::<Duration>() > Duration::from_hours(24));
    }
}
