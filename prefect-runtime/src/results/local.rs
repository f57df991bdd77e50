//! Results in files.
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::ResultStore;
use crate::{Config, TaskError};

/// Keeps results in files of a folder.
///
/// A file is written beside its place and then moved there, so that it is whole or not there at all, also if the process or
/// the machine goes down. Only its owner can read it.
///
/// ```
/// use prefect::prelude::*;
/// use prefect::LocalResult;
///
/// #[task(target = "rows.json", result = LocalResult::in_folder(std::env::temp_dir().join("prefect-local-result")))]
/// fn rows() -> Vec<i64> {
///     vec![1, 2, 3]
/// }
///
/// let flow = flow!("rows", { rows() });
/// flow.run();
/// let (again, node) = (flow.run(), 0);
/// # let _ = node;
/// assert_eq!(again.output().unwrap(), [1, 2, 3]);
/// # std::fs::remove_dir_all(std::env::temp_dir().join("prefect-local-result")).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct LocalResult {
    folder: Option<PathBuf>,
}

impl LocalResult {
    /// In the folder `results` of the configuration's `home_dir`: by default `~/.prefect/results`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// In this folder, which is made when the first result is written.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()) }
    }

    fn path(&self, location: &str) -> Result<PathBuf, TaskError> {
        if let Some(folder) = &self.folder {
            return Ok(folder.join(location));
        }
        Ok(Config::current()?.home_dir()?.join("results").join(location))
    }
}

impl ResultStore for LocalResult {
    fn read(&self, location: &str) -> Result<Option<Vec<u8>>, TaskError> {
        let path = self.path(location)?;
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("the result at {} cannot be read: {error}", path.display()).into()),
        }
    }

    fn write(&self, location: &str, bytes: &[u8]) -> Result<(), TaskError> {
        let path = self.path(location)?;
        write_whole(&path, bytes)
            .map_err(|error| format!("the result cannot be written to {}: {error}", path.display()).into())
    }

    fn full_name(&self, location: &str) -> String {
        self.path(location).map_or_else(|_| location.to_owned(), |path| path.display().to_string())
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".prefect-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The name is a fact only when the folder is written.
    File::open(folder)?.sync_all()
}
