//! Stopping a run from outside.
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::lock::{assert_none_is_held, lock};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Cancels runs, from another thread or from a handler. Clones cancel the same runs: those that were given one by
/// [`RunSettings::canceller`](crate::RunSettings::canceller).
///
/// From then on no body starts: a task run that has just become `Running` ends `Cancelled` without it. Async bodies are dropped
/// where they wait, and their task runs end `Cancelled`. A plain function cannot be stopped: the run waits for it, and it may
/// ask [`Context::is_cancelled`](crate::Context::is_cancelled); if it returns a result after all, that counts, and everything
/// else is `Cancelled`. Resources that were set up are cleaned up, and a clean-up that has begun goes on to its end.
/// Tasks that have not started stay `Pending`, and the flow run ends `Cancelled`.
///
/// ```
/// use prefect::prelude::*;
/// use prefect::{Canceller, RunSettings};
///
/// #[task]
/// fn first(#[shared] canceller: &Canceller) -> u32 {
///     canceller.cancel();
///     1
/// }
///
/// #[task]
/// fn second(x: u32) -> u32 {
///     x + 1
/// }
///
/// let canceller = Canceller::new();
/// let flow = flow!("long", { second(first()) }).share(canceller.clone());
/// let run = flow.with(RunSettings::new().canceller(canceller)).run();
/// assert_eq!(run.state().kind(), Cancelled);
/// let states: Vec<_> = run.task_runs().map(|task| task.state.kind()).collect();
/// assert_eq!(states, [Success, Pending]);
/// ```
#[derive(Clone, Default)]
pub struct Canceller(Arc<Inner>);

#[derive(Default)]
struct Inner {
    cancelled: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    wakers: BTreeMap<u64, Waker>,
}

impl Canceller {
    /// One that has cancelled nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels. Once is enough; there is no way back.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
        let wakers = std::mem::take(&mut lock(&self.0.waiting).wakers);
        assert_none_is_held();
        wakers.into_values().for_each(Waker::wake);
    }

    /// Whether it has cancelled.
    #[inline]
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// Ends when it cancels.
    pub(crate) fn cancelled(&self) -> Cancelled {
        Cancelled { canceller: self.clone(), place: None }
    }

    /// Wakes this when it cancels, until what comes back is dropped.
    pub(crate) fn wake(&self, waker: &Waker) -> Cancelled {
        let mut cancelled = self.cancelled();
        if cancelled.poll_cancelled(waker).is_ready() {
            waker.wake_by_ref();
        }
        cancelled
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Canceller").field(&self.is_cancelled()).finish()
    }
}

/// See [`Canceller::cancelled`].
pub(crate) struct Cancelled {
    canceller: Canceller,
    /// Where its waker is.
    place: Option<u64>,
}

impl Cancelled {
    pub(crate) fn poll_cancelled(&mut self, waker: &Waker) -> Poll<()> {
        let Inner { cancelled, waiting } = &*self.canceller.0;
        if cancelled.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        let old = {
            let mut waiting = lock(waiting);
            let place = *self.place.get_or_insert_with(|| {
                waiting.next += 1;
                waiting.next
            });
            waiting.wakers.insert(place, waker.clone())
        };
        drop(old);
        // It may have cancelled between the look and the entry.
        if cancelled.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Future for Cancelled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_cancelled(cx.waker())
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        let waker = self.place.and_then(|place| lock(&self.canceller.0.waiting).wakers.remove(&place));
        drop(waker);
    }
}
