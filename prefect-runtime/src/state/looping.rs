//! Loops: a body that is called again with what it gave.
#[cfg(feature = "store")]
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::Value;

/// Where a task run is in its loop.
#[derive(Clone, Debug)]
pub(crate) struct Looping {
    /// Of `Looped`, the iteration that has ended; of a state that waits, the one that comes next.
    pub(crate) iteration: u32,
    /// What the iteration before gave.
    pub(crate) result: Option<LoopResult>,
    pub(crate) entry: Entry,
}

/// What an iteration gave.
#[derive(Clone, Debug)]
pub(crate) enum LoopResult {
    Value(Value),
    /// As JSON, from an earlier process: only the body knows of which type it is.
    #[cfg(feature = "store")]
    Recorded(Arc<[u8]>),
}

/// How a task run comes to an iteration of its loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// At once, from the one before.
    Begun,
    /// Once more, in another attempt: a retry, or what a handler or a signal asked for.
    Again,
}

impl LoopResult {
    /// The result, if it is one of this type.
    pub(crate) fn get<T: Clone + DeserializeOwned + Send + Sync + 'static>(&self) -> Option<T> {
        match self {
            Self::Value(value) => value.downcast_ref().cloned(),
            #[cfg(feature = "store")]
            Self::Recorded(json) => serde_json::from_slice(json).ok(),
        }
    }
}
