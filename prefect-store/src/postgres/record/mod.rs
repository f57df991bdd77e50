//! The hot path: a batch in as few round trips as there are runs in it, and mostly in one.
//!
//! What a batch adds to a run is one statement: the fence, then the rows of its task runs, their transitions, large results and
//! notifications. All of its parts see the database as it was before, so each row is written once, as [`Batch`] has merged it.
//! If a row was not as it was expected to be, the statement divides by zero, and nothing of the transaction is written; which
//! row it was is looked up then.
mod columns;
mod statement;

use postgres::Error;

use self::columns::{Columns, Misfit};
use self::statement::Written;
use super::write::PostgresBackend;
use crate::backend::{Change, Recorded};
use crate::sql::Connection;
use crate::writer::{Batch, Told};
use crate::{Found, StateCode, StoreError};

/// Writes what is not held up by the fence, and commits it. The caller rolls back what is still open.
pub(super) fn record(backend: &mut PostgresBackend, batch: &Batch<'_>) -> Result<Recorded, StoreError> {
    let told = Told::by(batch, &[]);
    let parts = match Columns::of(batch, &told) {
        Ok(parts) => parts,
        Err(Misfit(entry, found)) => return Ok(Recorded::Refused { entry, found: Some(found) }),
    };
    let mut fenced = Vec::new();
    let (faults, at) = (backend.faults().clone(), backend.location().clone());
    if let ([part], [columns]) = (&*batch.parts, &*parts)
        && columns.is_whole()
    {
        // A statement on its own is a transaction.
        let mut written = Written::Done;
        faults.commit(&at, || {
            written = backend.run(|session| columns.write(part, session))?;
            Ok(())
        })?;
        match written {
            Written::Done => {}
            Written::Fenced => fenced.push(0),
            Written::Refused => return refused(backend, batch, 0, columns),
        }
        return Ok(Recorded::Committed { fenced });
    }
    backend.begin_batch()?;
    for (number, (part, columns)) in batch.parts.iter().zip(&parts).enumerate() {
        faults.call(&at)?;
        match backend.run(|session| columns.write(part, session))? {
            Written::Done => {}
            Written::Fenced => fenced.push(number),
            Written::Refused => {
                crate::sql::WriteConnection::rollback(backend);
                return refused(backend, batch, number, columns);
            }
        }
    }
    let recorded = Recorded::Committed { fenced };
    if recorded.changes_something(batch) {
        crate::sql::WriteConnection::commit(backend)?;
    }
    Ok(recorded)
}

/// Which entry of a part it was that does not follow from what is there: nothing of it was written, and nobody else writes it.
fn refused(
    backend: &mut PostgresBackend,
    batch: &Batch<'_>,
    number: usize,
    columns: &Columns<'_>,
) -> Result<Recorded, StoreError> {
    let at = backend.location().clone();
    backend.faults().clone().call(&at)?;
    let run_no = batch.parts[number].run.run_no;
    let sql = "SELECT x.state, x.version, x.attempt FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY AS u(task, index, i) \
               LEFT JOIN task_runs x ON run_no=$1 AND task_no=task AND map_index=index ORDER BY i";
    let there: Vec<Option<Found>> = backend.run(|session| {
        let statement = session.prepared(sql)?;
        let rows = session.client().query(&statement, &[&run_no, &columns.task, &columns.index])?;
        rows.iter().map(|row| found(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)).collect()
    })?;
    for (row, there) in columns.rows.iter().map(|row| &batch.rows[*row]).zip(there) {
        let Change::Task(first) = &batch.entries[row.first].change else { continue };
        let fits = match there {
            None => first.version <= 1,
            Some(there) => {
                there.version.checked_add(1) == Some(first.version)
                    && there.state == first.from
                    && there.attempt <= first.attempt
            }
        };
        if !fits {
            return Ok(Recorded::Refused { entry: row.first, found: there });
        }
    }
    let flow =
        batch.entries.iter().zip(&batch.places).enumerate().find_map(|(i, (entry, place))| match &entry.change {
            Change::Flow(change) if place.is_some_and(|place| place.part == number) => Some((i, change)),
            _ => None,
        });
    let there = backend.run(|session| {
        let statement = session.prepared("SELECT state, version FROM flow_runs WHERE run_no=$1")?;
        let row = session.client().query_opt(&statement, &[&run_no])?;
        row.map_or(Ok(None), |row| found(row.try_get(0)?, row.try_get(1)?, Some(0)))
    })?;
    match flow {
        Some((entry, change)) if there.is_none_or(|there| there.version.checked_add(1) != Some(change.version)) => {
            Ok(Recorded::Refused { entry, found: there })
        }
        // It does by now: whoever changed it meanwhile has taken the run over, and the fence says so.
        _ => Err(StoreError::Busy { at, waited: std::time::Duration::ZERO }),
    }
}

#[allow(clippy::unnecessary_wraps, reason = "as the closures need it")]
fn found(state: Option<i64>, version: Option<i64>, attempt: Option<i64>) -> Result<Option<Found>, Error> {
    let number = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(state.map(|state| Found {
        state: StateCode::from_number(u8::try_from(state).unwrap_or(u8::MAX)),
        version: number(version.unwrap_or(0)),
        attempt: number(attempt.unwrap_or(0)),
    }))
}
