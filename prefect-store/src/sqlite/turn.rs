//! Whose turn it is to write: a lock on a file beside the database.
//!
//! SQLite lets the quickest write: a process that asks again at once after each commit is quicker than one that sleeps between
//! its tries, and some of eight processes got nothing for seconds. The system's lock has a queue.
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::StoreError;
use crate::presence::private;

/// The file. Nobody may delete it: who holds the lock of a deleted file holds nothing.
#[derive(Debug)]
pub(super) struct TurnFile {
    file: Arc<File>,
    path: PathBuf,
}

/// While it lives, no other store writes to the database.
pub(super) struct Turn(Arc<File>);

impl TurnFile {
    pub(super) fn of(database: &Path) -> Result<Self, StoreError> {
        let mut path = database.as_os_str().to_owned();
        path.push("-turn");
        let path = PathBuf::from(path);
        match private(OpenOptions::new().write(true).create(true).truncate(false)).open(&path) {
            Ok(file) => Ok(Self { file: Arc::new(file), path }),
            Err(error) => Err(StoreError::CannotOpen { at: path.into(), reason: error.to_string() }),
        }
    }

    /// Waits for the turn.
    pub(super) fn wait(&self) -> Result<Turn, StoreError> {
        match self.file.lock() {
            Ok(()) => Ok(Turn(Arc::clone(&self.file))),
            Err(error) => Err(StoreError::Io { at: self.path.clone().into(), reason: error.to_string() }),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Closing the file, at the latest, gives it back.
        let _ = self.0.unlock();
    }
}
