//! Connections that read.
use std::path::{Path, PathBuf};

use super::connection::Reading;
use super::errors::AtPath;
use super::open::{self, Access};
use crate::sql::{Connection, Readers, Source};
use crate::{Location, Options, StoreError};

/// A database that is there, to be read.
pub(crate) struct SqliteSource {
    path: PathBuf,
    at: Location,
    access: Access,
    options: Options,
}

impl SqliteSource {
    /// Opens the database, and makes it if it may be made. Gives its path without links.
    pub(crate) fn open(path: &Path, access: Access, options: &Options) -> Result<(PathBuf, Readers), StoreError> {
        let (path, connection) = open::open(path, access, options)?;
        let source = Self { at: Location::from(&*path), path: path.clone(), access, options: options.clone() };
        let first = source.reading(connection)?;
        Ok((path, Readers::new(Box::new(source), first)))
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

    fn connect(&self) -> Result<Box<dyn Connection>, StoreError> {
        self.reading(open::connect(&self.path, self.access, &self.options)?)
    }
}
