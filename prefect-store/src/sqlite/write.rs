//! The connection that writes. Every transaction has the turn, and begins as one that writes.
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::errors::{AtPath, from_sqlite};
use super::open::{self, Access};
use super::turn::TurnFile;
use super::{begin, bury, cancel, claim, logs, record, rows, secrets};
use crate::backend::{Backend, Lease, Ownership, ProcessRow, Recorded, Refusal, Removed, Standing};
use crate::faults::Faults;
use crate::owned::Recording;
use crate::writer::{Batch, LineEntry};
use crate::{
    CancelRefused, Cancelled, ClaimRefused, Epoch, Existing, Machine, Micros, NewRun, Options, Parked, Reaped,
    Resealed, RunId, SealedSecret, SecretsChange, StoreError,
};

/// How large the write-ahead log may become before it is cut.
const LARGE_LOG: u64 = 64 << 20;

/// After so many transactions its size is looked at.
const LOOK_EVERY: u32 = 256;

/// A database, for the thread that writes to it.
pub(crate) struct SqliteBackend {
    connection: Connection,
    path: PathBuf,
    turn: TurnFile,
    faults: Faults,
    busy_timeout: Duration,
    since_look: u32,
}

/// A transaction that has the turn.
pub(super) struct Writing<'a> {
    pub(super) sql: Transaction<'a>,
    pub(super) path: &'a Path,
    faults: &'a Faults,
}

impl Writing<'_> {
    /// Called before each statement, so that tests can let it fail.
    pub(super) fn step(&self) -> Result<(), StoreError> {
        self.faults.call(self.path)
    }

    /// Runs a statement that is kept for the next time; gives how many rows it changed.
    pub(super) fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize, StoreError> {
        self.step()?;
        self.sql.prepare_cached(sql).and_then(|mut statement| statement.execute(params)).at(self.path)
    }

    /// Runs a query that gives at most one row.
    pub(super) fn find<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        self.step()?;
        self.sql.prepare_cached(sql).and_then(|mut query| query.query_row(params, read).optional()).at(self.path)
    }

    pub(super) fn commit(self) -> Result<(), StoreError> {
        let (path, faults) = (self.path, self.faults);
        faults.commit(path, || self.sql.commit().at(path))
    }
}

impl SqliteBackend {
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        Ok(Self {
            connection: open::connect(path, Access::ReadWrite, options)?,
            path: path.to_owned(),
            turn: TurnFile::of(path)?,
            #[cfg(feature = "faults")]
            faults: options.faults.clone(),
            #[cfg(not(feature = "faults"))]
            faults: Faults,
            busy_timeout: options.busy_timeout,
            since_look: 0,
        })
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn file(&self) -> &Path {
        &self.path
    }

    /// Does this in one transaction. It commits itself; whatever is not committed is rolled back.
    pub(super) fn write<R, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(Writing<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        let _turn = self.turn.wait()?;
        self.since_look += 1;
        self.faults.call(&self.path)?;
        let sql = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let sql = sql.map_err(|error| match from_sqlite(&self.path, &error) {
            StoreError::Busy { path, .. } => StoreError::Busy { path, waited: self.busy_timeout },
            error => error,
        })?;
        work(Writing { sql, path: &self.path, faults: &self.faults })
    }

    /// After an error: whether what was asked for was done all the same, and only the answer was lost.
    fn was_done<R, E>(
        &mut self,
        id: RunId,
        done: impl FnOnce(&Row<'_>) -> rusqlite::Result<Option<R>>,
        error: E,
    ) -> Result<R, E> {
        let sql = "SELECT run_no, epoch, version, last_seq, proc_no FROM flow_runs WHERE id=?1";
        let found = self.connection.query_row(sql, [&id.as_bytes()[..]], done).optional();
        match found {
            Ok(Some(Some(ownership))) => Ok(ownership),
            _ => Err(error),
        }
    }
}

fn ownership(row: &Row<'_>) -> rusqlite::Result<Ownership> {
    Ok(Ownership {
        run_no: row.get(0)?,
        epoch: Epoch(row.get(1)?),
        version: row.get(2)?,
        last_seq: row.get(3)?,
        proc_no: row.get(4)?,
    })
}

impl Backend for SqliteBackend {
    fn path(&self) -> &Path {
        &self.path
    }

    fn record(&mut self, batch: &Batch<'_>) -> Result<Recorded, StoreError> {
        self.write(|tx| record::record(tx, batch))
    }

    fn standing(&mut self, run_no: i64) -> Result<Option<Standing>, StoreError> {
        self.faults.call(&self.path)?;
        let sql = "SELECT epoch, last_seq, state, host, pid FROM flow_runs LEFT JOIN processes USING(proc_no) \
                   WHERE run_no=?1";
        let read = |row: &Row<'_>| {
            Ok(Standing {
                epoch: Epoch(row.get(0)?),
                last_seq: row.get(1)?,
                state: rows::state(row, 2)?,
                owner: rows::owner(row, 3)?,
            })
        };
        self.connection.query_row(sql, [run_no], read).optional().at(&self.path)
    }

    fn register(&mut self, process: &ProcessRow) -> Result<i64, StoreError> {
        self.write(|tx| {
            let sql = "INSERT INTO processes(id, host, boot_id, pid, lease_until) VALUES(?1, ?2, ?3, ?4, ?5)";
            let Machine { host, boot_id } = &process.machine;
            tx.execute(sql, params![&process.id.as_bytes()[..], host, boot_id, process.pid, process.lease_until.0])?;
            let proc_no = tx.sql.last_insert_rowid();
            tx.commit()?;
            Ok(proc_no)
        })
    }

    fn heartbeat(&mut self, proc_no: i64, lease_until: Micros) -> Result<bool, StoreError> {
        self.write(|tx| {
            let known = extend(&tx, &Lease { proc_no, until: lease_until })?;
            tx.commit()?;
            Ok(known)
        })
    }

    fn sign_off(&mut self, proc_no: i64) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.execute(
                "DELETE FROM processes WHERE proc_no=?1 AND NOT EXISTS(SELECT 1 FROM flow_runs WHERE proc_no=?1) \
                 AND NOT EXISTS(SELECT 1 FROM slots WHERE proc_no=?1)",
                [proc_no],
            )?;
            tx.commit()
        })
    }

    fn begin(&mut self, id: RunId, run: &NewRun, process: &Lease) -> Result<Ownership, Refusal<StoreError>> {
        self.write(|tx| begin::begin(tx, id, run, process))
            .or_else(|error| self.was_done(id, |row| ownership(row).map(Some), error))
    }

    fn claim(
        &mut self,
        run: RunId,
        seen: Epoch,
        parked: Parked,
        at: Micros,
        process: &Lease,
    ) -> Result<Ownership, Refusal<ClaimRefused>> {
        let claimed = self.write(|tx| claim::claim(tx, run, seen, parked, at, process));
        let Err(Refusal::Because(ClaimRefused::Store(_))) = &claimed else { return claimed };
        let mine = |row: &Row<'_>| {
            let owner: Option<i64> = row.get(4)?;
            let epoch: i64 = row.get(1)?;
            if owner == Some(process.proc_no) && epoch == seen.0 + 1 { ownership(row).map(Some) } else { Ok(None) }
        };
        claimed.or_else(|error| self.was_done(run, mine, error))
    }

    fn processes(&mut self) -> Result<Vec<(i64, ProcessRow)>, StoreError> {
        let sql = "SELECT proc_no, id, host, boot_id, pid, lease_until FROM processes";
        let read = |row: &Row<'_>| {
            let process = ProcessRow {
                id: Uuid::from_bytes(row.get(1)?),
                machine: Machine { host: row.get(2)?, boot_id: row.get(3)? },
                pid: row.get(4)?,
                lease_until: Micros(row.get(5)?),
            };
            Ok((row.get(0)?, process))
        };
        let mut query = self.connection.prepare_cached(sql).at(&self.path)?;
        let all = query.query_map([], read).and_then(Iterator::collect);
        all.at(&self.path)
    }

    fn bury(&mut self, proc_no: i64, process: &ProcessRow, at: Micros) -> Result<Vec<Reaped>, StoreError> {
        bury::bury(self, proc_no, process, at)
    }

    fn abandon(&mut self, run: &Recording, at: Micros) -> Result<(), StoreError> {
        self.write(|tx| {
            bury::crash(&tx, run.run_no, run.epoch, at, bury::Blame::Nobody)?;
            tx.commit()
        })
    }

    fn cancel(&mut self, run: RunId, by: &str, at: Micros) -> Result<Cancelled, CancelRefused> {
        self.write(|tx| cancel::cancel(tx, run, by, at))
    }

    fn asked_to_cancel(&mut self, proc_no: i64) -> Result<Vec<(i64, String)>, StoreError> {
        self.faults.call(&self.path)?;
        cancel::asked(self, proc_no)
    }

    fn write_lines(&mut self, lines: &[LineEntry]) -> Result<(), StoreError> {
        self.write(|tx| logs::write(tx, lines))
    }

    fn remove_lines(&mut self, before: Micros, bytes: u64) -> Result<Removed, StoreError> {
        self.write(|tx| logs::remove(tx, before, bytes))
    }

    fn put_secrets(&mut self, secrets: &[SealedSecret], existing: Existing) -> Result<SecretsChange, StoreError> {
        self.write(|tx| secrets::put(tx, secrets, existing))
    }

    fn remove_secret(&mut self, name: &str) -> Result<bool, StoreError> {
        self.write(|tx| secrets::remove(tx, name))
    }

    fn rotate_secrets(&mut self, secrets: &[Resealed], key_id: &[u8]) -> Result<SecretsChange, StoreError> {
        self.write(|tx| secrets::rotate(tx, secrets, key_id))
    }

    fn tidy(&mut self) {
        if self.since_look < LOOK_EVERY {
            return;
        }
        self.since_look = 0;
        let mut log = self.path.as_os_str().to_owned();
        log.push("-wal");
        if std::fs::metadata(log).is_ok_and(|log| log.len() > LARGE_LOG)
            && let Ok(_turn) = self.turn.wait()
        {
            // A reader that never ends may hold it up: then some other time.
            let _ = self.connection.busy_timeout(Duration::from_millis(50));
            let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            let _ = self.connection.busy_timeout(self.busy_timeout);
        }
    }
}

/// Makes the lease of a process longer; `false` if it is not known any more.
pub(super) fn extend(tx: &Writing<'_>, process: &Lease) -> Result<bool, StoreError> {
    let sql = "UPDATE processes SET lease_until=?1 WHERE proc_no=?2";
    Ok(tx.execute(sql, params![process.until.0, process.proc_no])? == 1)
}
