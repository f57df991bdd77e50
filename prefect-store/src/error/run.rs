//! What goes wrong with a run: it is somebody's, or is not recorded any more.
use std::fmt;

use super::Shown;
use crate::{RunId, StateCode, StoreError};

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
