//! Where a database is, as messages name it.
use std::fmt;
use std::path::{Path, PathBuf};

/// The schema of a store whose URL names none.
pub(crate) const SCHEMA: &str = "prefect";

/// Where a database is, for messages: never with a password.
///
/// ```
/// use prefect_store::Location;
///
/// assert_eq!(Location::from(std::path::PathBuf::from("/var/lib/runs.db")).to_string(), "/var/lib/runs.db");
/// let server = |schema: &str| Location::Server {
///     address: "db.example.org:5432".into(),
///     database: "jobs".into(),
///     schema: schema.into(),
/// };
/// assert_eq!(server("prefect").to_string(), "postgres://db.example.org:5432/jobs");
/// assert_eq!(server("etl").to_string(), "postgres://db.example.org:5432/jobs?schema=etl");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A file.
    File(PathBuf),
    /// A schema in a database of a PostgreSQL server.
    Server {
        /// The host and the port; several, with commas between them, if the first that answers is taken.
        address: String,
        /// The database.
        database: String,
        /// The schema that the tables are in.
        schema: String,
    },
}

impl Location {
    /// The path, of a file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Server { .. } => None,
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
            Self::Server { address, database, schema } => {
                write!(f, "postgres://{address}/{database}")?;
                if schema == SCHEMA { Ok(()) } else { write!(f, "?schema={schema}") }
            }
        }
    }
}
