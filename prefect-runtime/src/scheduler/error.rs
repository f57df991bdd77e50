//! Why schedules cannot be served.
use std::error::Error;
use std::fmt;

use prefect_store::StoreError;

use crate::plain::plain;

/// Why a [`Scheduler`](super::Scheduler) has not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchedulerError {
    /// It was given no flow.
    NoFlow,
    /// This flow has no schedule.
    NoSchedule(String),
    /// Two flows have this name, which tells their schedules apart.
    Twice(String),
    /// The store cannot be read or written.
    Store(StoreError),
}

impl fmt::Display for SchedulerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFlow => f.write_str(
                "there is no flow whose schedule could be served: give one a schedule by `flow.schedule(..)`",
            ),
            Self::NoSchedule(flow) => {
                write!(f, "the flow `{}` has no schedule: give it one by `flow.schedule(..)`", plain(flow))
            }
            Self::Twice(flow) => write!(f, "two flows are named `{}`: give each a name of its own", plain(flow)),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl Error for SchedulerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StoreError> for SchedulerError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
