//! Asking for the end of a run.
use std::fmt;

use crate::{Owner, RunId, StateCode, StoreError};

/// What became of a run that somebody wants to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// Nobody had it: it is `Cancelled`.
    Ended,
    /// This process has it, and will end it: it looks every [`Options::look_every`](crate::Options::look_every). If it ends
    /// before that, the run is `Cancelled` when that is found out.
    Asked(Owner),
}

/// Why a run cannot be cancelled. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelRefused {
    /// There is no such run.
    Unknown(RunId),
    /// It has ended.
    Ended {
        /// The run.
        run: RunId,
        /// How.
        state: StateCode,
    },
    /// Its process has been asked already.
    Asked {
        /// The run.
        run: RunId,
        /// Who has asked.
        by: String,
        /// The process.
        owner: Owner,
    },
    /// The store could not do it.
    Store(StoreError),
}

impl fmt::Display for CancelRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(run) => write!(f, "run {run} is not in the store"),
            Self::Ended { run, state } => write!(f, "run {} has ended already: it is {state}", run.short()),
            Self::Asked { run, by, owner } => write!(
                f,
                "run {} is being cancelled already: {} has asked {owner}, which ends it when its running tasks have ended",
                run.short(),
                by.escape_debug()
            ),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CancelRefused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StoreError> for CancelRefused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
