//! Runs whose process is gone.
use prefect_store::Store;

use crate::plain::plain;

/// Looks for them, and says so in the log: what they held is free then, and what they left to be sent is due.
pub(crate) fn look_for_the_dead(store: &Store) {
    match store.reap() {
        Ok(reaped) => {
            for run in reaped {
                let (id, name, flow) = (run.id.short(), plain(&run.name), plain(&run.flow));
                tracing::warn!(target: "prefect", "run {id} ({name}) of `{flow}` has crashed: {} is gone", run.owner);
            }
        }
        Err(error) => tracing::debug!(target: "prefect", "Nobody can say which processes are gone: {error}"),
    }
}
