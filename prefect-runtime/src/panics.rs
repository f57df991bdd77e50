//! Panics in user code: caught, with their message and place.
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::{Panicked, Signal, TaskError};

thread_local! {
    /// Whether user code is running on this thread, so that its panics are ours to report.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
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
            if GUARDED.try_with(Cell::get).unwrap_or(false) {
                let location = info.location().map(ToString::to_string);
                let _ = LOCATION.try_with(|l| l.try_borrow_mut().map(|mut l| *l = location));
            } else {
                previous(info);
            }
        }));
    });
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

struct Guard(bool);
impl Guard {
    #[inline]
    fn new() -> Self {
        Self(GUARDED.replace(true))
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
    let _guard = Guard::new();
    // What user code leaves behind half-done is its own: nothing of ours is borrowed mutably in there.
    catch_unwind(AssertUnwindSafe(code)).map_err(caught)
}

#[cold]
fn caught(payload: Box<dyn Any + Send>) -> Caught {
    let location = LOCATION.with(|l| l.borrow_mut().take());
    let payload = match payload.downcast::<Signal>() {
        Ok(signal) => return Caught::Signal(*signal),
        Err(payload) => payload,
    };
    let message = payload
        .downcast_ref::<&'static str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is no text".to_owned());
    // Dropping the payload is user code too.
    if catch_unwind(AssertUnwindSafe(move || drop(payload))).is_err() {
        tracing::error!(target: "prefect", "a panic's own value panicked when it was dropped");
    }
    Caught::Panic(Panicked::new(message, location))
}

/// Drops values of user types; a panic in there is logged and changes nothing.
pub(crate) fn drop_quietly<T>(values: T) {
    if let Err(Caught::Panic(panicked)) = guard(move || drop(values)) {
        tracing::error!(target: "prefect", "dropping the result of a task {panicked}");
    }
}
