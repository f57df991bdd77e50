//! Taking a run that nobody has.
use super::anew::start_anew;
use super::begin::keep_graph;
use super::database::{extend, lock_run};
use super::{Transition, Writing, cancel, rows, values};
use crate::backend::{AsSeen, Lease, Ownership, Refusal};
use crate::{CRASHES_UNTIL_PARKED, ClaimRefused, Epoch, GoesOnWith, Micros, Owner, Parked, RunId, StateCode};

/// What decides whether a run may be taken.
struct Now {
    run_no: i64,
    state: StateCode,
    version: u32,
    epoch: i64,
    last_seq: u64,
    crashes: u32,
    owner: Option<Owner>,
}

pub(super) fn claim(
    mut tx: Writing<'_>,
    run: RunId,
    (seen, parked): (AsSeen, Parked),
    with: &GoesOnWith,
    at: Micros,
    process: &Lease,
) -> Result<Ownership, Refusal<ClaimRefused>> {
    let refuse = |refused| Err(Refusal::Because(refused));
    if !extend(&mut tx, process)? {
        return Err(Refusal::NotRegistered);
    }
    lock_run(&mut tx, run)?;
    let now = tx.find(
        "SELECT run_no, state, version, epoch, last_seq, crashes, host, pid FROM flow_runs LEFT JOIN processes USING(proc_no) \
         WHERE flow_runs.id=$1",
        &values![&run],
        |row| {
            Ok(Now {
                run_no: row.take(0)?,
                state: rows::state(row, 1)?,
                version: row.take(2)?,
                epoch: row.take(3)?,
                last_seq: row.take(4)?,
                crashes: row.take(5)?,
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
    // Its owner was asked for its end, and has paused it before it looked: nobody goes on with it.
    if now.state == StateCode::PAUSED
        && let Some(by) = cancel::asked_by(&mut tx, now.run_no)?
    {
        cancel::end(&mut tx, now.run_no, now.version + 1, now.last_seq + 1, &by, at)?;
        tx.commit()?;
        return refuse(ClaimRefused::Ended { run, state: StateCode::CANCELLED });
    }
    // Who had it then may have gone on with it, and given it up: what was read of it meanwhile is a mixture.
    if now.epoch != seen.epoch.0 || now.version != seen.version {
        return refuse(ClaimRefused::Changed { run, state: now.state });
    }
    let crashes = match parked {
        Parked::StartAgain => 0,
        Parked::Refuse if now.crashes >= CRASHES_UNTIL_PARKED => {
            return refuse(ClaimRefused::Parked { run, crashes: now.crashes });
        }
        Parked::Refuse => now.crashes,
    };
    // Whoever asked for the end of it, asked its owner before; and it has ended, if in another way.
    tx.execute("DELETE FROM cancels WHERE run_no=$1", &values![now.run_no])?;
    let (epoch, version) = (now.epoch + 1, now.version + 1);
    let last_seq = start_anew(&mut tx, now.run_no, &with.anew, now.last_seq + 1, at)?;
    tx.execute(
        "UPDATE flow_runs SET state=$1, version=$2, message=NULL, started_at=coalesce(started_at, $3), ended_at=NULL, \
         proc_no=$4, epoch=$5, crashes=$6, last_seq=$7 WHERE run_no=$8",
        &values![StateCode::RUNNING, version, at, process.proc_no, epoch, crashes, last_seq, now.run_no],
    )?;
    if let Some(graph) = &with.graph {
        keep_graph(&mut tx, graph)?;
        tx.execute("UPDATE flow_runs SET graph_hash=$1 WHERE run_no=$2", &values![&graph.hash, now.run_no])?;
    }
    Transition::flow_run(StateCode::RUNNING, version, at.0).add(&mut tx, now.run_no, now.last_seq + 1)?;
    tx.commit()?;
    Ok(Ownership { run_no: now.run_no, proc_no: process.proc_no, epoch: Epoch(epoch), version, last_seq })
}
