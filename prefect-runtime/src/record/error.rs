//! Why a recorded run cannot go on.
use std::fmt;

use prefect_store::{ClaimRefused, StoreError};

use crate::near::hint;
use crate::plain::plain;

/// Why a recorded run cannot go on. Nothing has changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ResumeError {
    /// It is a run of another flow.
    OtherFlow {
        /// The run, for people.
        run: String,
        /// Its flow.
        flow: String,
        /// The flow that was to go on with it.
        not: String,
    },
    /// The flow is not the one that was recorded.
    Changed {
        /// The run, for people.
        run: String,
        /// What is different, line by line.
        difference: String,
    },
    /// What is recorded cannot be read.
    Unreadable {
        /// The run, for people.
        run: String,
        /// What is wrong.
        why: String,
    },
    /// The flow has no such task.
    UnknownTask {
        /// What was asked for.
        task: String,
        /// The tasks that there are.
        known: Vec<String>,
    },
    /// The task does not wait for anybody.
    NotPaused {
        /// The run, for people.
        run: String,
        /// The task that was to be let go on.
        task: Option<String>,
        /// Those that wait.
        paused: Vec<String>,
    },
    /// An answer was given, and the run waits for none.
    NotWaiting {
        /// The run, for people.
        run: String,
    },
    /// This process cannot run the flow: its configuration is wrong, or a webhook.
    NotHere {
        /// The run, for people.
        run: String,
        /// What is wrong.
        why: String,
    },
    /// Somebody else has it, or it has ended.
    Refused(ClaimRefused),
    /// The store cannot be read or written.
    Store(StoreError),
}

impl fmt::Display for ResumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherFlow { run, flow, not } => {
                write!(f, "run {run} is one of the flow `{}`, not of `{}`", plain(flow), plain(not))
            }
            Self::Changed { run, difference } => write!(
                f,
                "run {run} cannot go on: the flow has changed since it was started\n{difference}\
                 start a new run, go on with the program that started this one, or say `--force`: what has changed starts anew, \
                 and everything downstream of it"
            ),
            Self::Unreadable { run, why } => write!(f, "run {run} cannot go on: {why}"),
            Self::NotHere { run, why } => write!(f, "run {run} cannot go on here, and is left as it is: {why}"),
            Self::UnknownTask { task, known } => {
                write!(f, "the flow has no task `{}`{}", plain(task), hint(task, known.iter().map(String::as_str)))
            }
            Self::NotPaused { run, task, paused } => {
                match task {
                    Some(task) => write!(f, "task `{}` of run {run} does not wait for anybody", plain(task))?,
                    None => write!(f, "no task of run {run} waits for anybody")?,
                }
                if paused.is_empty() {
                    return Ok(());
                }
                let paused: Vec<_> = paused.iter().map(|task| format!("`{}`", plain(task))).collect();
                write!(f, ": those that do are {}", paused.join(", "))
            }
            Self::NotWaiting { run } => {
                write!(
                    f,
                    "run {run} does not wait for anybody: nothing was answered, and it goes on without an answer only"
                )
            }
            Self::Refused(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ResumeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StoreError> for ResumeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
