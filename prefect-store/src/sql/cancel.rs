//! Asking for the end of a run.
use super::database::lock_run;
use super::{Connection, Transition, Writing, rows, values};
use crate::{CancelRefused, Cancelled, Micros, RunId, StateCode, StoreError};

/// Ends a run that nobody has, or asks its owner to.
pub(super) fn cancel(mut tx: Writing<'_>, run: RunId, by: &str, at: Micros) -> Result<Cancelled, CancelRefused> {
    lock_run(&mut tx, run)?;
    let found = tx.find(
        "SELECT run_no, state, version, last_seq, host, pid, (SELECT asked_by FROM cancels c WHERE c.run_no=f.run_no) \
         FROM flow_runs f LEFT JOIN processes USING(proc_no) WHERE f.id=$1",
        &values![&run],
        |row| {
            let (run_no, state): (i64, _) = (row.take(0)?, rows::state(row, 1)?);
            let (version, last_seq): (u32, u64) = (row.take(2)?, row.take(3)?);
            Ok((run_no, state, version, last_seq, rows::owner(row, 4)?, row.take::<Option<String>>(6)?))
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
        tx.execute("INSERT INTO cancels(run_no, asked_by, at) VALUES($1, $2, $3)", &values![run_no, by, at])?;
        tx.commit()?;
        return Ok(Cancelled::Asked(owner));
    }
    end(&mut tx, run_no, version + 1, last_seq + 1, by, at)?;
    tx.commit()?;
    Ok(Cancelled::Ended)
}

/// Nobody has the run, and nobody will.
pub(super) fn end(
    tx: &mut Writing<'_>,
    run_no: i64,
    version: u32,
    seq: u64,
    by: &str,
    at: Micros,
) -> Result<(), StoreError> {
    let state = StateCode::CANCELLED;
    let message = format!("Cancelled by {by}.");
    tx.execute(
        "UPDATE flow_runs SET state=$1, version=$2, message=$3, ended_at=$4, epoch=epoch+1, last_seq=$5 WHERE run_no=$6",
        &values![state, version, &message, at, seq, run_no],
    )?;
    let ended = Transition::flow_run(state, version, at.0);
    Transition { message: Some(&message), ..ended }.add(tx, run_no, seq)
}

/// Ends a run that waits for somebody, if its owner was asked for its end and has not heard of it before it gave it up.
pub(super) fn end_paused(mut tx: Writing<'_>, run_no: i64, at: Micros) -> Result<(), StoreError> {
    let paused = tx.execute(
        "UPDATE flow_runs SET epoch=epoch WHERE run_no=$1 AND state=$2 AND proc_no IS NULL",
        &values![run_no, StateCode::PAUSED],
    )?;
    let by = asked_by(&mut tx, run_no)?;
    let numbers = tx.find("SELECT version, last_seq FROM flow_runs WHERE run_no=$1", &values![run_no], |row| {
        Ok((row.take::<u32>(0)?, row.take::<u64>(1)?))
    })?;
    let (1, Some(by), Some((version, last_seq))) = (paused, by, numbers) else { return Ok(()) };
    end(&mut tx, run_no, version + 1, last_seq + 1, &by, at)?;
    tx.commit()
}

/// Whether somebody has asked for the end of a run.
pub(super) fn is_asked(connection: &mut dyn Connection, run_no: i64) -> Result<bool, StoreError> {
    Ok(connection.find("SELECT 1 FROM cancels WHERE run_no=$1", &values![run_no], |_| Ok(()))?.is_some())
}

/// What is to end of the runs that this process has: by their numbers, and who asked.
pub(super) fn asked(connection: &mut dyn Connection, proc_no: i64) -> Result<Vec<(i64, String)>, StoreError> {
    let sql = "SELECT run_no, asked_by FROM cancels JOIN flow_runs USING(run_no) WHERE proc_no=$1";
    connection.all(sql, &values![proc_no], |row| Ok((row.take(0)?, row.take(1)?)))
}

/// Who has asked for the end of a run.
pub(super) fn asked_by(tx: &mut Writing<'_>, run_no: i64) -> Result<Option<String>, StoreError> {
    tx.find("SELECT asked_by FROM cancels WHERE run_no=$1", &values![run_no], |row| row.take(0))
}
