//! Locks that a panic elsewhere does not take away: what they guard is whole between two statements of ours.
//!
//! User code must never run under one of them. In debug builds each thread counts those that it holds, so that every
//! test sees to that: see [`assert_none_is_held`].
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::time::Duration;

use crate::sync::{self, Condvar, Mutex, MutexGuard};

/// A lock that is held, until this is dropped.
pub(crate) struct Locked<'a, T>(MutexGuard<'a, T>, held::Held);

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> Locked<'_, T> {
    Locked(mutex.lock().unwrap_or_else(PoisonError::into_inner), held::Held::new())
}

impl<T> Locked<'_, T> {
    /// Gives the lock away until it is notified.
    pub(crate) fn wait(self, condvar: &Condvar) -> Self {
        let Self(guard, held) = self;
        Self(condvar.wait(guard).unwrap_or_else(PoisonError::into_inner), held)
    }

    /// Gives the lock away, and waits until it is notified, or for so long.
    pub(crate) fn give_away_for(self, condvar: &Condvar, most: Duration) {
        let Self(guard, _held) = self;
        sync::wait_for(condvar, guard, most);
    }

    /// As [`wait`](Self::wait), for so long at most.
    #[cfg(feature = "cli")]
    pub(crate) fn wait_for(self, condvar: &Condvar, most: Duration) -> Self {
        let Self(guard, held) = self;
        Self(condvar.wait_timeout(guard, most).unwrap_or_else(PoisonError::into_inner).0, held)
    }
}

impl<T> Deref for Locked<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Locked<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

pub(crate) use held::assert_none_is_held;

#[cfg(debug_assertions)]
mod held {
    use std::cell::Cell;

    use crate::sync::thread_local;

    thread_local! {
        static COUNT: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) struct Held(());

    impl Held {
        pub(crate) fn new() -> Self {
            COUNT.set(COUNT.get() + 1);
            Self(())
        }
    }

    impl Drop for Held {
        fn drop(&mut self) {
            COUNT.set(COUNT.get() - 1);
        }
    }

    /// Called before user code.
    pub(crate) fn assert_none_is_held() {
        assert!(COUNT.get() == 0, "user code under a lock of the runtime; please report it");
    }
}

#[cfg(not(debug_assertions))]
mod held {
    pub(crate) struct Held(());

    impl Held {
        #[inline]
        pub(crate) fn new() -> Self {
            Self(())
        }
    }

    #[inline]
    pub(crate) fn assert_none_is_held() {}
}
