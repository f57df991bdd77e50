//! The table of notifications: who has them, and what became of them.
use std::time::Duration;

use super::database::extend;
use super::rows::state;
use super::{Mismatch, Row, Writing, values};
use crate::backend::{Lease, Refusal};
use crate::outbox::Which;
use crate::owned::Recording;
use crate::{
    Arrival, DOUBTFUL_TRIES, Fate, Mark, Message, Micros, NotificationRow, NotificationStatus, StateCode, StoreError,
    TRIES, ToSend, Wanted,
};

pub(super) const WAITS: i64 = 0;
pub(crate) const TAKEN: i64 = 1;
const SENT: i64 = 2;
const GIVEN_UP: i64 = 3;

/// `not_before` of what is due from the beginning.
pub(crate) const AT_ONCE: i64 = 0;

/// A notification in a batch, or more changes that it tells of.
pub(crate) const TELL: &str = "INSERT INTO outbox(run_no, epoch, ticket, kind, dest, payload, task_no, state, changes, status, \
    attempts, proc_no, created_at, not_before) VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $12, $13) \
    ON CONFLICT(run_no, epoch, ticket) DO UPDATE SET changes = outbox.changes + excluded.changes";

/// How often a cause was there in a batch.
pub(crate) const COUNT: &str = "INSERT INTO outbox_causes(run_no, epoch, ticket, cause, n) VALUES($1, $2, $3, $4, $5) \
    ON CONFLICT(run_no, epoch, ticket, cause) DO UPDATE SET n = outbox_causes.n + excluded.n";

/// How long is waited before the next try, after so many.
fn pause(tries: u32) -> Duration {
    const MOST: Duration = Duration::from_hours(6);
    match tries {
        0 | 1 => Duration::ZERO,
        tries => Duration::from_mins(1).saturating_mul(1 << (tries - 2).min(20)).min(MOST),
    }
}

/// A process has nothing any more.
pub(super) fn release(tx: &mut Writing<'_>, proc_no: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE outbox SET status=CASE WHEN status=$1 THEN $2 ELSE status END, proc_no=NULL WHERE proc_no=$3",
        &values![TAKEN, WAITS, proc_no],
    )?;
    Ok(())
}

/// A run has lost its owner.
pub(super) fn tell_of_crash(tx: &mut Writing<'_>, run_no: i64, at: Micros) -> Result<(), StoreError> {
    let notices = tx.all("SELECT kind, dest, payload FROM crash_notices WHERE run_no=$1", &values![run_no], message)?;
    for Message { kind, to, payload } in &notices {
        tx.execute(
            "INSERT INTO outbox(run_no, kind, dest, payload, state, created_at, not_before) \
             VALUES($1, $2, $3, $4, $5, $6, $7)",
            &values![run_no, &**kind, to, payload, StateCode::CRASHED, at, AT_ONCE],
        )?;
    }
    Ok(())
}

/// The columns `kind`, `dest` and `payload`.
fn message(row: &mut Row) -> Result<Message, Mismatch> {
    Ok(Message { kind: row.take::<String>(0)?.into(), to: row.take(1)?, payload: row.take(2)? })
}

/// What is sent when the run loses this owner, if it still is.
pub(super) fn set_crash_notices(mut tx: Writing<'_>, run: &Recording, notices: &[Message]) -> Result<(), StoreError> {
    // As an update: nobody takes the run from its owner before the commit.
    let mine = tx.execute(
        "UPDATE flow_runs SET epoch=epoch WHERE run_no=$1 AND proc_no=$2 AND epoch=$3",
        &values![run.run_no, run.proc_no, run.epoch],
    )?;
    if mine == 0 {
        return Ok(());
    }
    tx.execute("DELETE FROM crash_notices WHERE run_no=$1", &values![run.run_no])?;
    for Message { kind, to, payload } in notices {
        tx.execute(
            "INSERT INTO crash_notices(run_no, kind, dest, payload) VALUES($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            &values![run.run_no, &**kind, to, payload],
        )?;
    }
    tx.commit()
}

/// Notes what became of notifications that a process had. One that was taken for dead may come late with what it has sent.
pub(super) fn mark(mut tx: Writing<'_>, proc_no: Option<i64>, marks: &[Mark], now: Micros) -> Result<(), StoreError> {
    for Mark { of, fate } in marks {
        let Some((id, tries)) = find(&mut tx, of.0, proc_no)? else { continue };
        let (status, not_before, error) = match fate {
            Fate::Sent => {
                tx.execute(
                    "UPDATE outbox SET status=$1, proc_no=NULL, changed_at=$2, last_error=NULL \
                     WHERE id=$3 AND (proc_no=$4 OR status=$5)",
                    &values![SENT, now, id, proc_no, WAITS],
                )?;
                continue;
            }
            Fate::Untried(why) => {
                tx.execute(
                    "UPDATE outbox SET status=$1, proc_no=NULL, attempts=attempts-1, changed_at=$2, last_error=$3 \
                     WHERE id=$4 AND proc_no=$5",
                    &values![WAITS, now, why, id, proc_no],
                )?;
                continue;
            }
            Fate::GivenUp(why) => (GIVEN_UP, now, why),
            Fate::Left { why, arrival } => {
                let most = if *arrival == Arrival::Perhaps { DOUBTFUL_TRIES } else { TRIES };
                (if tries >= most { GIVEN_UP } else { WAITS }, now.after(pause(tries)), why)
            }
        };
        tx.execute(
            "UPDATE outbox SET status=$1, proc_no=NULL, not_before=$2, changed_at=$3, last_error=$4 \
             WHERE id=$5 AND proc_no=$6",
            &values![status, not_before, now, error, id, proc_no],
        )?;
    }
    tx.commit()
}

/// The number of a notification that this process has, or that nobody has, and how often it was taken.
fn find(tx: &mut Writing<'_>, which: Which, proc_no: Option<i64>) -> Result<Option<(i64, u32)>, StoreError> {
    let select = "SELECT id, attempts FROM outbox WHERE (proc_no=$1 OR status=$2)";
    let read = |row: &mut Row| Ok((row.take(0)?, row.take(1)?));
    match which {
        Which::Row(id) => tx.find(&format!("{select} AND id=$3"), &values![proc_no, WAITS, id], read),
        Which::Ticket { run_no, epoch, ticket } => tx.find(
            &format!("{select} AND run_no=$3 AND epoch=$4 AND ticket=$5"),
            &values![proc_no, WAITS, run_no, epoch, ticket],
            read,
        ),
    }
}

/// Why none were given.
#[derive(Debug)]
pub(crate) struct TakeFailed {
    pub(crate) error: StoreError,
    /// The process may have these, by an answer that was lost.
    pub(crate) perhaps: Box<[i64]>,
}

impl From<StoreError> for TakeFailed {
    fn from(error: StoreError) -> Self {
        Self { error, perhaps: Box::default() }
    }
}

/// Gives a process notifications to send. Whoever else asks meanwhile does not get them.
pub(super) fn take(
    mut tx: Writing<'_>,
    wanted: &Wanted,
    now: Micros,
    process: &Lease,
) -> Result<Vec<ToSend>, Refusal<TakeFailed>> {
    if !extend(&mut tx, process)? {
        return Err(Refusal::NotRegistered);
    }
    let told = "RETURNING kind, dest, payload, id, changes, run_no, epoch, ticket";
    let mut taken = Vec::new();
    match wanted {
        Wanted::Due { kind, to, limit } => taken.extend(tx.all(
            &format!(
                "UPDATE outbox SET status=$1, proc_no=$2, attempts=attempts+1 WHERE status=$3 AND id IN (SELECT id FROM outbox \
                 WHERE status=$3 AND not_before<=$4 AND kind=$5 AND dest=$6 ORDER BY id LIMIT $7) {told}"
            ),
            &values![TAKEN, process.proc_no, WAITS, now, kind, to, *limit],
            to_send,
        )?),
        Wanted::These(ids) => {
            for id in ids {
                taken.extend(tx.all(
                    &format!(
                        "UPDATE outbox SET status=$1, proc_no=$2, attempts=1 WHERE id=$3 AND status IN ($4, $5) {told}"
                    ),
                    &values![TAKEN, process.proc_no, *id, WAITS, GIVEN_UP],
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
                &values![run_no, epoch, ticket],
                |row| Ok((row.take(0)?, row.take(1)?)),
            )?;
        }
        all.push(to_send);
    }
    all.sort_by_key(|to_send| to_send.id);
    let perhaps = || all.iter().map(|to_send| to_send.id).collect();
    tx.commit().map_err(|error| Refusal::Because(TakeFailed { error, perhaps: perhaps() }))?;
    Ok(all)
}

type Ticket = Option<(i64, i64, i64)>;

fn to_send(row: &mut Row) -> Result<(ToSend, Ticket), Mismatch> {
    let (run_no, epoch, ticket): (i64, Option<i64>, Option<i64>) = (row.take(5)?, row.take(6)?, row.take(7)?);
    let ticket = epoch.zip(ticket).map(|(epoch, ticket)| (run_no, epoch, ticket));
    Ok((ToSend { id: row.take(3)?, message: message(row)?, changes: row.take(4)?, causes: Vec::new() }, ticket))
}

/// What [`notification`] reads, with the tables that it is in.
pub(super) const NOTIFICATION: &str = "SELECT kind, dest, payload, outbox.id, outbox.state, changes, status, attempts, \
    outbox.created_at, not_before, last_error, flow_runs.id, flow_runs.name FROM outbox LEFT JOIN flow_runs USING(run_no)";

/// Of [`NOTIFICATION`] those that were not sent.
pub(super) const UNSENT: &str = "status <> 2";

pub(super) fn notification(row: &mut Row) -> Result<NotificationRow, Mismatch> {
    Ok(NotificationRow {
        message: message(row)?,
        id: row.take(3)?,
        state: state(row, 4)?,
        changes: row.take(5)?,
        status: match row.take(6)? {
            TAKEN => NotificationStatus::Taken,
            SENT => NotificationStatus::Sent,
            GIVEN_UP => NotificationStatus::GivenUp,
            _ => NotificationStatus::Waits,
        },
        tries: row.take(7)?,
        created_at: row.take(8)?,
        not_before: row.take(9)?,
        last_error: row.take(10)?,
        run: match row.take(11)? {
            Some(id) => Some((id, row.take(12)?)),
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
