//! What goes wrong, said in a sentence: what, where, and what to do.
mod run;

use std::fmt::{self, Write as _};
use std::time::Duration;

pub use run::{ClaimRefused, Found, Lost, LostReason, Owner};

use crate::{Location, RunId};

/// A name as a message has it: characters that no terminal should get are written out.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .chars()
            .try_for_each(|c| if c.is_control() { write!(f, "{}", c.escape_debug()) } else { f.write_char(c) })
    }
}

/// Why a store cannot do what it was asked. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// The path of the database is a folder.
    IsFolder(Location),
    /// There is a file already where a new one was to be made.
    Exists(Location),
    /// There is no database, and it was opened for reading only.
    Missing(Location),
    /// The database, its folder or a file beside it cannot be made or opened.
    CannotOpen {
        /// The file or folder.
        at: Location,
        /// What the system says.
        reason: String,
    },
    /// The file is no SQLite database.
    NotADatabase(Location),
    /// It is an SQLite database, and another program's.
    Foreign(Location),
    /// A newer release has made it.
    Newer {
        /// The database.
        at: Location,
        /// The version of its tables.
        found: i64,
        /// The newest that this release knows.
        known: i64,
    },
    /// An older release has made it, and it was opened for reading only.
    Older(Location),
    /// The SQLite that this program is linked with has faults that cost data.
    OldSqlite(&'static str),
    /// The database cannot be written.
    ReadOnly(Location),
    /// The disk is full.
    Full(Location),
    /// Another program holds the database.
    Busy {
        /// The database.
        at: Location,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The disk does not do what it should.
    Io {
        /// The database.
        at: Location,
        /// What SQLite says.
        reason: String,
    },
    /// The database is damaged.
    Corrupt {
        /// The database.
        at: Location,
        /// What SQLite says.
        reason: String,
    },
    /// Anything else that SQLite says.
    Sqlite {
        /// The database.
        at: Location,
        /// What it says.
        reason: String,
    },
    /// The server cannot be reached, or takes no connection now.
    Unavailable {
        /// The database.
        at: Location,
        /// What the system or the server says.
        reason: String,
    },
    /// The server refuses what is asked of it.
    Denied {
        /// The database.
        at: Location,
        /// What it refuses.
        what: Denied,
        /// What it says.
        reason: String,
    },
    /// Anything else that PostgreSQL says.
    Postgres {
        /// The database.
        at: Location,
        /// What it says.
        reason: String,
    },
    /// A store on a server is copied by the server's own program.
    NoBackup(Location),
    /// No run has this id or name.
    UnknownRun {
        /// What was asked for.
        reference: String,
        /// The database.
        at: Location,
    },
    /// Several runs fit.
    Ambiguous {
        /// What was asked for.
        reference: String,
        /// The runs, newest first; at most [`CANDIDATES`](Self::CANDIDATES).
        candidates: Vec<Candidate>,
        /// Whether there are more.
        more: bool,
    },
    /// The thread that writes has ended.
    WriterGone(Location),
}

/// What a server refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// The user, the password, or where the connection comes from.
    Login,
    /// The server's certificate is not trusted, or ours; or there is no encryption.
    Encryption,
    /// There is no such database.
    Database,
    /// The user has no right to do this.
    Rights,
}

/// A run that an ambiguous reference may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub id: RunId,
    /// Its name.
    pub name: String,
    /// Its flow.
    pub flow: String,
}

impl StoreError {
    /// How many runs an error about an ambiguous reference lists.
    pub const CANDIDATES: usize = 8;

    /// Whether it may pass by itself, so that trying again makes sense.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Busy { .. }
                | Self::Full(_)
                | Self::Io { .. }
                | Self::ReadOnly(_)
                | Self::CannotOpen { .. }
                | Self::Unavailable { .. }
                | Self::Denied { .. }
        )
    }
}

impl fmt::Display for StoreError {
    #[allow(clippy::too_many_lines, reason = "a sentence for each")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(at) => write!(f, "{at} is there already: name a file that is not"),
            Self::IsFolder(at) => {
                write!(f, "{at} is a folder: the store needs the path of a file in it")
            }
            Self::Missing(at) => {
                write!(f, "there is no store at {at}: it is made by the first durable run")
            }
            Self::CannotOpen { at, reason } => write!(
                f,
                "{at} cannot be opened: {reason}. Check that the folder is there and that this user may read and write it"
            ),
            Self::NotADatabase(at) => write!(
                f,
                "{at} is no SQLite database: nothing was changed in it. Name another path for the store, or move the file away"
            ),
            Self::Foreign(at @ Location::Server { .. }) => write!(
                f,
                "{at} is a schema of another program: nothing was changed in it. Name another one for the store, by `?schema=NAME`"
            ),
            Self::Foreign(at) => write!(
                f,
                "{at} is a database of another program: nothing was changed in it. Name another path for the store"
            ),
            Self::Newer { at, found, known } => write!(
                f,
                "{at} was made by a newer release of prefect (tables of version {found}, this release knows {known}): nothing \
                 was changed in it. Use that release, or another path for the store"
            ),
            Self::Older(at) => write!(
                f,
                "{at} was made by an older release of prefect: it is brought up to date by the next durable run, or whenever it is \
                 opened for writing"
            ),
            Self::OldSqlite(version) => write!(
                f,
                "this program is linked with SQLite {version}, which can damage a database that several processes write: \
                 3.51.3 or newer is needed"
            ),
            Self::ReadOnly(at @ Location::Server { .. }) => write!(
                f,
                "{at} cannot be written: the server takes no changes, as a copy of another one does. Name the one that it is a copy of"
            ),
            Self::ReadOnly(at) => write!(
                f,
                "{at} cannot be written: check the rights of the file and of its folder, and that the disk is not mounted \
                 read-only"
            ),
            Self::Full(at) => {
                write!(f, "the disk of {at} is full: make room, then go on with the run")
            }
            Self::Busy { at, waited } => write!(
                f,
                "another program holds {at} (waited {waited:?} for it): end it (a database shell with an open transaction?), then \
                 go on with the run"
            ),
            Self::Io { at, reason } => write!(f, "the disk of {at} fails: {reason}"),
            Self::Corrupt { at: at @ Location::Server { .. }, reason } => {
                write!(f, "{at} is damaged ({reason}): put a copy in its place")
            }
            Self::Corrupt { at, reason } => write!(
                f,
                "{at} is damaged ({reason}): put a copy in its place, or save what `sqlite3 FILE .recover` can read"
            ),
            Self::Sqlite { at, reason } => write!(f, "{at}: SQLite says: {reason}"),
            Self::Unavailable { at, reason } => write!(
                f,
                "{at} cannot be reached: {}. Check that the PostgreSQL server is there, and takes connections from this machine",
                Shown(reason)
            ),
            Self::Denied { at, what, reason } => {
                write!(f, "{at} cannot be used: {}. ", Shown(reason))?;
                f.write_str(match what {
                    Denied::Login => "Check the user and the password, in the store's URL or in PGUSER and PGPASSWORD",
                    Denied::Encryption => {
                        "`sslrootcert=FILE` in its URL names the authorities that are trusted, `sslcert` and `sslkey` say who \
                         we are; `sslmode=require` encrypts whoever answers"
                    }
                    Denied::Database => "Make the database, or name another one",
                    Denied::Rights => {
                        "The user needs the right to make schemas in the database, or to have the store's schema as its own"
                    }
                })
            }
            Self::NoBackup(at) => {
                write!(f, "{at} is on a PostgreSQL server: copy it with")?;
                match at {
                    Location::Server { schema, .. } => write!(f, " `pg_dump --schema={schema}`"),
                    Location::File(_) => f.write_str(" the server's own program"),
                }
            }
            Self::Postgres { at, reason } => write!(f, "{at}: PostgreSQL says: {}", Shown(reason)),
            Self::UnknownRun { reference, at } => write!(
                f,
                "no run in {at} has the id or name `{}`: an id, at least 4 digits of its beginning or end, or the name of a \
                 run is expected",
                Shown(reference)
            ),
            Self::Ambiguous { reference, candidates, more } => {
                write!(f, "`{}` may mean several runs: ", Shown(reference))?;
                for (i, run) in candidates.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{} (`{}` of `{}`)", run.id, Shown(&run.name), Shown(&run.flow))?;
                }
                f.write_str(if *more { " and more. Write the whole id" } else { ". Write the whole id" })
            }
            Self::WriterGone(at) => {
                write!(f, "the thread that writes {at} has ended: open the store again")
            }
        }
    }
}

impl std::error::Error for StoreError {}
