//! Panics in user code: caught, with their message and place.
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::{mem, thread};

use crate::lock::assert_none_is_held;
use crate::sync::thread_local;
use crate::{Panicked, Signal, TaskError};

/// What runs on a thread.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guarded {
    /// No user code of ours.
    No,
    /// User code, whose panics are ours to report.
    Yes,
    /// The same, and it has panicked: the place is in [`LOCATION`].
    Panicked,
}

thread_local! {
    static GUARDED: Cell<Guarded> = const { Cell::new(Guarded::No) };
    /// Where the last guarded panic was.
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Chains a panic hook, once: it is silent for guarded code and passes everything else on.
pub(crate) fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // The thread's locals may be gone already when a destructor of another one panics.
            if GUARDED.try_with(Cell::get).unwrap_or(Guarded::No) == Guarded::No {
                previous(info);
            } else {
                set_location(info.location().map(ToString::to_string));
                GUARDED.set(Guarded::Panicked);
            }
        }));
    });
}

fn set_location(location: Option<String>) -> Option<String> {
    LOCATION.try_with(|l| l.try_borrow_mut().map_or(None, |mut l| mem::replace(&mut *l, location))).unwrap_or(None)
}

/// How user code ended that did not return.
pub(crate) enum Caught {
    /// It raised a signal.
    Signal(Signal),
    /// It panicked.
    Panic(Panicked),
}

impl Caught {
    pub(crate) fn into_error(self) -> TaskError {
        match self {
            Self::Signal(signal) => signal.into(),
            Self::Panic(panicked) => panicked.into(),
        }
    }
}

struct Guard(Guarded);
impl Guard {
    #[inline]
    fn new() -> Self {
        Self(GUARDED.replace(Guarded::Yes))
    }
}
impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        GUARDED.set(self.0);
    }
}

/// Runs user code.
#[inline]
pub(crate) fn guard<R>(code: impl FnOnce() -> R) -> Result<R, Caught> {
    assert_none_is_held();
    let _guard = Guard::new();
    // What user code leaves behind half-done is its own: nothing of ours is borrowed mutably in there.
    catch_unwind(AssertUnwindSafe(code)).map_err(caught)
}

/// Runs user code that changes nothing: a panic of it is logged.
#[inline]
pub(crate) fn quietly(what: &str, code: impl FnOnce()) {
    // This may be called while a panic is under way (a body's inputs are dropped), whose place must not be lost.
    let before = if thread::panicking() { set_location(None) } else { None };
    if let Err(caught) = guard(code) {
        log(what, &caught);
    }
    if before.is_some() {
        set_location(before);
    }
}

#[cold]
fn log(what: &str, caught: &Caught) {
    // Whoever listens to the log is no code of ours either.
    let _ = guard(|| match caught {
        Caught::Panic(panicked) => tracing::error!(target: "prefect", "{what} {panicked}"),
        Caught::Signal(signal) => tracing::error!(target: "prefect", "{what} raised {signal}, which nobody hears"),
    });
}

#[cold]
fn caught(payload: Box<dyn Any + Send>) -> Caught {
    // A panic that did not go through the hook has no place: it was passed on by whoever caught it.
    let location = if GUARDED.get() == Guarded::Panicked { set_location(None) } else { None };
    let payload = match payload.downcast::<Signal>() {
        Ok(signal) => return Caught::Signal(*signal),
        Err(payload) => payload,
    };
    let message = payload
        .downcast_ref::<&'static str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is no text".to_owned());
    // Dropping the payload is user code too. What that panics with is let go undropped, or it might go on for ever.
    if let Err(second) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        mem::forget(second);
    }
    Caught::Panic(Panicked::new(message, location))
}
