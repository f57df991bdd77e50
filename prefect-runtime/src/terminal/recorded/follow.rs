//! Runs of other processes, followed while they go on.
use std::time::{Duration, Instant};

use prefect_store::{Options, RunRow, Store};

use super::sentence;

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often it is looked whether the process of the run is gone: who only looks would wait for ever.
const REAP_EVERY: Duration = Duration::from_secs(2);

/// A run that is followed to its end.
pub(super) struct Followed<'a> {
    store: &'a Store,
    /// The same store, to say that a run has crashed; `None` if it cannot be written here.
    writable: Option<Store>,
    pub(super) run: RunRow,
    reaped: Option<Instant>,
}

impl<'a> Followed<'a> {
    pub(super) fn new(store: &'a Store, run: RunRow) -> Self {
        let writable = if over(&run) { None } else { Store::open(store.url(), Options::default()).ok() };
        Self { store, writable, run, reaped: None }
    }

    /// Whether it has ended, or waits for somebody. What is recorded of it after that belongs to another course of it.
    pub(super) fn is_over(&self) -> bool {
        over(&self.run)
    }

    /// Waits a little, and looks how the run is.
    pub(super) fn look_again(&mut self) -> Result<(), String> {
        std::thread::sleep(LOOK_EVERY);
        if self.reaped.is_none_or(|reaped| reaped.elapsed() >= REAP_EVERY)
            && let Some(store) = &self.writable
        {
            self.reaped = Some(Instant::now());
            // Somebody else sees it then.
            let _ = store.reap();
        }
        self.run = self.store.run(&self.run.id.to_string()).map_err(|error| sentence(&error))?;
        Ok(())
    }
}

fn over(run: &RunRow) -> bool {
    run.owner.is_none()
}
