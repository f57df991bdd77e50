//! Time that passes when somebody waits for it.
use std::cell::Cell;
use std::time::Duration;

use shuttle::sync::{Condvar, MutexGuard};
use shuttle::thread::yield_now;

std::thread_local! {
    /// Nanoseconds. The threads of one model share a thread of the machine, and so the time.
    static NOW: Cell<u64> = const { Cell::new(0) };
}

fn pass(time: Duration) {
    NOW.set(NOW.get().saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)));
}

#[derive(Clone, Copy)]
pub(crate) struct Instant(u64);

impl Instant {
    pub(crate) fn now() -> Self {
        Self(NOW.get())
    }

    pub(crate) fn elapsed(self) -> Duration {
        Duration::from_nanos(NOW.get().saturating_sub(self.0))
    }
}

pub(crate) fn sleep(time: Duration) {
    yield_now();
    pass(time);
}

/// Whether it was notified or its time was up, it looks again what the time is.
pub(crate) fn wait_for<T>(_: &Condvar, guard: MutexGuard<'_, T>, most: Duration) {
    drop(guard);
    sleep(most);
}
