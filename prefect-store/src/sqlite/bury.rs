//! Taking the runs of a dead process from it.
use rusqlite::params;

use super::cancel;
use super::errors::AtPath;
use super::outbox;
use super::record::{Transition, add_transition};
use super::write::{SqliteBackend, Writing};
use crate::backend::ProcessRow;
use crate::{Epoch, Micros, Reaped, RunId, StateCode, StoreError};

/// Each run is a transaction of its own: one may have many thousand running tasks.
pub(super) fn bury(
    backend: &mut SqliteBackend,
    proc_no: i64,
    process: &ProcessRow,
    at: Micros,
) -> Result<Vec<Reaped>, StoreError> {
    let mut reaped = Vec::new();
    loop {
        let found = backend.write(|tx| {
            let same = tx.find(
                "SELECT 1 FROM processes WHERE proc_no=?1 AND lease_until=?2",
                params![proc_no, process.lease_until.0],
                |_| Ok(()),
            )?;
            if same.is_none() {
                return Ok(None);
            }
            let run = tx.find(
                "SELECT run_no, epoch, id, flow_runs.name, crashes, flows.name FROM flow_runs JOIN flows USING(flow_no) \
                 WHERE proc_no=?1 LIMIT 1",
                [proc_no],
                |row| {
                    let reaped = Reaped {
                        id: RunId::from_bytes(row.get(2)?),
                        name: row.get(3)?,
                        crashes: row.get(4)?,
                        flow: row.get(5)?,
                        owner: process.as_owner(),
                        released: 0,
                        state: StateCode::CRASHED,
                    };
                    Ok((row.get(0)?, Epoch(row.get(1)?), reaped))
                },
            )?;
            let Some((run_no, epoch, mut reaped)) = run else {
                forget(&tx, proc_no)?;
                tx.commit()?;
                return Ok(None);
            };
            (reaped.released, reaped.state) = crash(&tx, run_no, epoch, at, Blame::Run)?;
            reaped.crashes += u32::from(reaped.state == StateCode::CRASHED);
            tx.commit()?;
            Ok(Some(reaped))
        });
        match found {
            Ok(Some(run)) => reaped.push(run),
            Ok(None) => return Ok(reaped),
            // What was done stays done; the rest is found the next time.
            Err(error) if reaped.is_empty() => return Err(error),
            Err(error) => {
                tracing::warn!(target: "prefect.Store", "Not all runs of {} could be looked at: {error}", process.as_owner());
                return Ok(reaped);
            }
        }
    }
}

/// Whether the end of a process is put down to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// Its process has ended, perhaps because of it.
    Run,
    /// The process lives, and only stopped to run it.
    Nobody,
}

/// A run has lost its owner: it is `Crashed`, and its running tasks will run again, in the same attempt. Gives how many those
/// are, and its state; nothing happens if the owner is another one.
pub(super) fn crash(
    tx: &Writing<'_>,
    run_no: i64,
    epoch: Epoch,
    at: Micros,
    blame: Blame,
) -> Result<(u64, StateCode), StoreError> {
    let Some((proc_no, version, last_seq, state)) = tx.find(
        "SELECT proc_no, version, last_seq, state FROM flow_runs WHERE run_no=?1 AND epoch=?2 AND proc_no IS NOT NULL",
        params![run_no, epoch.0],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, u32>(1)?, row.get::<_, u64>(2)?, row.get::<_, u8>(3)?)),
    )?
    else {
        return Ok((0, StateCode::CRASHED));
    };
    let mut seq = last_seq;
    let running = {
        let mut query = tx
            .sql
            .prepare_cached(
                "SELECT task_no, map_index, version, attempt FROM task_runs WHERE run_no=?1 AND state IN (?2, ?3)",
            )
            .at(tx.path)?;
        let codes = params![run_no, StateCode::RUNNING.number(), StateCode::CANCELLING.number()];
        let rows = query.query_map(codes, |row| {
            Ok(Transition {
                task: row.get(0)?,
                index: row.get(1)?,
                version: row.get::<_, u32>(2)? + 1,
                attempt: row.get(3)?,
                state: StateCode::PENDING,
                at: at.0,
                message: None,
            })
        });
        rows.and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>).at(tx.path)?
    };
    for task in &running {
        seq += 1;
        tx.execute(
            "UPDATE task_runs SET state=?1, version=?2, message=NULL WHERE run_no=?3 AND task_no=?4 AND map_index=?5",
            params![task.state.number(), task.version, run_no, task.task, task.index],
        )?;
        add_transition(tx, run_no, seq, task)?;
    }
    seq += 1;
    // Who was asked to end it has: nobody is to go on with it.
    let message = match cancel::asked_by(tx, run_no)? {
        Some(by) => Some(format!("Cancelled by {by}; its process ended before it said so.")),
        None if state == StateCode::CANCELLING.number() => {
            Some("Cancelled; its process ended before it said so.".to_owned())
        }
        None => None,
    };
    let state = if message.is_some() { StateCode::CANCELLED } else { StateCode::CRASHED };
    let crashed = message.is_none() && blame == Blame::Run;
    tx.execute(
        "UPDATE flow_runs SET state=?1, version=?2, message=?7, ended_at=?3, proc_no=NULL, epoch=epoch+1, crashes=crashes+?5, \
         last_seq=?4 WHERE run_no=?6",
        params![state.number(), version + 1, at.0, seq, crashed, run_no, message],
    )?;
    let ended = Transition::flow_run(state, version + 1, at.0);
    add_transition(tx, run_no, seq, &Transition { message: message.as_deref(), ..ended })?;
    tx.execute("DELETE FROM slots WHERE run_no=?1 AND proc_no=?2", [run_no, proc_no])?;
    if state == StateCode::CRASHED {
        outbox::tell_of_crash(tx, run_no, at)?;
    }
    Ok((running.len() as u64, state))
}

/// Whatever else the process had is free.
fn forget(tx: &Writing<'_>, proc_no: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM slots WHERE proc_no=?1", [proc_no])?;
    outbox::release(tx, proc_no)?;
    tx.execute("DELETE FROM processes WHERE proc_no=?1", [proc_no])?;
    Ok(())
}
