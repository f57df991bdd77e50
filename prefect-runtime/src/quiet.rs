//! Values of users' types, made safe to drop anywhere: what their destructors panic with is logged and goes no further.
//!
//! A panic that leaves a destructor ends the process if another one is under way, and it would end a worker of ours
//! otherwise. So whatever the runtime keeps of user code is wrapped where its type is forgotten, once, and everybody
//! who lets go of it later need not think of it.
use std::mem::needs_drop;
use std::ops::{Deref, DerefMut};

use crate::notify::Notifies;
use crate::panics::quietly;
use crate::{State, StateHandler, TaskError, Tracked};

/// A value of a user's type that may be dropped anywhere, but under a lock.
#[derive(Clone)]
pub(crate) struct Quiet<T>(Option<T>);

impl<T> Quiet<T> {
    #[inline]
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }
}

const THERE: &str = "a value is there until it is dropped";

impl<T> Deref for Quiet<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        self.0.as_ref().expect(THERE)
    }
}

impl<T> DerefMut for Quiet<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect(THERE)
    }
}

impl<T> Drop for Quiet<T> {
    #[inline]
    fn drop(&mut self) {
        if needs_drop::<T>() {
            drop_quietly(self.0.take());
        }
    }
}

/// A handler with whatever it holds.
impl<H: StateHandler> StateHandler for Quiet<H> {
    fn handle(&self, object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
        (**self).handle(object, old, new)
    }

    fn webhook_secret(&self) -> Option<&str> {
        (**self).webhook_secret()
    }

    fn notifies(&self) -> Option<Notifies> {
        (**self).notifies()
    }
}

/// Drops a value of a user's type; a panic in there is logged and changes nothing.
pub(crate) fn drop_quietly<T>(value: T) {
    quietly("a destructor", move || drop(value));
}
