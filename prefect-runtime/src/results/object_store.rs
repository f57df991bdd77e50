//! Results in object stores: S3, Google Cloud Storage, Azure, and what else the crate `object_store` knows.
use std::fmt;
use std::sync::Arc;

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _};

use super::ResultStore;
use crate::run::AsyncRuntime;
use crate::{TaskError, block_on};

/// Keeps results in an object store, by the crate [`object_store`].
///
/// ```
/// use std::sync::Arc;
///
/// use prefect::prelude::*;
/// use prefect::{ObjectStoreResult, object_store::memory::InMemory};
///
/// #[task(target = "rows/{day}.json")]
/// fn rows(day: u8) -> Vec<u8> {
///     vec![day]
/// }
///
/// let store = ObjectStoreResult::new(Arc::new(InMemory::new()), "results");
/// let flow = flow!("rows", result = store, { rows(7) });
/// assert_eq!(flow.run().output().unwrap(), [7]);
/// assert_eq!(flow.run().output().unwrap(), [7]);
/// ```
#[derive(Clone)]
pub struct ObjectStoreResult {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    runtime: Arc<AsyncRuntime>,
}

impl ObjectStoreResult {
    /// Below this prefix of the store; an empty one is all of it.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self { store, prefix: Path::from(prefix), runtime: Arc::new(AsyncRuntime::own()) }
    }

    /// Below a URL such as `s3://bucket/results`, `gs://bucket/results`, `az://container/results` or `file:///srv/results`.
    /// The credentials and the region come from the environment, by the names that `object_store` gives them:
    /// `AWS_ACCESS_KEY_ID`, `GOOGLE_SERVICE_ACCOUNT`, `AZURE_STORAGE_ACCOUNT_NAME` and so on.
    ///
    /// TLS is that of the process's [`rustls::crypto::CryptoProvider`], by default `ring`.
    ///
    /// # Errors
    /// If the URL is none of those, or something that its store needs is missing.
    ///
    /// ```
    /// let error = prefect::ObjectStoreResult::from_url("ftp://example.org/results").unwrap_err();
    /// assert!(error.to_string().starts_with("ftp://example.org/results is no object store"));
    /// ```
    pub fn from_url(url: &str) -> Result<Self, TaskError> {
        let no_store = |why: &dyn fmt::Display| TaskError::from(format!("{url} is no object store: {why}"));
        // As our own client does, it uses `ring`. Where the program has chosen another, that is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let parsed = url::Url::parse(url).map_err(|why| no_store(&why))?;
        let given =
            std::env::vars().filter(|(name, _)| ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|of| name.starts_with(of)));
        let given = given.map(|(name, value)| (name.to_ascii_lowercase(), value));
        let (store, prefix) = object_store::parse_url_opts(&parsed, given).map_err(|why| no_store(&why))?;
        Ok(Self { prefix, ..Self::new(store.into(), "") })
    }

    fn path(&self, location: &str) -> Result<Path, TaskError> {
        // As it is, and not with signs of URLs in place of letters.
        Ok(self.prefix.parts().chain(Path::parse(location)?.parts()).collect())
    }

    /// Waits on this thread, whatever it is, while a thread of the runtime works.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<Result<T, Error>, TaskError> {
        Ok(block_on(self.runtime.handle().spawn(work))?)
    }
}

impl ResultStore for ObjectStoreResult {
    fn read(&self, location: &str) -> Result<Option<Vec<u8>>, TaskError> {
        let (store, path) = (Arc::clone(&self.store), self.path(location)?);
        let read = self.wait(async move { store.get(&path).await?.bytes().await })?;
        match read {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(format!("the result at {} cannot be read: {error}", self.full_name(location)).into()),
        }
    }

    fn write(&self, location: &str, bytes: &[u8]) -> Result<(), TaskError> {
        let (store, path, bytes) = (Arc::clone(&self.store), self.path(location)?, bytes.to_vec());
        let written = self.wait(async move { store.put(&path, bytes.into()).await })?;
        written
            .map(drop)
            .map_err(|error| format!("the result cannot be written to {}: {error}", self.full_name(location)).into())
    }

    fn full_name(&self, location: &str) -> String {
        format!("{}/{location} in {}", self.prefix, self.store).trim_start_matches('/').to_owned()
    }
}

impl fmt::Debug for ObjectStoreResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectStoreResult({} in {})", self.prefix, self.store)
    }
}
