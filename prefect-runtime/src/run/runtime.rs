//! The async runtime of a run: the one that it is called in, or its own, made when it is first needed.
use std::sync::PoisonError;

use crate::lock::lock;
use crate::sync::{Handle, Mutex, Runtime, async_runtime};

#[derive(Debug)]
pub(crate) enum AsyncRuntime {
    /// `run_async` uses the runtime that it is called in.
    Given(Handle),
    Own(Mutex<Option<Runtime>>),
}

impl AsyncRuntime {
    pub(crate) fn own() -> Self {
        Self::Own(Mutex::new(None))
    }

    /// # Panics
    /// If the system has no thread left for it.
    pub(crate) fn handle(&self) -> Handle {
        match self {
            Self::Given(handle) => handle.clone(),
            Self::Own(runtime) => {
                let mut runtime = lock(runtime);
                let runtime = runtime.get_or_insert_with(|| async_runtime().expect("a thread for async tasks"));
                runtime.handle().clone()
            }
        }
    }
}

impl Drop for AsyncRuntime {
    fn drop(&mut self) {
        if let Self::Own(runtime) = self
            && let Some(runtime) = runtime.get_mut().unwrap_or_else(PoisonError::into_inner).take()
        {
            // Waits for nobody: a task that was given up may never end.
            runtime.shutdown_background();
        }
    }
}
