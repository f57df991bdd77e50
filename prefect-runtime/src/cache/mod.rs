//! Results that later runs of this process use again: the shelves, and who decides what fits.
mod candidate;
mod validator;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;

pub use candidate::CacheCandidate;
pub(crate) use candidate::{Given, GivenValue};
pub(crate) use validator::LooksAt;
#[doc(hidden)]
pub use validator::cache_validator;
pub use validator::{
    CacheValidator, IntoCacheValidator, all_inputs, all_parameters, duration_only, never_use, partial_inputs_only,
    partial_parameters_only,
};

use crate::Value;
use crate::lock::lock;
use crate::sync::Mutex;

/// What the runs of a process keep for later ones: results of tasks with `cache_for`, on shelves named by their `cache_key`,
/// else by the name of the task.
///
/// A run puts its results on the shelves when it has ended, so nothing is shared within one run. All runs of a process share
/// one cache, unless they are given another:
///
/// ```
/// use std::sync::atomic::{AtomicI64, Ordering};
///
/// use prefect::prelude::*;
/// use prefect::{Cache, RunSettings};
///
/// static ASKED: AtomicI64 = AtomicI64::new(0);
///
/// #[task(cache_for = "1h")]
/// fn price() -> i64 {
///     ASKED.fetch_add(1, Ordering::Relaxed)
/// }
///
/// let flow = flow!("prices", { price() }).with(RunSettings::new().cache(Cache::new()));
/// assert_eq!(flow.run().output().unwrap(), 0);
/// assert_eq!(flow.run().output().unwrap(), 0);
/// ```
#[derive(Clone, Default)]
pub struct Cache(Arc<Mutex<HashMap<String, Vec<Arc<Kept>>>>>);

/// One result that was kept, and what it was made of.
pub(crate) struct Kept {
    pub(crate) value: Value,
    pub(crate) message: Option<String>,
    /// Where it was written, if it was.
    pub(crate) location: Option<Arc<str>>,
    pub(crate) expires: Timestamp,
    /// Of the task, by name; only as far as the validator looks at them.
    pub(crate) inputs: Given,
    /// Of the flow, likewise.
    pub(crate) parameters: Given,
}

impl Cache {
    /// An empty cache that nobody else uses.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The cache that all runs of this process share.
    #[must_use]
    pub fn of_process() -> Self {
        static PROCESS: LazyLock<Cache> = LazyLock::new(Cache::new);
        PROCESS.clone()
    }

    /// Forgets all results.
    pub fn clear(&self) {
        // They go only when the lock is free: their destructors are user code.
        let all = std::mem::take(&mut *lock(&self.0));
        drop(all);
    }

    /// What lies on a shelf, the oldest first.
    pub(crate) fn on_shelf(&self, key: &str) -> Vec<Arc<Kept>> {
        lock(&self.0).get(key).cloned().unwrap_or_default()
    }

    /// Puts results on their shelves, and takes those away that have expired.
    pub(crate) fn keep(&self, new: impl Iterator<Item = (String, Kept)>, now: Timestamp) {
        let mut expired = Vec::new();
        let mut shelves = lock(&self.0);
        for (key, kept) in new {
            let shelf = shelves.entry(key).or_default();
            expired.extend(shelf.extract_if(.., |kept| kept.expires <= now));
            shelf.push(Arc::new(kept));
        }
        drop(shelves);
        drop(expired);
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shelves = lock(&self.0);
        f.debug_map().entries(shelves.iter().map(|(key, shelf)| (key, shelf.len()))).finish()
    }
}
