//! Task runs that start anew when their run is taken.
use super::{Writing, index_to_sql, values};
use crate::{Micros, StateCode, StoreError, TaskKey};

/// Task runs of one task, side by side.
struct Stretch {
    task: u32,
    first: i64,
    last: i64,
}

fn stretches(keys: &[TaskKey]) -> Vec<Stretch> {
    let mut keys: Vec<_> = keys.iter().map(|key| (key.task, index_to_sql(key.index))).collect();
    keys.sort_unstable();
    let mut stretches: Vec<Stretch> = Vec::new();
    for (task, index) in keys {
        match stretches.last_mut() {
            Some(stretch) if stretch.task == task && index <= stretch.last + 1 => stretch.last = index,
            _ => stretches.push(Stretch { task, first: index, last: index }),
        }
    }
    stretches
}

/// What is recorded of these is no longer so: those that have a row are `Pending`. Gives the number of the last transition, of
/// which `seq` is the one before.
pub(super) fn start_anew(
    tx: &mut Writing<'_>,
    run_no: i64,
    keys: &[TaskKey],
    mut seq: u64,
    at: Micros,
) -> Result<u64, StoreError> {
    for Stretch { task, first, last } in stretches(keys) {
        tx.execute(
            "UPDATE flow_runs SET \
             n_ok=n_ok-(SELECT count(*) FROM task_runs t WHERE t.run_no=$1 AND t.task_no=$2 AND t.map_index BETWEEN $3 AND $4 \
             AND t.state>=$5 AND t.state<$6), \
             n_failed=n_failed-(SELECT count(*) FROM task_runs t WHERE t.run_no=$1 AND t.task_no=$2 AND t.map_index BETWEEN $3 \
             AND $4 AND t.state>=$6 AND t.state<$7) WHERE run_no=$1",
            &values![run_no, task, first, last, StateCode::SUCCESS, StateCode::FAILED, StateCode::CANCELLED],
        )?;
        tx.execute(
            "UPDATE task_runs SET state=$1, version=version+1, message=NULL, detail=NULL \
             WHERE run_no=$2 AND task_no=$3 AND map_index BETWEEN $4 AND $5",
            &values![StateCode::PENDING, run_no, task, first, last],
        )?;
        seq += tx.execute(
            "INSERT INTO transitions(run_no, seq, task_no, map_index, version, attempt, state, at) \
             SELECT run_no, CAST($1 AS bigint) + row_number() OVER (ORDER BY map_index), task_no, map_index, version, attempt, \
             state, CAST($2 AS bigint) FROM task_runs WHERE run_no=$3 AND task_no=$4 AND map_index BETWEEN $5 AND $6",
            &values![seq, at, run_no, task, first, last],
        )?;
    }
    Ok(seq)
}
