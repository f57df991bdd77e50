//! The connection that writes. Transactions of the statements that all engines share are one after the other, whoever begins
//! them; a batch waits for the rows of its runs only.
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::errors::AtServer;
use super::server::Server;
use super::session::Session;
use super::{record, schema};
use crate::backend::{Backend, Recorded, ServerTime};
use crate::faults::Faults;
use crate::sql::{Connection, Dialect, Mismatch, Row, Value, WriteConnection};
use crate::writer::Batch;
use crate::{Checkup, Location, Options, StoreError};

/// How long a server that is away is waited for by what is not tried again, at most: so long it may take to start again.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long is waited between two tries at that.
const PAUSE: Duration = Duration::from_millis(50);

/// A store, for the thread that writes to it.
pub(crate) struct PostgresBackend {
    server: Arc<Server>,
    /// None before the first statement, and after one during which it broke.
    session: Option<Session>,
    in_transaction: bool,
    begin: String,
    settings: String,
    faults: Faults,
    lock_timeout: Duration,
    patience: Duration,
}

impl PostgresBackend {
    pub(super) fn new(server: &Arc<Server>, options: &Options) -> Self {
        // * Statements are planned once, and by index: the tables grow while a plan is kept.
        // * A transaction sees what was committed before each of its statements: it begins by waiting for others.
        // * Who is stopped in the middle of a transaction stops nobody else for long.
        // * What is told to be recorded is on the disk, whatever the server does for others.
        let settings = format!(
            "SET default_transaction_isolation = 'read committed'; SET plan_cache_mode = force_generic_plan; \
             SET enable_seqscan = off; SET jit = off; SET lock_timeout = {}; \
             SET idle_in_transaction_session_timeout = '10s'; \
             SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
            options.wait_for_lock().as_millis().clamp(1, 1_000_000_000)
        );
        Self {
            server: Arc::clone(server),
            session: None,
            in_transaction: false,
            begin: format!("BEGIN; {}", schema::lock(server.schema())),
            settings,
            #[cfg(feature = "faults")]
            faults: options.faults.clone(),
            #[cfg(not(feature = "faults"))]
            faults: Faults,
            lock_timeout: options.wait_for_lock(),
            patience: options.busy_timeout.min(PATIENCE),
        }
    }

    pub(super) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Does this on the connection; one that is closed is made anew first, unless there is a transaction on it.
    pub(super) fn run<T>(
        &mut self,
        work: impl FnOnce(&mut Session) -> Result<T, postgres::Error>,
    ) -> Result<T, StoreError> {
        let at = self.server.location();
        let session = match &mut self.session {
            Some(session) if self.in_transaction || !session.is_closed() => session,
            session => session.insert(Session::open(&self.server, &self.settings).at(at)?),
        };
        let done = work(session).at(at);
        if let Err(StoreError::ReadOnly(_)) = done {
            // The server was the first of several, perhaps, and follows another one by now.
            session.give_up();
        }
        let closed = session.is_closed();
        let done = done.map_err(|error| match error {
            StoreError::Busy { at, .. } => StoreError::Busy { at, waited: self.lock_timeout },
            error => error,
        });
        if closed && !self.in_transaction {
            self.session = None;
        }
        done
    }

    /// Waits for a server that is away.
    fn wait_for_server(&mut self) -> Result<(), StoreError> {
        let until = Instant::now() + self.patience;
        loop {
            // An answer, however short: the server may have closed the connection while nobody looked.
            match self.run(|session| session.client().batch_execute("")) {
                Err(StoreError::Unavailable { .. }) if Instant::now() < until => sleep(PAUSE),
                done => return done,
            }
        }
    }

    fn statement(&mut self, sql: &str) -> Result<(), StoreError> {
        self.run(|session| session.client().batch_execute(sql))
    }

    /// Begins a transaction of a batch: nobody else waits for it.
    pub(super) fn begin_batch(&mut self) -> Result<(), StoreError> {
        self.faults.call(self.server.location())?;
        self.statement("BEGIN")?;
        self.in_transaction = true;
        Ok(())
    }
}

impl Connection for PostgresBackend {
    fn location(&self) -> &Location {
        self.server.location()
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        self.faults.call(self.server.location())?;
        self.run(|session| session.execute(sql, values))
    }

    fn query(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(Row) -> Result<(), Mismatch>,
    ) -> Result<(), StoreError> {
        self.faults.call(self.server.location())?;
        if !self.in_transaction && self.session.as_ref().is_none_or(Session::is_closed) {
            self.wait_for_server()?;
        }
        let rows = self.run(|session| session.query(sql, values))?;
        rows.into_iter().try_for_each(|row| each(Row(row))).map_err(|mismatch| mismatch.at(self.server.location()))
    }

    fn check(&mut self) -> Result<Checkup, StoreError> {
        super::connection::Reading::open(&self.server)?.check()
    }
}

impl WriteConnection for PostgresBackend {
    fn begin(&mut self) -> Result<(), StoreError> {
        self.faults.call(self.server.location())?;
        self.wait_for_server()?;
        let begin = std::mem::take(&mut self.begin);
        let begun = self.statement(&begin);
        self.begin = begin;
        self.in_transaction = true;
        if begun.is_err() {
            self.rollback();
        }
        begun
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let (faults, at) = (self.faults.clone(), self.server.location().clone());
        faults.commit(&at, || self.statement("COMMIT"))?;
        self.in_transaction = false;
        Ok(())
    }

    fn rollback(&mut self) {
        if !std::mem::take(&mut self.in_transaction) {
            return;
        }
        if let Some(session) = &mut self.session
            && (session.is_closed() || session.client().batch_execute("ROLLBACK").is_err())
        {
            // The server rolls it back itself.
            self.session = None;
        }
    }
}

impl Backend for PostgresBackend {
    fn record(&mut self, batch: &Batch<'_>) -> Result<Recorded, StoreError> {
        let recorded = record::record(self, batch);
        self.rollback();
        recorded
    }

    fn now(&mut self) -> Result<Option<ServerTime>, StoreError> {
        let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, \
                   (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint";
        (self as &mut dyn Connection).find(sql, &[], |row| Ok(ServerTime { now: row.take(0)?, up_since: row.take(1)? }))
    }

    fn tidy(&mut self) {}

    /// The server looks after its files itself.
    fn shrink(&mut self) -> Result<u64, StoreError> {
        Ok(0)
    }
}
