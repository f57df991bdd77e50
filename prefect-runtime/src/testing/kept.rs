//! What a test run keeps in place of files and object stores.
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lock::lock;
use crate::sync::Mutex;
use crate::{ResultStore, TaskError};

/// Results by their names. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct KeptResults(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl KeptResults {
    pub(super) fn all(&self) -> BTreeMap<String, Vec<u8>> {
        lock(&self.0).clone()
    }
}

impl ResultStore for KeptResults {
    fn read(&self, location: &str) -> Result<Option<Vec<u8>>, TaskError> {
        Ok(lock(&self.0).get(location).cloned())
    }

    fn write(&self, location: &str, bytes: &[u8]) -> Result<(), TaskError> {
        lock(&self.0).insert(location.to_owned(), bytes.to_vec());
        Ok(())
    }
}
