//! Taking the runs of a dead process from it.
use super::{Database, Transition, Writing, cancel, outbox, rows, values};
use crate::backend::ProcessRow;
use crate::{Epoch, Micros, Reaped, StateCode, StoreError};

/// What became of a process that was taken for dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Burial {
    /// It has no runs any more, and is forgotten.
    Done,
    /// It has given a sign of life.
    Lives,
}

/// Takes its runs from a process, and adds them to `reaped`: what was done stays done if there is an error, and the rest is found
/// the next time. Each run is a transaction of its own: one may have many thousand running tasks.
pub(super) fn bury(
    database: &mut Database,
    proc_no: i64,
    process: &ProcessRow,
    at: Micros,
    reaped: &mut Vec<Reaped>,
) -> Result<Burial, StoreError> {
    loop {
        match database.write(|tx| next(tx, proc_no, process, at))? {
            Next::Taken(run) => reaped.push(run),
            Next::HasEnded => {}
            Next::Nothing(burial) => return Ok(burial),
        }
    }
}

/// What became of the next run of a dead process.
enum Next {
    Taken(Reaped),
    /// It ended in the moment before.
    HasEnded,
    Nothing(Burial),
}

/// Takes one run from the process, if that has not ended meanwhile; forgets the process if it has none, and does nothing if it
/// has given a sign of life.
fn next(mut tx: Writing<'_>, proc_no: i64, process: &ProcessRow, at: Micros) -> Result<Next, StoreError> {
    // As an update: it holds the row, so that no sign of life comes between this and the commit.
    let same = tx.execute(
        "UPDATE processes SET lease_until=lease_until WHERE proc_no=$1 AND lease_until=$2",
        &values![proc_no, process.lease_until],
    )?;
    if same == 0 {
        return Ok(Next::Nothing(Burial::Lives));
    }
    let run = tx.find(
        "SELECT run_no, epoch, id, flow_runs.name, crashes, flows.name FROM flow_runs JOIN flows USING(flow_no) \
         WHERE proc_no=$1 LIMIT 1",
        &values![proc_no],
        |row| {
            let reaped = Reaped {
                id: row.take(2)?,
                name: row.take(3)?,
                crashes: row.take(4)?,
                flow: row.take(5)?,
                owner: process.as_owner(),
                released: 0,
                state: StateCode::CRASHED,
            };
            Ok((row.take(0)?, row.take::<Epoch>(1)?, reaped))
        },
    )?;
    let Some((run_no, epoch, mut reaped)) = run else {
        forget(&mut tx, proc_no)?;
        tx.commit()?;
        return Ok(Next::Nothing(Burial::Done));
    };
    let crashed = crash(&mut tx, run_no, epoch, at, Blame::Run)?;
    tx.commit()?;
    let Some((released, state)) = crashed else { return Ok(Next::HasEnded) };
    (reaped.released, reaped.state) = (released, state);
    reaped.crashes += u32::from(state == StateCode::CRASHED);
    Ok(Next::Taken(reaped))
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
/// are, and its state; `None`, and nothing happens, if the owner is another one.
pub(super) fn crash(
    tx: &mut Writing<'_>,
    run_no: i64,
    epoch: Epoch,
    at: Micros,
    blame: Blame,
) -> Result<Option<(u64, StateCode)>, StoreError> {
    // From here on nothing more of its owner is recorded: its batches hang on this row.
    let mine = tx.execute(
        "UPDATE flow_runs SET epoch=epoch WHERE run_no=$1 AND epoch=$2 AND proc_no IS NOT NULL",
        &values![run_no, epoch],
    )?;
    let owned =
        tx.find("SELECT proc_no, version, last_seq, state FROM flow_runs WHERE run_no=$1", &values![run_no], |row| {
            Ok((row.take(0)?, row.take::<u32>(1)?, row.take::<u64>(2)?, rows::state(row, 3)?))
        });
    let (1, Some((Some(proc_no), version, last_seq, state))) = (mine, owned?) else {
        return Ok(None);
    };
    let proc_no: i64 = proc_no;
    let mut seq = last_seq;
    let running = tx.all(
        "SELECT task_no, map_index, version, attempt FROM task_runs WHERE run_no=$1 AND state IN ($2, $3)",
        &values![run_no, StateCode::RUNNING, StateCode::CANCELLING],
        |row| {
            Ok(Transition {
                task: row.take(0)?,
                index: row.take(1)?,
                version: row.take::<u32>(2)? + 1,
                attempt: row.take(3)?,
                state: StateCode::PENDING,
                at: at.0,
                message: None,
            })
        },
    )?;
    for task in &running {
        seq += 1;
        tx.execute(
            "UPDATE task_runs SET state=$1, version=$2, message=NULL WHERE run_no=$3 AND task_no=$4 AND map_index=$5",
            &values![task.state, task.version, run_no, task.task, task.index],
        )?;
        task.add(tx, run_no, seq)?;
    }
    seq += 1;
    // Who was asked to end it has: nobody is to go on with it.
    let message = match cancel::asked_by(tx, run_no)? {
        Some(by) => Some(format!("Cancelled by {by}; its process ended before it said so.")),
        None if state == StateCode::CANCELLING => Some("Cancelled; its process ended before it said so.".to_owned()),
        None => None,
    };
    let state = if message.is_some() { StateCode::CANCELLED } else { StateCode::CRASHED };
    let crashed = message.is_none() && blame == Blame::Run;
    tx.execute(
        "UPDATE flow_runs SET state=$1, version=$2, ended_at=$3, proc_no=NULL, epoch=epoch+1, crashes=crashes+$4, \
         last_seq=$5, message=$6 WHERE run_no=$7",
        &values![state, version + 1, at, crashed, seq, message.as_deref(), run_no],
    )?;
    let ended = Transition::flow_run(state, version + 1, at.0);
    Transition { message: message.as_deref(), ..ended }.add(tx, run_no, seq)?;
    if blame == Blame::Run {
        // A process that lives gives them back itself, when the bodies have ended that have them.
        tx.execute("DELETE FROM slots WHERE run_no=$1 AND proc_no=$2", &values![run_no, proc_no])?;
    }
    if state == StateCode::CRASHED {
        outbox::tell_of_crash(tx, run_no, at)?;
    }
    Ok(Some((running.len() as u64, state)))
}

/// Whatever else the process had is free.
fn forget(tx: &mut Writing<'_>, proc_no: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM slots WHERE proc_no=$1", &values![proc_no])?;
    tx.execute("DELETE FROM slot_lines WHERE proc_no=$1", &values![proc_no])?;
    outbox::release(tx, proc_no)?;
    tx.execute("DELETE FROM processes WHERE proc_no=$1", &values![proc_no])?;
    Ok(())
}
