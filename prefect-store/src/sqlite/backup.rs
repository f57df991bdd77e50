//! A copy of a database that is in use.
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{self, Path};

use rusqlite::{Connection, OpenFlags};

use super::errors::AtPath;
use crate::presence::private;
use crate::{Location, StoreError};

/// So many pages are copied between two signs of how far it is: 4 MiB.
const STEP: std::ffi::c_int = 1024;

/// Copies the database that `from` reads into a new file, for this user alone. `tell` hears how many bytes are copied, and of
/// how many.
pub(super) fn backup(
    from: &Connection,
    at: &Location,
    file: &Path,
    tell: &mut dyn FnMut(u64, u64),
) -> Result<u64, StoreError> {
    let cannot = |error: &io::Error| StoreError::CannotOpen { at: file.into(), reason: error.to_string() };
    // Made here, and closed before SQLite opens it: nobody else may open a database's file.
    match private(OpenOptions::new().write(true).create_new(true)).open(file) {
        Ok(made) => drop(made),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(StoreError::Exists(file.into())),
        Err(error) => return Err(cannot(&error)),
    }
    let copied = copy(from, at, file, tell).and_then(|()| fs::metadata(file).map_err(|error| cannot(&error)));
    match copied {
        Ok(copy) => Ok(copy.len()),
        Err(error) => {
            // Half a copy is none.
            let _ = fs::remove_file(file);
            Err(error)
        }
    }
}

fn copy(from: &Connection, at: &Location, file: &Path, tell: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
    let to_location = Location::from(file);
    // From the root on: SQLite has names of its own, `:memory:` and those that begin with `file:`.
    let path = path::absolute(file)
        .map_err(|error| StoreError::CannotOpen { at: to_location.clone(), reason: error.to_string() })?;
    let mut to = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .at(&to_location)?;
    let page: u64 = from.pragma_query_value(None, "page_size", |row| row.get(0)).at(at)?;
    // As it is now: without an open transaction, whatever somebody else writes would make the copy begin anew, and with many
    // who write it would never end.
    let reading = from.unchecked_transaction().at(at)?;
    reading.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).at(at)?;
    {
        use rusqlite::backup::{Backup, StepResult};
        let backup = Backup::new(from, &mut to).at(&to_location)?;
        while backup.step(STEP).at(&to_location)? != StepResult::Done {
            let progress = backup.progress();
            let bytes = |pages: std::ffi::c_int| u64::try_from(pages).unwrap_or(0) * page;
            tell(bytes(progress.pagecount - progress.remaining), bytes(progress.pagecount));
        }
    }
    drop(reading);
    to.close().map_err(|(_, error)| error).at(&to_location)
}
