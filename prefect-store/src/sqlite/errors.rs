//! What SQLite says, in our words.
use rusqlite::ErrorCode;

use crate::{Location, StoreError};

/// The error of a database.
pub(super) fn from_sqlite(at: &Location, error: &rusqlite::Error) -> StoreError {
    let at = at.clone();
    let reason = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::NotADatabase(at),
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Corrupt { at, reason },
        // The last two: others were quicker again and again while it opened the log, or changed the tables.
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::SchemaChanged,
        ) => StoreError::Busy { at, waited: std::time::Duration::ZERO },
        Some(ErrorCode::DiskFull) => StoreError::Full(at),
        Some(ErrorCode::ReadOnly) => StoreError::ReadOnly(at),
        // There may be memory again.
        Some(ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory) => StoreError::Io { at, reason },
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
            StoreError::CannotOpen { at, reason }
        }
        _ => StoreError::Sqlite { at, reason },
    }
}

/// The same for results.
pub(super) trait AtPath<T> {
    fn at(self, at: &Location) -> Result<T, StoreError>;
}

impl<T> AtPath<T> for rusqlite::Result<T> {
    fn at(self, at: &Location) -> Result<T, StoreError> {
        self.map_err(|error| from_sqlite(at, &error))
    }
}
