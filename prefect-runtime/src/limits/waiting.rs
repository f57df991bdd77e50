//! What of one run waits for places, and what has been given some and is to go on.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

use super::Places;
use crate::Clock;
use crate::engine::RunId;
use crate::lock::lock;
use crate::sync::Mutex;

/// A task run; `None` is the flow run itself.
pub(crate) type Key = Option<RunId>;

pub(crate) struct Waiting {
    pub(super) clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiters: BTreeMap<Key, Waiter>,
    /// Those that have their places, and that the run has not heard of.
    let_in: Vec<Key>,
    /// Woken when somebody is let in.
    waker: Option<Waker>,
}

struct Waiter {
    /// Whether somebody has let it go on, before it came here.
    resumed: bool,
    places: Option<Places>,
}

/// What one that has waited comes back with.
pub(crate) struct LetIn {
    pub(crate) places: Places,
    pub(crate) resumed: bool,
}

impl Waiting {
    pub(super) fn new(clock: &Clock) -> Arc<Self> {
        Arc::new(Self { clock: clock.clone(), state: Mutex::default() })
    }

    /// One more waits.
    pub(super) fn add(&self, key: Key, resumed: bool) {
        lock(&self.state).waiters.insert(key, Waiter { resumed, places: None });
    }

    /// One that waits gets its places. The caller must hold no lock.
    pub(super) fn give(&self, key: Key, places: Places) {
        // Whoever is woken has a busy token of his own, or the time may move on.
        let busy = self.clock.busy();
        let (waker, nobody) = {
            let mut state = lock(&self.state);
            match state.waiters.get_mut(&key).filter(|waiter| waiter.places.is_none()) {
                Some(waiter) => {
                    waiter.places = Some(places);
                    state.let_in.push(key);
                    (state.waker.clone(), None)
                }
                // It has been called off.
                None => (None, Some(places)),
            }
        };
        drop(nobody);
        if let Some(waker) = waker {
            waker.wake();
        }
        drop(busy);
    }

    /// Who is to be woken when somebody is let in, from now on.
    pub(super) fn wakes(&self, waker: Option<Waker>) {
        let old = std::mem::replace(&mut lock(&self.state).waker, waker);
        drop(old);
    }

    /// Whether something waits, or is to go on.
    pub(super) fn is_any(&self) -> bool {
        let state = lock(&self.state);
        !state.let_in.is_empty() || state.waiters.values().any(|waiter| waiter.places.is_none())
    }

    /// Whether something is to go on.
    pub(super) fn has_let_in(&self) -> bool {
        !lock(&self.state).let_in.is_empty()
    }

    /// Shows those that are to go on; one for which it is too early is shown again.
    pub(super) fn call(&self, mut go_on: impl FnMut(Key) -> bool) {
        lock(&self.state).let_in.retain(|key| !go_on(*key));
    }

    /// What this one has been given.
    pub(super) fn take(&self, key: Key) -> Option<LetIn> {
        let mut state = lock(&self.state);
        state.waiters.get(&key)?.places.as_ref()?;
        let Waiter { resumed, places } = state.waiters.remove(&key)?;
        state.let_in.retain(|other| *other != key);
        Some(LetIn { places: places?, resumed })
    }

    /// This one waits no longer. What it had been given is to be dropped under no lock.
    #[must_use]
    pub(super) fn remove(&self, key: Key) -> Option<Places> {
        let mut state = lock(&self.state);
        state.let_in.retain(|other| *other != key);
        state.waiters.remove(&key)?.places
    }

    /// Nothing waits any more. What has been given is to be dropped under no lock.
    #[must_use]
    pub(super) fn clear(&self) -> Vec<Places> {
        let mut state = lock(&self.state);
        state.let_in.clear();
        std::mem::take(&mut state.waiters).into_values().filter_map(|waiter| waiter.places).collect()
    }
}
