//! Ctrl-C, and what else asks a program to end.
use std::process::exit;
#[cfg(feature = "store")]
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, mpsc};
use std::thread;
use std::time::Duration;

use super::live::Stream;
use crate::Canceller;

/// The exit code of a program that was ended by Ctrl-C, as shells have it.
pub(super) const ENDED: u8 = 130;

/// For so long what was asked for waits until it is said.
const MOMENT: Duration = Duration::from_secs(1);

const STOPPING: &str = "stopping: nothing starts any more, and what runs is waited for; once more ends it at once\n";

/// The first signal cancels in order, the second ends the program at once.
pub(super) fn cancel(canceller: &Canceller) {
    static ONCE: Once = Once::new();
    static TOLD: AtomicBool = AtomicBool::new(false);
    ONCE.call_once(|| {
        let canceller = canceller.clone();
        let handler = move || {
            if TOLD.swap(true, Ordering::SeqCst) {
                exit(ENDED.into());
            }
            say_what_follows();
            canceller.cancel();
        };
        if let Err(error) = ctrlc::set_handler(handler) {
            tracing::debug!(target: "prefect", "Ctrl-C ends the program at once: {error}");
        }
    });
}

/// Says it before anything ends, if it can be said in a moment. Whoever writes where nobody reads waits for ever, and on this
/// thread the next signal would wait as well.
fn say_what_follows() {
    let (said, is_said) = mpsc::channel::<()>();
    let says = move || {
        Stream::Err.write(STOPPING);
        drop(said);
    };
    if let Err(error) = thread::Builder::new().name("prefect-stopping".into()).spawn(says) {
        tracing::debug!(target: "prefect", "no thread to say that the program is stopping: {error}");
    }
    let _ = is_said.recv_timeout(MOMENT);
}

/// Ctrl-C ends this program at once, behind this.
#[cfg(all(feature = "store", unix))]
pub(super) fn end_behind(tidy: impl Fn() + Send + 'static) {
    let handler = move || {
        tidy();
        exit(ENDED.into());
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        tracing::debug!(target: "prefect", "nothing is tidied behind Ctrl-C: {error}");
    }
}

/// Ctrl-C only ends this program, in order: it is told by this.
#[cfg(feature = "store")]
pub(super) fn leave() -> Arc<AtomicBool> {
    let left = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&left);
    if let Err(error) = ctrlc::set_handler(move || told.store(true, Ordering::SeqCst)) {
        tracing::debug!(target: "prefect", "Ctrl-C ends the program at once: {error}");
    }
    left
}
