//! A future on a runtime's thread that counts as busy from each wake-up to the end of the poll that follows, so that
//! virtual time does not move in between.
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use crate::Clock;
use crate::lock::lock;

pub(super) struct Accounted<F> {
    inner: Pin<Box<F>>,
    woken: Arc<Woken>,
}

struct Woken {
    clock: Clock,
    /// Whether a busy token is held for a poll to come.
    token: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl<F> Accounted<F> {
    pub(super) fn new(clock: &Clock, future: F) -> Self {
        clock.enter();
        let woken = Woken { clock: clock.clone(), token: AtomicBool::new(true), waker: Mutex::new(None) };
        Self { inner: Box::pin(future), woken: Arc::new(woken) }
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        if !self.token.swap(true, Ordering::AcqRel) {
            self.clock.enter();
        }
        let waker = lock(&self.waker).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<F: Future> Future for Accounted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let woken = Arc::clone(&self.woken);
        *lock(&woken.waker) = Some(cx.waker().clone());
        let token = woken.token.swap(false, Ordering::AcqRel);
        let waker = Waker::from(Arc::clone(&woken));
        let poll = self.inner.as_mut().poll(&mut Context::from_waker(&waker));
        if token {
            woken.clock.leave();
        }
        poll
    }
}

impl<F> Drop for Accounted<F> {
    fn drop(&mut self) {
        if self.woken.token.swap(false, Ordering::AcqRel) {
            self.woken.clock.leave();
        }
    }
}
