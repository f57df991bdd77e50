//! Taking a run that nobody has.
use rusqlite::params;

use super::record::{Transition, add_transition};
use super::rows;
use super::write::{Writing, extend};
use crate::backend::{Lease, Ownership, Refusal};
use crate::{CRASHES_UNTIL_PARKED, ClaimRefused, Epoch, Micros, Owner, Parked, RunId, StateCode};

/// What decides whether a run may be taken.
struct Seen {
    run_no: i64,
    state: StateCode,
    version: u32,
    epoch: i64,
    last_seq: u64,
    crashes: u32,
    owner: Option<Owner>,
}

pub(super) fn claim(
    tx: Writing<'_>,
    run: RunId,
    seen: Epoch,
    parked: Parked,
    at: Micros,
    process: &Lease,
) -> Result<Ownership, Refusal<ClaimRefused>> {
    let refuse = |refused| Err(Refusal::Because(refused));
    if !extend(&tx, process)? {
        return Err(Refusal::NotRegistered);
    }
    // What is read here stays true to the commit: the transaction has begun as one that writes.
    let now = tx.find(
        "SELECT run_no, state, version, epoch, last_seq, crashes, host, pid FROM flow_runs LEFT JOIN processes USING(proc_no) \
         WHERE flow_runs.id=?1",
        [&run.as_bytes()[..]],
        |row| {
            Ok(Seen {
                run_no: row.get(0)?,
                state: rows::state(row, 1)?,
                version: row.get(2)?,
                epoch: row.get(3)?,
                last_seq: row.get(4)?,
                crashes: row.get(5)?,
                owner: rows::owner(row, 6)?,
            })
        },
    )?;
    let Some(now) = now else { return refuse(ClaimRefused::Unknown(run)) };
    if let Some(by) = now.owner {
        return refuse(ClaimRefused::Owned { run, by });
    }
    if now.state.is_success() || now.state == StateCode::CANCELLED {
        return refuse(ClaimRefused::Ended { run, state: now.state });
    }
    if now.epoch != seen.0 {
        return refuse(ClaimRefused::Changed { run, state: now.state });
    }
    let crashes = match parked {
        Parked::StartAgain => 0,
        Parked::Refuse if now.crashes >= CRASHES_UNTIL_PARKED => {
            return refuse(ClaimRefused::Parked { run, crashes: now.crashes });
        }
        Parked::Refuse => now.crashes,
    };
    // Whoever asked for the end of it, asked its owner before.
    tx.execute("DELETE FROM cancels WHERE run_no=?1", [now.run_no])?;
    let (epoch, version, last_seq) = (now.epoch + 1, now.version + 1, now.last_seq + 1);
    tx.execute(
        "UPDATE flow_runs SET state=?1, version=?2, message=NULL, started_at=coalesce(started_at, ?3), ended_at=NULL, \
         proc_no=?4, epoch=?5, crashes=?6, last_seq=?7 WHERE run_no=?8",
        params![StateCode::RUNNING.number(), version, at.0, process.proc_no, epoch, crashes, last_seq, now.run_no],
    )?;
    add_transition(&tx, now.run_no, last_seq, &Transition::flow_run(StateCode::RUNNING, version, at.0))?;
    tx.commit()?;
    Ok(Ownership { run_no: now.run_no, proc_no: process.proc_no, epoch: Epoch(epoch), version, last_seq })
}
