//! Thread locals of the model's threads, which all run on one thread of the machine.
use std::cell::{Cell, RefCell};

use shuttle::current::try_get_current_task;
use shuttle::thread::LocalKey;

/// A thread local, with the methods of `std::thread::LocalKey` that are used here.
pub(crate) struct Local<T: 'static>(LocalKey<T>);

impl<T> Local<T> {
    pub(crate) const fn new(init: fn() -> T) -> Self {
        Self(LocalKey { init, _p: std::marker::PhantomData })
    }

    pub(crate) fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.0.with(f)
    }

    pub(crate) fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, NotThere> {
        if try_get_current_task().is_none() {
            return Err(NotThere);
        }
        self.0.try_with(f).map_err(|_| NotThere)
    }
}

/// Its thread is over, or is none of the model's.
pub(crate) struct NotThere;

impl<T> Local<Cell<T>> {
    pub(crate) fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    pub(crate) fn set(&'static self, value: T) {
        self.with(|cell| cell.set(value));
    }

    pub(crate) fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }

    pub(crate) fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }
}

impl<T> Local<RefCell<T>> {
    pub(crate) fn with_borrow<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.with(|cell| f(&cell.borrow()))
    }

    pub(crate) fn with_borrow_mut<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }

    pub(crate) fn set(&'static self, value: T) {
        drop(self.replace(value));
    }

    pub(crate) fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }

    pub(crate) fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }
}

macro_rules! local {
    ($($(#[$attribute:meta])* static $name:ident: $type:ty = const { $init:expr };)*) => {
        $($(#[$attribute])* static $name: $crate::sync::Local<$type> = $crate::sync::Local::new(|| $init);)*
    };
}
pub(crate) use local as thread_local;
