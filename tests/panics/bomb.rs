//! Things that panic when they are called, shown, copied or dropped.
use std::error::Error;
use std::fmt;
use std::panic::{self, panic_any, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, Once};
use std::task::{Context, Poll};

use prefect::{State, StateHandler, TaskError, Tracked, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a panic brings along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    Text,
    Owned,
    Number,
    /// A value that panics in turn when it is dropped, with another of its kind.
    Rubble,
    /// A text that was caught elsewhere and is passed on.
    PassedOn,
}

impl Payload {
    pub(crate) const ALL: [Self; 5] = [Self::Text, Self::Owned, Self::Number, Self::Rubble, Self::PassedOn];

    /// What must be told of a panic with it: the place, then the text.
    pub(crate) fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::Text | Self::Owned => ("panicked at tests/panics/bomb.rs:", ": boom"),
            Self::Number | Self::Rubble => ("panicked at tests/panics/bomb.rs:", ": a value that is no text"),
            Self::PassedOn => ("panicked at an unknown location", ": boom"),
        }
    }
}

struct Rubble;
impl Drop for Rubble {
    fn drop(&mut self) {
        panic_any(Self);
    }
}

/// Shared by all that panics in one cell, and by the test, which wants to know that something did.
pub(crate) struct Fuse {
    payload: Payload,
    fired: Mutex<u32>,
    changed: Condvar,
}

impl Fuse {
    pub(crate) fn new(payload: Payload) -> Arc<Self> {
        Arc::new(Self { payload, fired: Mutex::new(0), changed: Condvar::new() })
    }

    pub(crate) fn note(&self) {
        *self.fired.lock().unwrap() += 1;
        self.changed.notify_all();
    }

    pub(crate) fn blow(&self) -> ! {
        self.note();
        match self.payload {
            Payload::Text => panic!("boom"),
            Payload::Owned => panic!("{}", "boom".to_owned()),
            Payload::Number => panic_any(7_u64),
            Payload::Rubble => panic_any(Rubble),
            Payload::PassedOn => resume_unwind(Box::new("boom")),
        }
    }

    pub(crate) fn fired(&self) -> u32 {
        *self.fired.lock().unwrap()
    }

    /// Threads of a run may still be letting go of it when the run has been told to be over.
    pub(crate) fn wait(&self) {
        let fired = self.fired.lock().unwrap();
        drop(self.changed.wait_while(fired, |fired| *fired == 0).unwrap());
    }
}

/// Panics when it is dropped.
pub(crate) struct Bomb(pub(crate) Arc<Fuse>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.blow();
    }
}

impl Bomb {
    pub(crate) fn value(fuse: &Arc<Fuse>) -> Value {
        Value::in_memory(Self(Arc::clone(fuse)))
    }
}

impl fmt::Debug for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bomb")
    }
}

impl fmt::Display for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error with a bomb")
    }
}

impl Error for Bomb {}

/// Has no JSON.
pub(crate) struct Unwritable(pub(crate) Arc<Fuse>);

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        self.0.blow()
    }
}

impl<'de> Deserialize<'de> for Unwritable {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        unreachable!("nothing is read back")
    }
}

/// How an error refuses to be shown.
#[derive(Clone, Copy)]
pub(crate) enum Refuses {
    Panics,
    Fails,
}

/// An error without a text.
pub(crate) struct Unshown(pub(crate) Arc<Fuse>, pub(crate) Refuses);

impl fmt::Display for Unshown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half a text ")?;
        match self.1 {
            Refuses::Panics => self.0.blow(),
            Refuses::Fails => {
                self.0.note();
                Err(fmt::Error)
            }
        }
    }
}

impl fmt::Debug for Unshown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Unshown {}

/// A future that holds a bomb, and has it still when it has ended.
pub(crate) struct Holding<F> {
    pub(crate) future: Pin<Box<F>>,
    #[allow(dead_code, reason = "it is there to be dropped")]
    pub(crate) bomb: Option<Bomb>,
}

impl<F: Future> Future for Holding<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.future.as_mut().poll(cx)
    }
}

/// A handler that is asked for its webhook before a run starts.
pub(crate) struct Asked(pub(crate) Arc<Fuse>);

impl StateHandler for Asked {
    fn handle(&self, _: &Tracked, _: &State, new: State) -> Result<State, TaskError> {
        Ok(new)
    }

    fn webhook_secret(&self) -> Option<&str> {
        self.0.blow()
    }
}

static UNGUARDED: AtomicU32 = AtomicU32::new(0);

/// Before the first run: panics that the runtime passes on are counted, because all of user code should be guarded.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            // Not those of the tests themselves.
            let text = info.payload_as_str().unwrap_or("boom");
            if text == "boom" || text == "no copies" {
                UNGUARDED.fetch_add(1, Ordering::SeqCst);
            }
            eprintln!("{info}");
        }));
    });
}

pub(crate) fn unguarded() -> u32 {
    UNGUARDED.load(Ordering::SeqCst)
}
