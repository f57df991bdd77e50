//! The machine's.
use std::future::Future;
use std::io;
use std::time::Duration;

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, atomic};
pub(crate) use std::thread::{Thread, current, park, sleep};
pub(crate) use std::thread_local;
pub(crate) use std::time::Instant;

pub(crate) use tokio::runtime::{Handle, Runtime};
pub(crate) use tokio::task::AbortHandle;

/// Starts a thread, which nobody waits for.
pub(crate) fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name).spawn(work).map(drop)
}

/// An async runtime of one thread.
pub(crate) fn async_runtime() -> io::Result<Runtime> {
    // Bodies are polled on the workers first: what gets here waits for most of its life.
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("prefect-async").enable_all().build()
}

/// Drives a future on the runtime.
pub(crate) fn spawn_on(runtime: &Handle, future: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
    runtime.spawn(future).abort_handle()
}

/// Waits until it is notified, or for so long.
pub(crate) fn wait_for<T>(condvar: &Condvar, guard: MutexGuard<'_, T>, most: Duration) {
    drop(condvar.wait_timeout(guard, most));
}
