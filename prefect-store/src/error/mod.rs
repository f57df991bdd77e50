//! What goes wrong, said in a sentence: what, where, and what to do.
use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::{Location, RunId, StateCode};

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

/// Who owns a run: a process, as it was when it took the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its machine.
    pub host: String,
    /// Its number there, for people: the store judges by the lock file and the lease.
    pub pid: u32,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.pid, Shown(&self.host))
    }
}

/// A run that can no longer be recorded by this process: nothing of it is written from a certain change on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The run.
    pub run: RunId,
    /// Why.
    pub reason: LostReason,
}

/// Why a run can no longer be recorded by this process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LostReason {
    /// It was taken for dead, and the run from it.
    TakenOver {
        /// Who has it now, if anybody.
        by: Option<Owner>,
        /// The state of the run.
        state: StateCode,
    },
    /// The run is not in the store any more.
    Deleted,
    /// It had ended, or was paused, before this change.
    GivenUp,
    /// A change did not fit what the store has.
    Refused {
        /// The task run; `None` for the flow run itself.
        task: Option<(u32, Option<u32>)>,
        /// The number of the change.
        version: u32,
        /// What the store has; `None` if it has no row.
        found: Option<Found>,
    },
    /// The store could not be written for longer than [`Options::keep_trying`](crate::Options::keep_trying), or never will be.
    Unwritable(StoreError),
}

/// What a change did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The state.
    pub state: StateCode,
    /// The number of the last change.
    pub version: u32,
    /// The attempt; 0 for a flow run.
    pub attempt: u32,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run {} is no longer recorded by this process: ", self.run.short())?;
        match &self.reason {
            LostReason::TakenOver { by: Some(owner), .. } => {
                write!(f, "{owner} has it now, as this one gave no sign of life for longer than the lease")
            }
            LostReason::TakenOver { by: None, state } => write!(
                f,
                "it was taken from it and is {state} now, as this process gave no sign of life for longer than the lease"
            ),
            LostReason::Deleted => f.write_str("it was deleted from the store"),
            LostReason::GivenUp => f.write_str("it had ended, or was paused, before"),
            LostReason::Refused { task, version, found } => {
                match task {
                    Some((task, Some(index))) => write!(f, "change {version} of child {index} of task {task}")?,
                    Some((task, None)) => write!(f, "change {version} of task {task}")?,
                    None => write!(f, "change {version} of the flow run")?,
                }
                match found {
                    Some(Found { state, version, attempt }) => write!(
                        f,
                        " does not follow from what the store has: {state}, change {version}, attempt {attempt}"
                    ),
                    None => f.write_str(" does not follow from what the store has: no change at all"),
                }
            }
            LostReason::Unwritable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Lost {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            LostReason::Unwritable(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a run cannot be claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimRefused {
    /// There is no such run.
    Unknown(RunId),
    /// It has ended for good.
    Ended {
        /// The run.
        run: RunId,
        /// `Success` or one of its special cases, or `Cancelled`.
        state: StateCode,
    },
    /// A process has it.
    Owned {
        /// The run.
        run: RunId,
        /// The process.
        by: Owner,
    },
    /// It has changed since it was read: another process had it meanwhile.
    Changed {
        /// The run.
        run: RunId,
        /// What it is now.
        state: StateCode,
    },
    /// It has ended its process too often.
    Parked {
        /// The run.
        run: RunId,
        /// How often.
        crashes: u32,
    },
    /// The store could not do it.
    Store(StoreError),
}

impl fmt::Display for ClaimRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(run) => write!(f, "run {run} is not in the store"),
            Self::Ended { run, state } => {
                write!(f, "run {} is {state}, which is final: start a new run instead", run.short())
            }
            Self::Owned { run, by } => write!(
                f,
                "run {} is being run by {by}. If that process is gone, wait until its lease is over and try again",
                run.short()
            ),
            Self::Changed { run, state } => write!(
                f,
                "another process was quicker: run {} has changed since it was read, and is {state} now. Look at it again",
                run.short()
            ),
            Self::Parked { run, crashes } => write!(
                f,
                "run {} has ended its process {crashes} times and is put aside: see which of its tasks do that, then say \
                 that it may start again",
                run.short()
            ),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ClaimRefused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StoreError> for ClaimRefused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
