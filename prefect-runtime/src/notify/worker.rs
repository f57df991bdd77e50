//! The thread that delivers the messages of one run. It starts with the first message and ends with the run.
use std::future::Future;
use std::io;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

pub(crate) struct Worker {
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        // The subscriber of the thread that runs the flow is the one that should hear of trouble here.
        let log = tracing::dispatcher::get_default(Clone::clone);
        let thread = thread::Builder::new().name("prefect-notify".into()).spawn(move || {
            let _log = tracing::dispatcher::set_default(&log);
            // Ends at the message and likewise when the sender is gone.
            let _ = runtime.block_on(stopped);
            // A name lookup that hangs in the system must not hold up the end of the run.
            runtime.shutdown_background();
        })?;
        Ok(Self { runtime: handle, stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(future);
    }

    /// Ends the thread, and what still runs on it.
    pub(crate) fn stop(mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has no message left to lose.
            let _ = thread.join();
        }
    }
}
