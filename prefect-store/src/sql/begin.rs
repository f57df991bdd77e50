//! A new run.
use super::database::extend;
use super::{Transition, Writing, values};
use crate::backend::{Lease, Ownership, Refusal};
use crate::{Epoch, NewRun, RecordedGraph, RunId, StateCode, StoreError, texts};

pub(super) fn begin(
    mut tx: Writing<'_>,
    id: RunId,
    run: &NewRun,
    process: &Lease,
) -> Result<Ownership, Refusal<StoreError>> {
    if !extend(&mut tx, process)? {
        return Err(Refusal::NotRegistered);
    }
    let run_no = insert(&mut tx, id, run, process)?;
    tx.commit()?;
    Ok(ownership(run_no, process))
}

/// What belongs to whom, of a run that begins.
pub(super) const fn ownership(run_no: i64, process: &Lease) -> Ownership {
    Ownership { run_no, proc_no: process.proc_no, epoch: Epoch::FIRST, version: 1, last_seq: 1 }
}

/// Adds the run to a transaction; gives its number.
pub(super) fn insert(tx: &mut Writing<'_>, id: RunId, run: &NewRun, process: &Lease) -> Result<i64, StoreError> {
    let (flow, name) = (texts::name(&run.flow), texts::name(&run.name));
    tx.execute("INSERT INTO flows(name) VALUES($1) ON CONFLICT DO NOTHING", &values![&*flow])?;
    keep_graph(tx, &run.graph)?;
    let started = (run.state == StateCode::RUNNING).then_some(run.at);
    let run_no = tx.make(
        "INSERT INTO flow_runs(id, flow_no, name, state, version, params, graph_hash, created_at, started_at, proc_no, epoch, \
         last_seq) VALUES($1, (SELECT flow_no FROM flows WHERE name=$2), $3, $4, 1, $5, $6, $7, $8, $9, 1, 1) \
         RETURNING run_no",
        &values![&id, &*flow, &*name, run.state, &run.parameters, &run.graph.hash, run.at, started, process.proc_no],
    )?;
    Transition::flow_run(run.state, 1, run.at.0).add(tx, run_no, 1)?;
    Ok(run_no)
}

/// Each graph is kept once.
pub(super) fn keep_graph(tx: &mut Writing<'_>, graph: &RecordedGraph) -> Result<(), StoreError> {
    let RecordedGraph { hash, text, slugs } = graph;
    if !tx.exists("SELECT 1 FROM graphs WHERE hash=$1", &values![hash])? {
        let slugs = serde_json::Value::from(slugs.clone()).to_string();
        tx.execute("INSERT INTO graphs(hash, body, slugs) VALUES($1, $2, $3)", &values![hash, text, &slugs])?;
    }
    Ok(())
}
