//! Ctrl-C, and what else asks a program to end.
use std::process::exit;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use super::live::Stream;
use crate::Canceller;

/// The exit code of a program that was ended by Ctrl-C, as shells have it.
const ENDED: i32 = 130;

/// The first signal cancels in order, the second ends the program at once.
pub(super) fn cancel(canceller: &Canceller) {
    static ONCE: Once = Once::new();
    static TOLD: AtomicBool = AtomicBool::new(false);
    ONCE.call_once(|| {
        let canceller = canceller.clone();
        let handler = move || {
            if TOLD.swap(true, Ordering::SeqCst) {
                exit(ENDED);
            }
            Stream::Err
                .write("stopping: nothing starts any more, and what runs is waited for; once more ends it at once\n");
            canceller.cancel();
        };
        if let Err(error) = ctrlc::set_handler(handler) {
            tracing::debug!(target: "prefect", "Ctrl-C ends the program at once: {error}");
        }
    });
}
