//! What is asked of a database rarely, written once for all engines: each statement is understood by SQLite and by PostgreSQL.
//!
//! Parameters are `$1`, `$2`, .. in the order in which a statement names them first (SQLite counts them so). All that is written
//! goes through [`Writing`], one transaction each. What happens often (the [batch](crate::backend::Backend::record)) is each
//! engine's own.
mod anew;
mod begin;
pub(crate) mod bury;
mod cancel;
mod claim;
mod database;
mod logs;
pub(crate) mod outbox;
mod prune;
mod read;
mod reference;
mod row;
mod rows;
mod secrets;
mod slots;
mod ticks;
mod transaction;
mod transition;
mod value;

pub(crate) use database::{Database, Waits};
pub(crate) use read::{Access, Readers, Source};
pub(crate) use row::{Cell, Mismatch, Row};
use transaction::Doubt;
pub(crate) use transaction::Writing;
pub(crate) use transition::Transition;
pub(crate) use value::{Value, values};

use std::borrow::Cow;

use crate::{Checkup, Location, StoreError};

/// `map_index` of what is no child.
pub(crate) const NO_INDEX: i64 = -1;

/// `task_no` of what is no task: the flow run.
pub(crate) const FLOW: i64 = -1;

/// Results up to this many bytes are in the row of their task run, larger ones in a table of their own: in SQLite a row that is
/// larger than a quarter of a page takes a page of its own.
pub(crate) const INLINE: usize = 200;

pub(crate) fn index_to_sql(index: Option<u32>) -> i64 {
    index.map_or(NO_INDEX, i64::from)
}

/// Where the engines speak differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
}

impl Dialect {
    /// The lower-case hexadecimal digits of a column of bytes.
    pub(crate) fn hex(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("lower(hex({column}))"),
            #[cfg(feature = "postgres")]
            Self::Postgres => format!("encode({column}, 'hex')"),
        }
    }

    /// A text as it is kept.
    pub(crate) fn text(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Sqlite => text.into(),
            #[cfg(feature = "postgres")]
            Self::Postgres => crate::postgres::text(text),
        }
    }
}

/// A connection to a database.
pub(crate) trait Connection: Send {
    /// The database, for messages.
    fn location(&self) -> &Location;

    fn dialect(&self) -> Dialect;

    /// Runs a statement; gives how many rows it changed.
    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError>;

    /// Runs a query, row by row.
    fn query(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(Row) -> Result<(), Mismatch>,
    ) -> Result<(), StoreError>;

    /// Looks at all of the database.
    fn check(&mut self) -> Result<Checkup, StoreError>;
}

impl dyn Connection + '_ {
    /// The first row of a query.
    pub(crate) fn find<T>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&mut Row) -> Result<T, Mismatch>,
    ) -> Result<Option<T>, StoreError> {
        let mut found = None;
        self.query(sql, values, &mut |mut row| {
            if found.is_none() {
                found = Some(read(&mut row)?);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// All rows of a query.
    pub(crate) fn all<T>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&mut Row) -> Result<T, Mismatch>,
    ) -> Result<Vec<T>, StoreError> {
        let mut all = Vec::new();
        self.query(sql, values, &mut |mut row| {
            all.push(read(&mut row)?);
            Ok(())
        })?;
        Ok(all)
    }
}

/// A connection that writes. One transaction at a time.
pub(crate) trait WriteConnection: Connection {
    /// Begins a transaction that writes: nobody else's begins before its end, but for batches of other runs.
    fn begin(&mut self) -> Result<(), StoreError>;

    /// If it fails, what was done may be done or not.
    fn commit(&mut self) -> Result<(), StoreError>;

    /// Undoes what the transaction has done.
    fn rollback(&mut self);
}
