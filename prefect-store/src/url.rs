//! Where a store is.
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

#[cfg(feature = "postgres")]
use crate::postgres::{PostgresSource, Server};
use crate::sql::{Access, Readers};
use crate::sqlite::SqliteSource;
use crate::{Location, Options, StoreError};

/// Where a store is: the path of an SQLite database, or (with the feature `postgres`) a PostgreSQL server.
///
/// `sqlite:PATH`, `sqlite:///absolute/path`, or a path alone. `~/` at the beginning is the home folder. Nothing else in it
/// has a meaning: no `?option=..`, no `%20`.
///
/// `postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE`, as PostgreSQL's own programs read it. `?schema=NAME` names the
/// schema that the tables are in, `prefect` if it is left out. What else is left out comes from `PGHOST`, `PGPORT`, `PGUSER`,
/// `PGPASSWORD`, `PGDATABASE`. [`Display`](fmt::Display) and `Debug` leave the password out.
///
/// ```
/// use prefect_store::StoreUrl;
///
/// let url: StoreUrl = "sqlite:///var/lib/etl/runs.db".parse().unwrap();
/// assert_eq!(url.path(), Some(std::path::Path::new("/var/lib/etl/runs.db")));
/// assert_eq!(url, "/var/lib/etl/runs.db".parse().unwrap());
/// assert_eq!(url.to_string(), "sqlite:/var/lib/etl/runs.db");
/// assert!("mysql://host/db".parse::<StoreUrl>().is_err());
/// # #[cfg(feature = "postgres")] {
/// let url: StoreUrl = "postgres://me:secret@db.example.org/jobs?schema=etl".parse().unwrap();
/// assert_eq!(url.to_string(), "postgres://me@db.example.org:5432/jobs?schema=etl");
/// assert_eq!(url.path(), None);
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl(Place);

#[derive(Clone, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    #[cfg(feature = "postgres")]
    Server(Box<Server>),
}

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
        Self(Place::File(path.into()))
    }

    /// The path of the database, if it is a file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Place::File(path) => Some(path),
            #[cfg(feature = "postgres")]
            Place::Server(_) => None,
        }
    }

    /// The database, as messages name it.
    #[must_use]
    pub fn location(&self) -> Location {
        match &self.0 {
            Place::File(path) => path.clone().into(),
            #[cfg(feature = "postgres")]
            Place::Server(server) => server.location().clone(),
        }
    }

    /// What must not be shown: its password, as it is and as it is written.
    #[doc(hidden)]
    #[must_use]
    pub fn passwords(&self) -> Vec<String> {
        match &self.0 {
            Place::File(_) => Vec::new(),
            #[cfg(feature = "postgres")]
            Place::Server(server) => server.passwords(),
        }
    }

    pub(crate) fn open(&self, access: Access, options: &Options) -> Result<Readers, StoreError> {
        match &self.0 {
            Place::File(path) => SqliteSource::open(path, access, options),
            #[cfg(feature = "postgres")]
            Place::Server(server) => PostgresSource::open(server, access, options),
        }
    }

    fn parse(text: &str) -> Result<Self, BadStoreUrl> {
        let path = match text.split_once(':') {
            Some(("sqlite", rest)) => match rest.strip_prefix("//") {
                Some(path) if path.starts_with('/') => path,
                Some(_) => return Err(BadStoreUrl::Host),
                None => rest,
            },
            #[cfg(feature = "postgres")]
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                return Server::parse(rest).map(|server| Self(Place::Server(Box::new(server))));
            }
            #[cfg(not(feature = "postgres"))]
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
            Some(rest) => Ok(Self::sqlite(std::env::home_dir().ok_or(BadStoreUrl::NoHome)?.join(rest))),
            None => Ok(Self::sqlite(path)),
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
        match &self.0 {
            Place::File(path) => write!(f, "sqlite:{}", path.display()),
            #[cfg(feature = "postgres")]
            Place::Server(server) => server.fmt(f),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
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
    /// A PostgreSQL URL that cannot be read.
    Server,
    /// An option of a PostgreSQL URL that is not known. (A variant called `Option` would have the compiler write
    /// `std::option::Option` in everybody's messages.)
    UnknownOption,
    /// A schema whose name could not be written as it is in a statement.
    Schema,
    /// An `sslmode` that there is not.
    Encryption(String),
    /// An `sslmode` that looks less closely than the authorities that all systems trust need.
    WeakEncryption(String),
    /// A certificate is named for us, and no key.
    NoKey,
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
                "a store in PostgreSQL needs the feature `postgres` of the crate `prefect`: turn it on, or write `sqlite:PATH`",
            ),
            Self::Server => f.write_str(
                "the store's URL cannot be read: write `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with `%40` for `@` and \
                 the like in its parts",
            ),
            Self::UnknownOption => {
                f.write_str("the store's URL has an option that is not known; these are: ")?;
                f.write_str(&OPTIONS.join(", "))
            }
            Self::Schema => f.write_str(
                "the `schema` of the store's URL is to be 1 to 63 of `a-z`, `0-9` and `_`, and not to begin with a digit or `pg_`",
            ),
            Self::Encryption(mode) => write!(
                f,
                "`sslmode={}` is none of disable, allow, prefer, require, verify-ca and verify-full",
                mode.escape_debug()
            ),
            Self::WeakEncryption(mode) => write!(
                f,
                "with the authorities that the system trusts, `sslmode=verify-full` is needed, not `{}`: anybody can have a \
                 certificate of theirs. Name your own authority by `sslrootcert=FILE`, or write `verify-full`",
                mode.escape_debug()
            ),
            Self::NoKey => f.write_str(
                "a certificate for us is named by `sslcert`, and no key: name its file by `sslkey`, or in PGSSLKEY",
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

/// What a PostgreSQL URL may say behind `?`.
pub(crate) const OPTIONS: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "schema",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

impl std::error::Error for BadStoreUrl {}
