//! Where a store is.
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where a store is: the path of an SQLite database.
///
/// `sqlite:PATH`, `sqlite:///absolute/path`, or a path alone. `~/` at the beginning is the home folder. Nothing else in it
/// has a meaning: no `?option=..`, no `%20`.
///
/// ```
/// use prefect_store::StoreUrl;
///
/// let url: StoreUrl = "sqlite:///var/lib/etl/runs.db".parse().unwrap();
/// assert_eq!(url.path(), std::path::Path::new("/var/lib/etl/runs.db"));
/// assert_eq!(url, "/var/lib/etl/runs.db".parse().unwrap());
/// assert_eq!(url.to_string(), "sqlite:/var/lib/etl/runs.db");
/// assert!("mysql://host/db".parse::<StoreUrl>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreUrl(PathBuf);

impl StoreUrl {
    /// The database of a person who says nothing else: `~/.prefect/prefect.db`.
    ///
    /// # Errors
    ///
    /// If the machine does not say where the home folder is.
    pub fn default_of_user() -> Result<Self, BadStoreUrl> {
        Self::parse("~/.prefect/prefect.db")
    }

    /// The SQLite database at this path.
    #[must_use]
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The path of the database.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn parse(text: &str) -> Result<Self, BadStoreUrl> {
        let path = match text.split_once(':') {
            Some(("sqlite", rest)) => match rest.strip_prefix("//") {
                Some(path) if path.starts_with('/') => path,
                Some(_) => return Err(BadStoreUrl::Host),
                None => rest,
            },
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => return Err(BadStoreUrl::Postgres),
            Some((scheme, rest)) if rest.starts_with("//") => return Err(BadStoreUrl::Scheme(scheme.to_owned())),
            _ => text,
        };
        if path.trim().is_empty() {
            return Err(BadStoreUrl::Empty);
        }
        if path == ":memory:" {
            return Err(BadStoreUrl::Memory);
        }
        if path.contains('\0') {
            return Err(BadStoreUrl::Nul);
        }
        match path.strip_prefix("~/") {
            Some(rest) => Ok(Self(std::env::home_dir().ok_or(BadStoreUrl::NoHome)?.join(rest))),
            None => Ok(Self(path.into())),
        }
    }
}

impl FromStr for StoreUrl {
    type Err = BadStoreUrl;

    fn from_str(text: &str) -> Result<Self, BadStoreUrl> {
        Self::parse(text)
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sqlite:{}", self.0.display())
    }
}

/// A text that does not say where a store is. Its message does not repeat what may hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadStoreUrl {
    /// It names no path.
    Empty,
    /// A database in memory is gone with its process.
    Memory,
    /// A path cannot hold a NUL.
    Nul,
    /// `sqlite://` is followed by the name of a host.
    Host,
    /// PostgreSQL, which this build does not have.
    Postgres,
    /// Another kind of database.
    Scheme(String),
    /// It begins with `~/`, and there is no home folder.
    NoHome,
}

impl fmt::Display for BadStoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the store's URL names no path: write `sqlite:PATH`, such as `sqlite:runs.db`"),
            Self::Memory => f.write_str(
                "a store in memory would be gone with its process: write `sqlite:PATH`, or leave the store out",
            ),
            Self::Nul => f.write_str("the path of the store holds a NUL character"),
            Self::Host => f.write_str(
                "`sqlite://` is followed by the path of a file, not by a host: write `sqlite:relative/path` or \
                 `sqlite:///absolute/path`",
            ),
            Self::Postgres => f.write_str(
                "a store in PostgreSQL needs the feature `postgres`, which this release does not have yet: write `sqlite:PATH`",
            ),
            Self::Scheme(scheme) => {
                write!(f, "a store cannot be in `{}`: write `sqlite:PATH`", scheme.escape_debug())
            }
            Self::NoHome => f.write_str(
                "the store's path begins with `~/`, and the machine does not say where the home folder is: set HOME, or \
                 write the whole path",
            ),
        }
    }
}

impl std::error::Error for BadStoreUrl {}
