//! A transaction that writes.
use super::{Connection, Dialect, Mismatch, Row, Value, WriteConnection};
use crate::StoreError;

/// Whether what a transaction should do is done, if it has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It is not.
    Nothing,
    /// The commit has failed: it may be done, and the answer lost.
    Perhaps,
}

/// A transaction. What is not committed is undone when it is dropped.
pub(crate) struct Writing<'a> {
    connection: &'a mut dyn WriteConnection,
    doubt: &'a mut Doubt,
    open: bool,
}

impl<'a> Writing<'a> {
    /// The transaction that the connection has begun.
    pub(super) fn begun(connection: &'a mut dyn WriteConnection, doubt: &'a mut Doubt) -> Self {
        *doubt = Doubt::Nothing;
        Self { connection, doubt, open: true }
    }

    fn connection(&mut self) -> &mut dyn Connection {
        self.connection
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.connection.dialect()
    }

    /// Runs a statement; gives how many rows it changed.
    pub(crate) fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        self.connection.execute(sql, values)
    }

    /// The first row of a query.
    pub(crate) fn find<T>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        read: impl FnMut(&mut Row) -> Result<T, Mismatch>,
    ) -> Result<Option<T>, StoreError> {
        self.connection().find(sql, values, read)
    }

    /// All rows of a query.
    pub(crate) fn all<T>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        read: impl FnMut(&mut Row) -> Result<T, Mismatch>,
    ) -> Result<Vec<T>, StoreError> {
        self.connection().all(sql, values, read)
    }

    /// Whether a query gives a row.
    pub(crate) fn exists(&mut self, sql: &str, values: &[Value<'_>]) -> Result<bool, StoreError> {
        Ok(self.find(sql, values, |_| Ok(()))?.is_some())
    }

    /// Runs a statement that gives the number of what it has made (`RETURNING`).
    pub(crate) fn make(&mut self, sql: &str, values: &[Value<'_>]) -> Result<i64, StoreError> {
        let made = self.find(sql, values, |row| row.take(0))?;
        made.ok_or_else(|| StoreError::Corrupt {
            at: self.connection.location().clone(),
            reason: "a new row has no number".into(),
        })
    }

    pub(crate) fn commit(mut self) -> Result<(), StoreError> {
        *self.doubt = Doubt::Perhaps;
        self.connection.commit()?;
        *self.doubt = Doubt::Nothing;
        self.open = false;
        Ok(())
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if self.open {
            self.connection.rollback();
        }
    }
}
