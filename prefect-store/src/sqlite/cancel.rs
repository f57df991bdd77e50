//! Asking for the end of a run.
use rusqlite::params;

use super::errors::AtPath;
use super::record::{Transition, add_transition};
use super::rows;
use super::write::{SqliteBackend, Writing};
use crate::{CancelRefused, Cancelled, Micros, RunId, StateCode, StoreError};

/// Ends a run that nobody has, or asks its owner to.
pub(super) fn cancel(tx: Writing<'_>, run: RunId, by: &str, at: Micros) -> Result<Cancelled, CancelRefused> {
    let found = tx.find(
        "SELECT run_no, state, version, last_seq, host, pid, (SELECT asked_by FROM cancels c WHERE c.run_no=f.run_no) \
         FROM flow_runs f LEFT JOIN processes USING(proc_no) WHERE f.id=?1",
        [&run.as_bytes()[..]],
        |row| {
            let (run_no, state): (i64, _) = (row.get(0)?, rows::state(row, 1)?);
            let (version, last_seq): (u32, u64) = (row.get(2)?, row.get(3)?);
            Ok((run_no, state, version, last_seq, rows::owner(row, 4)?, row.get::<_, Option<String>>(6)?))
        },
    )?;
    let Some((run_no, state, version, last_seq, owner, asked)) = found else {
        return Err(CancelRefused::Unknown(run));
    };
    if state.is_terminal() && state != StateCode::CRASHED {
        return Err(CancelRefused::Ended { run, state });
    }
    if let Some(owner) = owner {
        if let Some(by) = asked {
            return Err(CancelRefused::Asked { run, by, owner });
        }
        tx.execute("INSERT INTO cancels(run_no, asked_by, at) VALUES(?1, ?2, ?3)", params![run_no, by, at.0])?;
        tx.commit()?;
        return Ok(Cancelled::Asked(owner));
    }
    end(&tx, run_no, version + 1, last_seq + 1, by, at)?;
    tx.commit()?;
    Ok(Cancelled::Ended)
}

/// Nobody has the run, and nobody will.
fn end(tx: &Writing<'_>, run_no: i64, version: u32, seq: u64, by: &str, at: Micros) -> Result<(), StoreError> {
    let state = StateCode::CANCELLED;
    let message = format!("Cancelled by {by}.");
    tx.execute(
        "UPDATE flow_runs SET state=?1, version=?2, message=?3, ended_at=?4, epoch=epoch+1, last_seq=?5 WHERE run_no=?6",
        params![state.number(), version, message, at.0, seq, run_no],
    )?;
    add_transition(
        tx,
        run_no,
        seq,
        &Transition { message: Some(&message), ..Transition::flow_run(state, version, at.0) },
    )
}

/// What is to end of the runs that this process has: by their numbers, and who asked.
pub(super) fn asked(backend: &SqliteBackend, proc_no: i64) -> Result<Vec<(i64, String)>, StoreError> {
    let sql = "SELECT run_no, asked_by FROM cancels JOIN flow_runs USING(run_no) WHERE proc_no=?1";
    let mut query = backend.connection().prepare_cached(sql).at(backend.file())?;
    let all = query.query_map([proc_no], |row| Ok((row.get(0)?, row.get(1)?))).and_then(Iterator::collect);
    all.at(backend.file())
}

/// Who has asked for the end of a run.
pub(super) fn asked_by(tx: &Writing<'_>, run_no: i64) -> Result<Option<String>, StoreError> {
    tx.find("SELECT asked_by FROM cancels WHERE run_no=?1", [run_no], |row| row.get(0))
}
