//! Store calls that fail, and processes that end, where a test says so. Without the feature `faults` nothing of it is there.

#[cfg(not(feature = "faults"))]
mod off {
    use crate::{Location, StoreError};

    /// No faults.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Faults;

    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "the other one needs it")]
    impl Faults {
        #[inline]
        pub(crate) const fn call(&self, _: &Location) -> Result<(), StoreError> {
            Ok(())
        }

        #[inline]
        #[allow(clippy::unused_self, reason = "the other one needs it")]
        pub(crate) fn commit(
            &self,
            _: &Location,
            commit: impl FnOnce() -> Result<(), StoreError>,
        ) -> Result<(), StoreError> {
            commit()
        }
    }
}

#[cfg(feature = "faults")]
mod on {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::time::Duration;

    use crate::{Location, StoreError};

    /// How a store call fails.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Fault {
        /// Another program holds the database.
        Busy,
        /// The disk fails.
        Io,
        /// The disk is full.
        Full,
        /// A commit is done, and the answer says that the disk failed; elsewhere the same as [`Io`](Self::Io).
        AnswerLost,
        /// The writer's thread panics.
        Panic,
        /// The process ends on the spot.
        Die,
        /// The process ends when the commit is done; elsewhere the same as [`Die`](Self::Die).
        DieAfterCommit,
    }

    #[derive(Debug, Default)]
    struct Inner {
        calls: AtomicU64,
        /// From this call on (counted from 1), so many calls, fail in this way.
        plan: Mutex<Option<(u64, u64, Fault)>>,
    }

    /// Another program that holds an SQLite database, until this is dropped.
    #[derive(Debug)]
    pub struct Held(rusqlite::Connection);

    impl Held {
        /// Holds the database at this path: nobody else writes.
        ///
        /// # Panics
        ///
        /// If it cannot be held.
        #[must_use]
        pub fn of(path: &std::path::Path) -> Self {
            let shell = rusqlite::Connection::open(path).expect("a database");
            shell.execute_batch("BEGIN EXCLUSIVE").expect("nobody else has it");
            Self(shell)
        }

        /// How many runs there are.
        ///
        /// # Panics
        ///
        /// If they cannot be counted.
        #[must_use]
        pub fn runs(&self) -> i64 {
            self.0.query_row("SELECT count(*) FROM flow_runs", [], |row| row.get(0)).expect("a table of runs")
        }
    }

    /// Counts the calls that the writer makes to the database (begin, each statement, commit), and makes some fail.
    #[derive(Clone, Debug, Default)]
    pub struct Faults(Arc<Inner>);

    impl Faults {
        /// The call after which the environment wants this process to end: `PREFECT_STORE_DIE_AT=N`.
        #[must_use]
        pub fn from_environment() -> Self {
            let faults = Self::default();
            if let Some(at) = std::env::var("PREFECT_STORE_DIE_AT").ok().and_then(|at| at.parse().ok()) {
                let after = std::env::var_os("PREFECT_STORE_DIE_AFTER_COMMIT").is_some();
                faults.fail(at, 1, if after { Fault::DieAfterCommit } else { Fault::Die });
            }
            faults
        }

        /// Makes so many calls fail, from call number `nth` on (the next is 1).
        pub fn fail(&self, nth: u64, times: u64, fault: Fault) {
            let from = self.0.calls.load(SeqCst) + nth;
            *self.plan() = Some((from, from.saturating_add(times), fault));
        }

        /// Nothing fails any more.
        pub fn heal(&self) {
            *self.plan() = None;
        }

        /// How many calls there were.
        #[must_use]
        pub fn calls(&self) -> u64 {
            self.0.calls.load(SeqCst)
        }

        fn plan(&self) -> std::sync::MutexGuard<'_, Option<(u64, u64, Fault)>> {
            self.0.plan.lock().unwrap_or_else(PoisonError::into_inner)
        }

        fn next(&self) -> Option<Fault> {
            let call = self.0.calls.fetch_add(1, SeqCst) + 1;
            (*self.plan()).filter(|(from, to, _)| (*from..*to).contains(&call)).map(|(_, _, fault)| fault)
        }

        pub(crate) fn call(&self, at: &Location) -> Result<(), StoreError> {
            self.next().map_or(Ok(()), |fault| Err(fault.into_error(at)))
        }

        pub(crate) fn commit(
            &self,
            at: &Location,
            commit: impl FnOnce() -> Result<(), StoreError>,
        ) -> Result<(), StoreError> {
            match self.next() {
                None => commit(),
                Some(fault @ (Fault::AnswerLost | Fault::DieAfterCommit)) => {
                    commit()?;
                    Err(fault.into_error(at))
                }
                Some(fault) => Err(fault.into_error(at)),
            }
        }
    }

    impl Fault {
        fn into_error(self, at: &Location) -> StoreError {
            let at = at.clone();
            match self {
                Self::Busy => StoreError::Busy { at, waited: Duration::ZERO },
                Self::Io | Self::AnswerLost => StoreError::Io { at, reason: "a fault of a test".into() },
                Self::Full => StoreError::Full(at),
                Self::Panic => panic!("a fault of a test"),
                // No destructor, no flush: as after `kill -9`.
                Self::Die | Self::DieAfterCommit => std::process::abort(),
            }
        }
    }
}

#[cfg(not(feature = "faults"))]
pub(crate) use off::Faults;
#[cfg(feature = "faults")]
pub use on::{Fault, Faults, Held};
