//! An attempt with a timeout: whoever claims it first, the body or the clock, says how it ended.
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

use super::pool::{Back, Pool};
use crate::clock::{Timer, nanos};
use crate::lock::{Locked, lock};
use crate::sync::{AbortHandle, Mutex};
use crate::task_run::{Ended, Started};

pub(super) struct Attempt {
    pool: Arc<Pool>,
    claim: Mutex<Claim>,
    timer: Mutex<Option<Timer>>,
}

struct Claim {
    /// Taken by whoever comes first.
    started: Option<Started>,
    place: Place,
}

/// Where the body is.
enum Place {
    /// On the thread of this worker.
    Worker(usize),
    /// On the async runtime.
    Away(Option<AbortHandle>),
}

impl Attempt {
    /// An attempt on a worker's thread; the clock starts.
    pub(super) fn new(pool: &Arc<Pool>, worker: usize, started: Started, limit: Duration) -> Arc<Self> {
        let claim = Mutex::new(Claim { started: Some(started), place: Place::Worker(worker) });
        let attempt = Arc::new(Self { pool: Arc::clone(pool), claim, timer: Mutex::new(None) });
        let clock = &pool.core.services.clock;
        let timer = clock.timer(clock.now().saturating_add(nanos(limit)), Waker::from(Arc::clone(&attempt)));
        *lock(&attempt.timer) = Some(timer);
        // It may have gone off already, before there was a timer to put away.
        if attempt.lock().started.is_none() {
            attempt.stop_timer();
        }
        attempt
    }

    fn lock(&self) -> Locked<'_, Claim> {
        lock(&self.claim)
    }

    fn stop_timer(&self) {
        let timer = lock(&self.timer).take();
        drop(timer);
    }

    /// For the body at its end: `None` if it took too long.
    pub(super) fn claim(&self) -> Option<Started> {
        let started = self.lock().started.take();
        if started.is_some() {
            self.stop_timer();
        }
        started
    }

    /// The body waits, and leaves the worker's thread. False if it took too long.
    pub(super) fn leave_worker(&self) -> bool {
        let mut claim = self.lock();
        if claim.started.is_none() {
            return false;
        }
        claim.place = Place::Away(None);
        // Under the claim: from here on the timeout may bring it back.
        self.pool.goes_away();
        true
    }

    /// How the waiting body can be dropped.
    pub(super) fn set_abort(&self, abort: AbortHandle) {
        let mut claim = self.lock();
        if claim.started.is_none() {
            abort.abort();
        } else {
            claim.place = Place::Away(Some(abort));
        }
    }
}

/// The timeout.
impl Wake for Attempt {
    fn wake(self: Arc<Self>) {
        let (started, place) = {
            let mut claim = self.lock();
            let Some(started) = claim.started.take() else { return };
            (started, std::mem::replace(&mut claim.place, Place::Away(None)))
        };
        let back = Back { started, ended: Ended::TimedOut };
        match place {
            Place::Worker(worker) => self.pool.replace_worker(worker, back),
            Place::Away(abort) => {
                if let Some(abort) = abort {
                    abort.abort();
                }
                self.pool.come_back(back);
            }
        }
        // Only now: its busy token has kept virtual time still so far.
        self.stop_timer();
    }
}
