//! Opening a database: what may be opened, and how a connection is set up.
use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::errors::AtPath;
use super::schema::{self, Found};
use super::turn::TurnFile;
use crate::presence::{make_folder, private};
use crate::{Options, StoreError};

/// The first SQLite whose write-ahead log is not known to damage a database.
const OLDEST_SQLITE: i32 = 3_051_003;

/// What a store may do with its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    ReadWrite,
    ReadOnly,
}

/// Looks at the file, and makes it and its tables if they may be made.
pub(super) fn prepare(path: &Path, access: Access, options: &Options) -> Result<(), StoreError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::OldSqlite(rusqlite::version()));
    }
    let cannot = |error: &io::Error| StoreError::CannotOpen { path: path.to_owned(), reason: error.to_string() };
    match fs::metadata(path) {
        Ok(file) if file.is_dir() => return Err(StoreError::IsFolder(path.to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if access == Access::ReadOnly {
                return Err(StoreError::Missing(path.to_owned()));
            }
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                make_folder(folder)
                    .map_err(|error| StoreError::CannotOpen { path: folder.to_owned(), reason: error.to_string() })?;
            }
            // SQLite gives the files that it puts beside it the same rights.
            private(OpenOptions::new().write(true).create(true).truncate(false))
                .open(path)
                .map_err(|error| cannot(&error))?;
        }
        Err(error) => return Err(cannot(&error)),
    }
    if access == Access::ReadWrite {
        // SQLite opens a file without rights for reading only, and says so when it is too late.
        OpenOptions::new().write(true).open(path).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                StoreError::ReadOnly(path.to_owned())
            }
            _ => cannot(&error),
        })?;
    }
    let connection = connect(path, access, options)?;
    match (schema::look(&connection, path)?, access) {
        (Found::Ours(schema::VERSION), _) => Ok(()),
        (_, Access::ReadWrite) => schema::bring_up(&connection, path, &TurnFile::of(path)?),
        // A store that nobody has used.
        (Found::Empty, Access::ReadOnly) => Err(StoreError::Missing(path.to_owned())),
        (Found::Ours(_), Access::ReadOnly) => Err(StoreError::Older(path.to_owned())),
    }
}

/// A connection to a file that is there.
pub(super) fn connect(path: &Path, access: Access, options: &Options) -> Result<Connection, StoreError> {
    let how = match access {
        Access::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Access::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    // Not `SQLITE_OPEN_URI`: a path is a path, whatever is in it.
    let connection = Connection::open_with_flags(path, how | OpenFlags::SQLITE_OPEN_NO_MUTEX).at(path)?;
    connection.busy_timeout(options.busy_timeout).at(path)?;
    connection
        .execute_batch(
            "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16000; \
             PRAGMA wal_autocheckpoint=1000; PRAGMA journal_size_limit=67108864;",
        )
        .at(path)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
