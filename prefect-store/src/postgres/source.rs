//! Connections to a store that is there.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::check::SIZE;
use super::connection::Reading;
use super::outside::outside;
use super::schema::{self, Found};
use super::server::Server;
use super::session::Session;
use super::write::PostgresBackend;
use crate::backend::Backend;
use crate::presence::make_folder;
use crate::sql::{Access, Connection, Readers, Source};
use crate::sqlite::VERSION;
use crate::{Location, Options, StoreError};

/// A store on a server.
pub(crate) struct PostgresSource {
    server: Arc<Server>,
    /// The store itself, whatever the server is called.
    id: Uuid,
    options: Options,
}

impl PostgresSource {
    /// Opens the store, and makes it if it may be made.
    pub(crate) fn open(server: &Server, access: Access, options: &Options) -> Result<Readers, StoreError> {
        let server = Arc::new(server.clone());
        let at = server.location();
        let id = outside(|| look(&server, access)).map_err(|error| StoreError::CannotOpen {
            at: at.clone(),
            reason: format!("no thread for it: {error}"),
        })??;
        let source = Self { server, id, options: options.clone() };
        let first = source.connect()?;
        Ok(Readers::new(Box::new(source), first))
    }
}

fn look(server: &Server, access: Access) -> Result<Uuid, StoreError> {
    let at = server.location();
    let mut session = Session::open(server, "").map_err(|error| super::errors::from_postgres(at, &error))?;
    let client = session.client();
    match (schema::look(client, server)?, access) {
        (Found::Ours(VERSION, id), _) => Ok(id),
        (_, Access::ReadWrite) => schema::bring_up(client, server),
        // A store that nobody has used.
        (Found::Empty, Access::ReadOnly) => Err(StoreError::Missing(at.clone())),
        (Found::Ours(..), Access::ReadOnly) => Err(StoreError::Older(at.clone())),
    }
}

impl Source for PostgresSource {
    fn location(&self) -> &Location {
        self.server.location()
    }

    /// In the user's folder, which only processes on this machine see: of a process elsewhere there is no file, and its lease
    /// decides.
    fn locks(&self) -> PathBuf {
        let of_this = self.id.simple().to_string();
        let at_home = std::env::home_dir().map(|home| home.join(".prefect/processes").join(&of_this));
        // Who has no home, or may not write there, is no worse off: nobody finds his file, perhaps, and his lease decides.
        at_home
            .filter(|folder| make_folder(folder).is_ok())
            .unwrap_or_else(|| std::env::temp_dir().join("prefect-processes").join(of_this))
    }

    fn connect(&self) -> Result<Box<dyn Connection>, StoreError> {
        Ok(Box::new(Reading::open(&self.server)?))
    }

    fn size(&self) -> Result<u64, StoreError> {
        let mut reading = Reading::open(&self.server)?;
        Ok((&mut reading as &mut dyn Connection).find(SIZE, &[], |row| row.take(0))?.unwrap_or(0))
    }

    fn backup(&self, _: &Path, _: &mut dyn FnMut(u64, u64)) -> Result<u64, StoreError> {
        Err(StoreError::NoBackup(self.location().clone()))
    }

    fn writer(&self) -> Result<Box<dyn Backend>, StoreError> {
        Ok(Box::new(PostgresBackend::new(&self.server, &self.options)))
    }
}
