//! A new run.
use rusqlite::params;

use super::record::{Transition, add_transition};
use super::write::{Writing, extend};
use crate::backend::{Lease, Ownership, Refusal};
use crate::{Epoch, NewRun, RecordedGraph, RunId, StateCode, StoreError};

pub(super) fn begin(
    tx: Writing<'_>,
    id: RunId,
    run: &NewRun,
    process: &Lease,
) -> Result<Ownership, Refusal<StoreError>> {
    if !extend(&tx, process)? {
        return Err(Refusal::NotRegistered);
    }
    let run_no = insert(&tx, id, run, process)?;
    tx.commit()?;
    Ok(ownership(run_no, process))
}

/// What belongs to whom, of a run that has begun.
pub(super) const fn ownership(run_no: i64, process: &Lease) -> Ownership {
    Ownership { run_no, proc_no: process.proc_no, epoch: Epoch(1), version: 1, last_seq: 1 }
}

/// Adds the run to a transaction; gives its number.
pub(super) fn insert(tx: &Writing<'_>, id: RunId, run: &NewRun, process: &Lease) -> Result<i64, StoreError> {
    tx.execute("INSERT INTO flows(name) VALUES(?1) ON CONFLICT DO NOTHING", [&run.flow])?;
    let RecordedGraph { hash, text, slugs } = &run.graph;
    let known = tx.find("SELECT 1 FROM graphs WHERE hash=?1", [hash], |_| Ok(()))?.is_some();
    if !known {
        let slugs = serde_json::Value::from(slugs.clone()).to_string();
        tx.execute("INSERT INTO graphs(hash, body, slugs) VALUES(?1, ?2, ?3)", params![hash, text, slugs])?;
    }
    let started = (run.state == StateCode::RUNNING).then_some(run.at.0);
    tx.execute(
        "INSERT INTO flow_runs(id, flow_no, name, state, version, params, graph_hash, created_at, started_at, proc_no, epoch, \
         last_seq) VALUES(?1, (SELECT flow_no FROM flows WHERE name=?2), ?3, ?4, 1, ?5, ?6, ?7, ?8, ?9, 1, 1)",
        params![
            &id.as_bytes()[..],
            run.flow,
            run.name,
            run.state.number(),
            run.parameters,
            hash,
            run.at.0,
            started,
            process.proc_no,
        ],
    )?;
    let run_no = tx.sql.last_insert_rowid();
    add_transition(tx, run_no, 1, &Transition::flow_run(run.state, 1, run.at.0))?;
    Ok(run_no)
}
