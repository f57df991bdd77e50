//! Connections that read.
use std::path::{Path, PathBuf};

use super::backup;
use super::connection::Reading;
use super::errors::AtPath;
use super::open;
use super::write::SqliteBackend;
use crate::backend::Backend;
use crate::sql::{Access, Connection, Readers, Source};
use crate::{Location, Options, StoreError};

/// A database that is there, to be read.
pub(crate) struct SqliteSource {
    path: PathBuf,
    at: Location,
    access: Access,
    options: Options,
}

impl SqliteSource {
    /// Opens the database, and makes it if it may be made.
    pub(crate) fn open(path: &Path, access: Access, options: &Options) -> Result<Readers, StoreError> {
        let (path, connection) = open::open(path, access, options)?;
        let source = Self { at: Location::from(&*path), path, access, options: options.clone() };
        let first = source.reading(connection)?;
        Ok(Readers::new(Box::new(source), first))
    }

    fn reading(&self, connection: rusqlite::Connection) -> Result<Box<dyn Connection>, StoreError> {
        connection.pragma_update(None, "query_only", true).at(&self.at)?;
        Ok(Box::new(Reading { connection, at: self.at.clone() }))
    }
}

impl Source for SqliteSource {
    fn location(&self) -> &Location {
        &self.at
    }

    fn locks(&self) -> PathBuf {
        let mut path = self.path.as_os_str().to_owned();
        path.push("-processes");
        path.into()
    }

    fn size(&self) -> Result<u64, StoreError> {
        let mut log = self.path.as_os_str().to_owned();
        log.push("-wal");
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        Ok(size(&self.path) + size(Path::new(&log)))
    }

    fn backup(&self, file: &Path, tell: &mut dyn FnMut(u64, u64)) -> Result<u64, StoreError> {
        let connection = open::connect(&self.path, self.access, &self.options)?;
        backup::backup(&connection, &self.at, file, tell)
    }

    fn connect(&self) -> Result<Box<dyn Connection>, StoreError> {
        self.reading(open::connect(&self.path, self.access, &self.options)?)
    }

    fn writer(&self) -> Result<Box<dyn Backend>, StoreError> {
        Ok(Box::new(SqliteBackend::open(&self.path, &self.options)?))
    }
}
