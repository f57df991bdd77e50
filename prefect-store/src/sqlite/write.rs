//! The connection that writes. Every transaction has the turn, and begins as one that writes.
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::errors::AtPath;
use super::open;
use super::turn::{Turn, TurnFile};
use super::{check, connection, record};
use crate::backend::{Backend, Recorded};
use crate::faults::Faults;
use crate::sql::{Access, Connection, Dialect, Mismatch, Row, Value, WriteConnection};
use crate::writer::Batch;
use crate::{Checkup, Location, Options, StoreError};

/// How large the write-ahead log may become before it is cut.
const LARGE_LOG: u64 = 64 << 20;

/// After so many transactions its size is looked at.
const LOOK_EVERY: u32 = 256;

/// So many pages are given back at once: 4 MiB.
const SHRINK_PAGES: u32 = 1024;

/// A database, for the thread that writes to it.
pub(crate) struct SqliteBackend {
    connection: rusqlite::Connection,
    path: PathBuf,
    at: Location,
    turn_file: TurnFile,
    /// While a transaction is open.
    turn: Option<Turn>,
    faults: Faults,
    busy_timeout: Duration,
    since_look: u32,
}

impl SqliteBackend {
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        let (connection, at) = (open::connect(path, Access::ReadWrite, options)?, path.into());
        // Who writes has runs, perhaps, and must not look dead.
        let busy_timeout = options.wait_for_lock();
        connection.busy_timeout(busy_timeout).at(&at)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            at,
            turn_file: TurnFile::of(path)?,
            turn: None,
            #[cfg(feature = "faults")]
            faults: options.faults.clone(),
            #[cfg(not(feature = "faults"))]
            faults: Faults,
            busy_timeout,
            since_look: 0,
        })
    }

    /// The same without a query that could fail on its own: the connection, and what goes wrong where a test says so.
    pub(super) fn parts(&self) -> (&rusqlite::Connection, &Location, &Faults) {
        (&self.connection, &self.at, &self.faults)
    }

    /// Writes the log back and empties it. The turn is taken. A reader that never ends may hold it up: then some other time.
    fn cut_log(&self) {
        let _ = self.connection.busy_timeout(Duration::from_millis(50));
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        let _ = self.connection.busy_timeout(self.busy_timeout);
    }

    fn statement(&self, sql: &'static str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(drop).at(&self.at)
    }
}

impl Connection for SqliteBackend {
    fn location(&self) -> &Location {
        &self.at
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        self.faults.call(&self.at)?;
        connection::execute(&self.connection, &self.at, sql, values)
    }

    fn query(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(Row) -> Result<(), Mismatch>,
    ) -> Result<(), StoreError> {
        self.faults.call(&self.at)?;
        connection::query(&self.connection, &self.at, sql, values, each)
    }

    fn check(&mut self) -> Result<Checkup, StoreError> {
        check::check(&self.connection, &self.at)
    }
}

impl WriteConnection for SqliteBackend {
    fn begin(&mut self) -> Result<(), StoreError> {
        let turn = self.turn_file.wait()?;
        self.since_look += 1;
        self.faults.call(&self.at)?;
        self.statement("BEGIN IMMEDIATE").map_err(|error| match error {
            StoreError::Busy { at, .. } => StoreError::Busy { at, waited: self.busy_timeout },
            error => error,
        })?;
        self.turn = Some(turn);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.faults.commit(&self.at, || self.statement("COMMIT"))?;
        self.turn = None;
        Ok(())
    }

    fn rollback(&mut self) {
        // It may be undone already: by an error after which SQLite does that itself.
        if !self.connection.is_autocommit() {
            let _ = self.statement("ROLLBACK");
        }
        self.turn = None;
    }
}

impl Backend for SqliteBackend {
    fn record(&mut self, batch: &Batch<'_>) -> Result<Recorded, StoreError> {
        self.begin()?;
        let recorded = record::record(self, batch).and_then(|recorded| {
            if recorded.changes_something(batch) {
                self.commit()?;
            }
            Ok(recorded)
        });
        self.rollback();
        recorded
    }

    fn tidy(&mut self) {
        if self.since_look < LOOK_EVERY {
            return;
        }
        self.since_look = 0;
        let mut log = self.path.as_os_str().to_owned();
        log.push("-wal");
        if std::fs::metadata(log).is_ok_and(|log| log.len() > LARGE_LOG)
            && let Ok(_turn) = self.turn_file.wait()
        {
            self.cut_log();
        }
    }

    fn shrink(&mut self) -> Result<u64, StoreError> {
        let _turn = self.turn_file.wait()?;
        self.faults.call(&self.at)?;
        let number =
            |pragma: &str| self.connection.pragma_query_value(None, pragma, |row| row.get::<_, u64>(0)).at(&self.at);
        let before = number("freelist_count")?;
        // It gives back a page with each step, so it is read to the end.
        let mut vacuum = self.connection.prepare(&format!("PRAGMA incremental_vacuum({SHRINK_PAGES})")).at(&self.at)?;
        let mut steps = vacuum.query([]).at(&self.at)?;
        while steps.next().at(&self.at)?.is_some() {}
        drop(steps);
        drop(vacuum);
        let left = number("freelist_count")?;
        let page = number("page_size")?;
        if left > 0 && left < before {
            return Ok(left * page);
        }
        // The file gets shorter when the log is written back.
        self.cut_log();
        Ok(0)
    }
}
