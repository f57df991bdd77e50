//! Waits for a future on a thread of the run, under the run's clock.
use crate::Clock;
use crate::block_on::block_on_with;

/// Drives a future on this thread, which holds a busy token and gives it away while it waits.
pub(crate) fn wait<F: Future>(clock: &Clock, future: F) -> F::Output {
    block_on_with(future, |parker| {
        clock.leave();
        parker.park();
        clock.enter();
    })
}
