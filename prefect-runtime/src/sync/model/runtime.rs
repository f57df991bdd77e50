//! What stands for the async runtime: each future is a task of the model.
use std::future::Future;
use std::io;

pub(crate) use shuttle::future::AbortHandle;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Handle;

impl Handle {
    pub(crate) fn current() -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "the machine's has it")]
    pub(crate) fn enter(&self) {}
}

#[derive(Debug)]
pub(crate) struct Runtime;

impl Runtime {
    #[expect(clippy::unused_self, reason = "the machine's has it")]
    pub(crate) fn handle(&self) -> &Handle {
        &Handle
    }

    #[expect(clippy::unused_self, reason = "the machine's has it")]
    pub(crate) fn shutdown_background(self) {}
}

#[expect(clippy::unnecessary_wraps, reason = "the machine may have no thread left")]
pub(crate) fn async_runtime() -> io::Result<Runtime> {
    Ok(Runtime)
}

pub(crate) fn spawn_on(_: &Handle, future: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
    let task = shuttle::future::spawn(future);
    let abort = task.abort_handle();
    // As for threads: one that is never woken again is missed at the end.
    std::mem::forget(task);
    abort
}
