//! A connection to a server, with the statements that it has prepared.
use std::collections::HashMap;

use postgres::types::ToSql;
use postgres::{Client, Error, Statement};

use super::outside::outside;
use super::server::Server;
use crate::sql::{Cell, Value};

/// So many statements are kept. There are fewer, but for those that list states.
const STATEMENTS: usize = 256;

/// A connection. It waits for its answers: on threads that belong to no runtime.
pub(super) struct Session {
    /// There until it is dropped.
    client: Option<Client>,
    statements: HashMap<String, Statement>,
    /// Nothing more is asked of it, though it is open.
    is_given_up: bool,
}

impl Session {
    /// Connects, and says how the session is to be.
    pub(super) fn open(server: &Server, settings: &str) -> Result<Self, Error> {
        let mut client = server.connect()?;
        // Who only names a schema that is not there learns it when it looks for tables.
        client.batch_execute(&format!("SET search_path = \"{}\"; {settings}", server.schema()))?;
        Ok(Self { client: Some(client), statements: HashMap::new(), is_given_up: false })
    }

    #[allow(clippy::expect_used, reason = "it is taken when the session is dropped, and not before")]
    pub(super) fn client(&mut self) -> &mut Client {
        self.client.as_mut().expect("a session that is not dropped")
    }

    /// Whether another one is needed.
    pub(super) fn is_closed(&self) -> bool {
        self.is_given_up || self.client.as_ref().is_none_or(Client::is_closed)
    }

    /// The next call is another session's.
    pub(super) const fn give_up(&mut self) {
        self.is_given_up = true;
    }

    pub(super) fn prepared(&mut self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client().prepare(sql)?;
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(super) fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, Error> {
        let statement = self.prepared(sql)?;
        self.client().execute(&statement, &parameters(values))
    }

    pub(super) fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Vec<Cell>>, Error> {
        let statement = self.prepared(sql)?;
        let rows = self.client().query(&statement, &parameters(values))?;
        rows.iter().map(|row| (0..row.len()).map(|column| row.try_get(column)).collect()).collect()
    }
}

fn parameters<'a>(values: &'a [Value<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values.iter().map(|value| value as _).collect()
}

impl Drop for Session {
    fn drop(&mut self) {
        let client = self.client.take();
        // It says farewell to the server, and waits.
        let _ = outside(|| drop(client));
    }
}
