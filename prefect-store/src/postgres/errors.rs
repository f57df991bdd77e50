//! What PostgreSQL says, in our words.
use std::error::Error as _;
use std::io;
use std::time::Duration;

use postgres::Error;
use postgres::error::DbError;

use super::tls;
use crate::{Denied, Location, StoreError};

/// The error of a database.
pub(super) fn from_postgres(at: &Location, error: &Error) -> StoreError {
    if let Some(error) = error.as_db_error() {
        return from_server(at, error);
    }
    let at = at.clone();
    // The last of the causes is what has happened; the others say where.
    let mut reason = error.to_string();
    let mut broken = error.is_closed();
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(reason) = tls::distrust(cause) {
            return StoreError::Denied { at, what: Denied::Encryption, reason };
        }
        broken |= cause.is::<io::Error>();
        reason = cause.to_string();
        source = cause.source();
    }
    // The client refuses what it cannot answer: a password is asked for, and there is none.
    if matches!(&*reason, "server does not support TLS") {
        return StoreError::Denied {
            at,
            what: Denied::Encryption,
            reason: "the server makes no encrypted connections".to_owned(),
        };
    }
    if matches!(&*error.to_string(), "authentication error" | "invalid configuration") {
        return StoreError::Denied { at, what: Denied::Login, reason };
    }
    if broken || error.to_string() == "error connecting to server" {
        StoreError::Unavailable { at, reason }
    } else {
        StoreError::Postgres { at, reason }
    }
}

fn from_server(at: &Location, error: &DbError) -> StoreError {
    let at = at.clone();
    let code = error.code().code();
    let reason = error.message().to_owned();
    let denied = |what| StoreError::Denied { at: at.clone(), what, reason: reason.clone() };
    match code {
        "28000" | "28P01" => denied(Denied::Login),
        "3D000" => denied(Denied::Database),
        "42501" => denied(Denied::Rights),
        "25006" => StoreError::ReadOnly(at),
        "53100" => StoreError::Full(at),
        // Somebody has a lock for too long, or it was between two statements for too long.
        "55P03" | "40P01" | "40001" | "57014" => StoreError::Busy { at, waited: Duration::ZERO },
        "58030" | "58P01" => StoreError::Io { at, reason },
        "XX001" | "XX002" => StoreError::Corrupt { at, reason },
        // The server ends, begins, has no room for one more, or has ended the connection.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25P04" => StoreError::Unavailable { at, reason },
        _ if code.starts_with("08") || code.starts_with("53") => StoreError::Unavailable { at, reason },
        _ => StoreError::Postgres { at, reason: format!("{reason} (SQLSTATE {code})") },
    }
}

/// The same for results.
pub(super) trait AtServer<T> {
    fn at(self, at: &Location) -> Result<T, StoreError>;
}

impl<T> AtServer<T> for Result<T, Error> {
    fn at(self, at: &Location) -> Result<T, StoreError> {
        self.map_err(|error| from_postgres(at, &error))
    }
}
