//! Looking at a store as a whole.
use super::connection::Reading;
use crate::sql::Connection;
use crate::{Checkup, StoreError};

/// Bytes of the tables and their indices.
pub(super) const SIZE: &str = "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c \
    WHERE c.relnamespace = to_regnamespace(current_schema()) AND c.relkind = 'r'";

pub(super) fn check(reading: &mut Reading) -> Result<Checkup, StoreError> {
    // All in one statement: others write meanwhile.
    let sql = format!(
        "SELECT (SELECT version FROM store), current_setting('server_version'), \
               ({SIZE}), (SELECT count(*) FROM flow_runs), (SELECT count(*) FROM task_runs), (SELECT count(*) FROM transitions)"
    );
    let found = (reading as &mut dyn Connection).find(&sql, &[], |row| {
        let database = row.take(2)?;
        Ok(Checkup {
            version: row.take(0)?,
            engine: format!("PostgreSQL {}", row.take::<String>(1)?),
            database,
            used: database,
            log: None,
            unused: None,
            runs: row.take(3)?,
            task_runs: row.take(4)?,
            transitions: row.take(5)?,
            damage: Vec::new(),
        })
    })?;
    found.ok_or_else(|| StoreError::Foreign(reading.location().clone()))
}
