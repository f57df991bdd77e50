//! What the thread of a schedule waits on: a moment, the end of a run, the end of it all.
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use jiff::Timestamp;

use super::event::ServedRun;
use crate::block_on::Parker;
use crate::clock::{Busy, Held, nanos};
use crate::lock::lock;
use crate::sync::Mutex;
use crate::{Clock, StateKind};

/// How long at most nobody looks at the wall, and at the store.
pub(super) const STEP: Duration = Duration::from_secs(1);

/// Rung by the runs of a schedule.
#[derive(Clone)]
pub(super) struct Bell {
    clock: Clock,
    waker: Waker,
    /// With each a token: under virtual time it is still the moment at which the run ended when somebody hears of it.
    ended: Arc<Mutex<Vec<(Ended, Busy)>>>,
}

/// A run has ended.
pub(super) struct Ended {
    pub(super) run: ServedRun,
    pub(super) state: Option<StateKind>,
}

/// Whom the bell wakes, on its own thread.
pub(super) struct Listener {
    pub(super) bell: Bell,
    parker: Arc<Parker>,
    /// The token of this thread.
    held: Option<Held>,
}

impl Bell {
    pub(super) fn ring(&self, run: ServedRun, state: Option<StateKind>) {
        let busy = self.clock.busy();
        lock(&self.ended).push((Ended { run, state }, busy));
        self.waker.wake_by_ref();
    }
}

impl Listener {
    pub(super) fn new(clock: &Clock, held: Held) -> Self {
        let parker = Parker::new();
        let bell = Bell { clock: clock.clone(), waker: Waker::from(Arc::clone(&parker)), ended: Arc::default() };
        Self { bell, parker, held: Some(held) }
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.bell.waker
    }

    /// What has been rung for.
    pub(super) fn heard(&self) -> Vec<Ended> {
        let heard = std::mem::take(&mut *lock(&self.bell.ended));
        // This thread has a token of its own: the others are given back, and not under the lock.
        heard.into_iter().map(|(ended, _)| ended).collect()
    }

    /// Waits until it is woken, or the wall shows this moment; or, on the machine's clock, for a step at most: the wall may
    /// be set.
    pub(super) fn wait(&mut self, until: Option<Timestamp>) {
        let clock = &self.bell.clock;
        let tick = match until {
            Some(moment) if clock.is_virtual() => Some(clock.tick_of(moment)),
            None if clock.is_virtual() => None,
            until => {
                let left = until.map(|moment| Duration::try_from(moment.duration_since(Timestamp::now())));
                let left = left.map_or(STEP, |left| left.unwrap_or_default().min(STEP));
                Some(clock.now().saturating_add(nanos(left)))
            }
        };
        let timer = tick.map(|tick| clock.timer(tick, self.bell.waker.clone()));
        drop(self.held.take());
        self.parker.park();
        self.held = Some(self.bell.clock.hold());
        drop(timer);
    }

    /// Time goes on without this thread from here on.
    pub(super) fn let_go(&mut self) {
        drop(self.held.take());
    }
}
