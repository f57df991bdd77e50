//! Work that cannot be done within an asynchronous runtime.
use std::io;
use std::panic::resume_unwind;
use std::thread;

/// Does this on this thread, or on one of its own if this one belongs to a runtime: a connection has a runtime of its own, and
/// one cannot wait within another.
pub(super) fn outside<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    if tokio::runtime::Handle::try_current().is_err() {
        return Ok(work());
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("prefect-store-reads".into()).spawn_scoped(scope, work)?;
        Ok(thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}
