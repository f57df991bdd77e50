//! Drives one future on this thread.
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{self, Thread};

/// Wakes a thread that is parked. It also remembers: a poll may park its thread for reasons of its own, and use up the
/// wake-up that was meant for what comes after.
pub(crate) struct Parker {
    thread: Thread,
    woken: AtomicBool,
}

impl Parker {
    /// Of this thread.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { thread: sync::current(), woken: AtomicBool::new(false) })
    }

    /// Sleeps until woken; called on its own thread only.
    pub(crate) fn park(&self) {
        while !self.woken.swap(false, Ordering::AcqRel) {
            sync::park();
        }
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Polls until ready; the thread sleeps in between. A runtime that the future needs must be entered by the caller
/// and driven by other threads.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    block_on_with(future, Parker::park)
}

/// The same, with another way to sleep.
pub(crate) fn block_on_with<F: Future>(future: F, sleep: impl Fn(&Parker)) -> F::Output {
    let mut future = pin!(future);
    let parker = Parker::new();
    let waker = Waker::from(Arc::clone(&parker));
    let mut cx = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => sleep(&parker),
        }
    }
}
