//! Opening a database: what may be opened, and how a connection is set up.
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};

use super::errors::AtPath;
use super::schema::{self, Found};
use super::turn::TurnFile;
use crate::presence::{make_folder, private};
use crate::sql::Access;
use crate::{Location, Options, StoreError};

/// The first SQLite whose write-ahead log is not known to damage a database.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Held while a database is opened: see [`create`].
static OPENING: Mutex<()> = Mutex::new(());

/// Opens a database: makes it and its tables if they may be made, and refuses what is no store. Gives the path without links
/// too: what stands beside the database (the turn, the lock files) has to be the same for all who open it.
pub(super) fn open(path: &Path, access: Access, options: &Options) -> Result<(PathBuf, Connection), StoreError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::OldSqlite(rusqlite::version()));
    }
    let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    let cannot = |error: io::Error| cannot_open(path, &error);
    match fs::metadata(path) {
        Ok(file) if file.is_dir() => return Err(StoreError::IsFolder(path.into())),
        Ok(file) if !file.is_file() => return Err(StoreError::NotADatabase(path.into())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => match access {
            Access::ReadWrite => create(path)?,
            Access::ReadOnly => return Err(StoreError::Missing(path.into())),
        },
        Err(error) => return Err(cannot(error)),
    }
    let resolved = fs::canonicalize(path).map_err(cannot)?;
    let at = Location::from(&*resolved);
    let connection = connect(&resolved, access, options)?;
    match (schema::look(&connection, &at)?, access) {
        (Found::Ours(schema::VERSION), _) => {}
        (_, Access::ReadWrite) => schema::bring_up(&connection, &at, &TurnFile::of(&resolved)?)?,
        // A store that nobody has used.
        (Found::Empty, Access::ReadOnly) => return Err(StoreError::Missing(at)),
        (Found::Ours(_), Access::ReadOnly) => return Err(StoreError::Older(at)),
    }
    Ok((resolved, connection))
}

/// Makes an empty file, for this user alone; SQLite gives the files that it puts beside it the same rights.
///
/// Nobody but SQLite may open the file once it is a database: the system gives back all locks that this process has on a file
/// when any descriptor of it is closed, and another process would take away the log that is in use here.
fn create(path: &Path) -> Result<(), StoreError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        make_folder(folder).map_err(|error| cannot_open(folder, &error))?;
    }
    match private(OpenOptions::new().write(true).create_new(true)).open(path) {
        Ok(_) => Ok(()),
        // Another process was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(cannot_open(path, &error)),
    }
}

fn cannot_open(path: &Path, error: &io::Error) -> StoreError {
    StoreError::CannotOpen { at: path.into(), reason: error.to_string() }
}

/// A connection to a file that is there.
pub(super) fn connect(path: &Path, access: Access, options: &Options) -> Result<Connection, StoreError> {
    let how = match access {
        Access::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Access::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    // Not `SQLITE_OPEN_URI`: a path is a path, whatever is in it.
    let at = &Location::from(path);
    let connection = Connection::open_with_flags(path, how | OpenFlags::SQLITE_OPEN_NO_MUTEX).at(at)?;
    if access == Access::ReadWrite && connection.is_readonly(rusqlite::MAIN_DB).at(at)? {
        // SQLite opens what it may not write for reading only, and says nothing.
        return Err(StoreError::ReadOnly(at.clone()));
    }
    connection.busy_timeout(options.busy_timeout).at(at)?;
    connection
        .execute_batch(
            "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16000; \
             PRAGMA wal_autocheckpoint=1000; PRAGMA journal_size_limit=67108864;",
        )
        .at(at)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}
