//! Where a database is, as messages name it.
use std::fmt;
use std::path::{Path, PathBuf};

/// Where a database is, for messages: never with a password.
///
/// ```
/// use prefect_store::Location;
///
/// assert_eq!(Location::from(std::path::PathBuf::from("/var/lib/runs.db")).to_string(), "/var/lib/runs.db");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A file.
    File(PathBuf),
}

impl Location {
    /// The path, of a file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
        }
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
        }
    }
}
