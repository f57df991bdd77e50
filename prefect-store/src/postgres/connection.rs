//! The statements that all engines share, run by PostgreSQL: on a connection that only reads.
use std::sync::Arc;

use super::check;
use super::errors::AtServer;
use super::outside::outside;
use super::server::Server;
use super::session::Session;
use crate::sql::{Connection, Dialect, Mismatch, Row, Value};
use crate::{Checkup, Location, StoreError};

/// How a session that reads is to be: its statements are short, and compiling them would take longer than they do.
const READS: &str = "SET default_transaction_read_only = on; SET jit = off";

/// A connection that reads. One that the server has closed is made anew.
pub(super) struct Reading {
    server: Arc<Server>,
    session: Option<Session>,
}

impl Reading {
    pub(super) fn open(server: &Arc<Server>) -> Result<Self, StoreError> {
        let mut reading = Self { server: Arc::clone(server), session: None };
        reading.run(|_| Ok(()))?;
        Ok(reading)
    }

    /// Reads. What was asked on a connection that turns out to be closed is asked once more.
    pub(super) fn run<T: Send>(
        &mut self,
        read: impl Fn(&mut Session) -> Result<T, postgres::Error> + Send,
    ) -> Result<T, StoreError> {
        let at = self.server.location();
        let (server, kept) = (&*self.server, &mut self.session);
        let done = outside(move || {
            loop {
                let old = kept.take();
                let is_new = old.is_none();
                let mut session = match old {
                    Some(session) => session,
                    None => Session::open(server, READS).at(server.location())?,
                };
                let read = read(&mut session);
                let closed = session.is_closed();
                if !closed {
                    *kept = Some(session);
                }
                if !closed || is_new || read.is_ok() {
                    return read.at(server.location());
                }
            }
        });
        done.map_err(|error| StoreError::CannotOpen { at: at.clone(), reason: format!("no thread for it: {error}") })?
    }
}

impl Connection for Reading {
    fn location(&self) -> &Location {
        self.server.location()
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        self.run(|session| session.execute(sql, values))
    }

    fn query(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(Row) -> Result<(), Mismatch>,
    ) -> Result<(), StoreError> {
        let rows = self.run(|session| session.query(sql, values))?;
        rows.into_iter().try_for_each(|row| each(Row(row))).map_err(|mismatch| mismatch.at(self.server.location()))
    }

    fn check(&mut self) -> Result<Checkup, StoreError> {
        check::check(self)
    }
}
