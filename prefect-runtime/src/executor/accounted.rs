//! A future on a runtime's thread that counts as busy from each wake-up to the end of the poll that follows, so that
//! virtual time does not move in between.
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::Clock;
use crate::lock::lock;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU8, Ordering};

pub(crate) struct Accounted<F> {
    inner: Pin<Box<F>>,
    woken: Arc<Woken>,
}

struct Woken {
    clock: Clock,
    /// [`ASLEEP`], [`AWAKE`] or [`OVER`].
    state: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

const ASLEEP: u8 = 0;
/// A busy token is held for a poll to come.
const AWAKE: u8 = 1;
/// It will not be polled any more: who wakes it now must not hold up time.
const OVER: u8 = 2;

impl<F> Accounted<F> {
    pub(crate) fn new(clock: &Clock, future: F) -> Self {
        clock.enter();
        let woken = Woken { clock: clock.clone(), state: AtomicU8::new(AWAKE), waker: Mutex::new(None) };
        Self { inner: Box::pin(future), woken: Arc::new(woken) }
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        // The token first: the poll that gives it back may begin as soon as the state says so.
        self.clock.enter();
        if self.state.compare_exchange(ASLEEP, AWAKE, Ordering::AcqRel, Ordering::Acquire).is_err() {
            self.clock.leave();
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
        let token = woken.state.swap(ASLEEP, Ordering::AcqRel) == AWAKE;
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
        if self.woken.state.swap(OVER, Ordering::AcqRel) == AWAKE {
            self.woken.clock.leave();
        }
    }
}
