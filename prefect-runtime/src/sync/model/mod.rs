//! The model's, by `shuttle`: threads are taken in turns, and each call here is a place where another one may go on.
//!
//! Two things that `shuttle` leaves out are made here. Time passes when somebody waits for it, so that a timeout may come at
//! any moment of what it limits. And every thread has to end: a run that leaves one behind is a deadlock.
mod local;
mod runtime;
mod time;

use std::io;

pub(crate) use local::{Local, thread_local};
pub(crate) use runtime::{AbortHandle, Handle, Runtime, async_runtime, spawn_on};
pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard, atomic};
pub(crate) use shuttle::thread::{Thread, current, park};
pub(crate) use time::{Instant, sleep, wait_for};

/// Starts a thread.
#[expect(clippy::unnecessary_wraps, reason = "the machine may have no thread left")]
pub(crate) fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = shuttle::thread::Builder::new().name(name).spawn(work)?;
    // A handle that is dropped would let the thread go, and the model would not miss it at the end.
    std::mem::forget(thread);
    Ok(())
}
