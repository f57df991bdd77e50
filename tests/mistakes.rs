//! Mistakes that are told by a panic.

/// The text of the panic.
///
/// # Panics
/// If there is none, or its payload is no text.
#[track_caller]
pub fn panic_of<R>(what: impl FnOnce() -> R) -> String {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(what())));
    let panic = caught.expect_err("it panics");
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => (*panic.downcast::<&str>().expect("a text")).to_owned(),
    }
}
