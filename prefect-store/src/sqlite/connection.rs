//! The statements that all engines share, run by SQLite.
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, ToSql, params_from_iter};

use super::errors::AtPath;
use crate::sql::{Cell, Connection, Dialect, Mismatch, Row, Value};
use crate::{Checkup, Location, StoreError};

/// A connection to a database that only reads.
pub(super) struct Reading {
    pub(super) connection: rusqlite::Connection,
    pub(super) at: Location,
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

pub(super) fn execute(
    connection: &rusqlite::Connection,
    at: &Location,
    sql: &str,
    values: &[Value<'_>],
) -> Result<u64, StoreError> {
    let done = connection.prepare_cached(sql).and_then(|mut statement| statement.execute(params_from_iter(values)));
    done.map(|changed| changed as u64).at(at)
}

pub(super) fn query(
    connection: &rusqlite::Connection,
    at: &Location,
    sql: &str,
    values: &[Value<'_>],
    each: &mut dyn FnMut(Row) -> Result<(), Mismatch>,
) -> Result<(), StoreError> {
    let mut query: CachedStatement<'_> = connection.prepare_cached(sql).at(at)?;
    let columns = query.column_count();
    let mut rows = query.query(params_from_iter(values)).at(at)?;
    while let Some(row) = rows.next().at(at)? {
        let cells = (0..columns).map(|column| row.get_ref(column).map(cell)).collect::<rusqlite::Result<_>>();
        each(Row(cells.at(at)?)).map_err(|mismatch| mismatch.at(at))?;
    }
    Ok(())
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Integer(number) => Cell::Int(number),
        // The tables hold none, and are strict.
        ValueRef::Null | ValueRef::Real(_) => Cell::Null,
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
    }
}

impl Connection for Reading {
    fn location(&self) -> &Location {
        &self.at
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        execute(&self.connection, &self.at, sql, values)
    }

    fn query(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(Row) -> Result<(), Mismatch>,
    ) -> Result<(), StoreError> {
        query(&self.connection, &self.at, sql, values, each)
    }

    fn check(&mut self) -> Result<Checkup, StoreError> {
        super::check::check(&self.connection, &self.at)
    }
}
