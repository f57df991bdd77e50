//! The error of a task, a handler or a trigger.
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::panics::guard;
use crate::quiet::Quiet;

/// Any error that a task, a state handler or a trigger can end with.
///
/// Made by `?` from everything that converts into a boxed error: error types, `String` and `&str`.
/// It is cheap to clone, because a failed state is shown to handlers, to tasks that read
/// `Outcome`s, and to the caller of the run.
///
/// It can be shown and dropped anywhere: if the error's own code panics there, the panic stays inside.
///
/// Like `anyhow::Error` it does not implement [`Error`] itself; borrow one by [`as_error`](Self::as_error).
///
/// ```
/// use prefect::TaskError;
///
/// fn port(text: &str) -> Result<u16, TaskError> {
///     let port: u16 = text.parse()?;
///     if port < 1024 {
///         return Err(format!("port {port} is reserved").into());
///     }
///     Ok(port)
/// }
/// assert_eq!(port("80").unwrap_err().to_string(), "port 80 is reserved");
/// assert!(port("x").unwrap_err().is::<std::num::ParseIntError>());
/// ```
#[derive(Clone)]
pub struct TaskError(Arc<Quiet<Box<dyn Error + Send + Sync>>>);

impl TaskError {
    /// The error as the standard library's trait, to walk through its sources.
    #[must_use]
    pub fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &***self.0
    }

    /// Whether this is an error of type `E`.
    #[must_use]
    pub fn is<E: Error + 'static>(&self) -> bool {
        self.as_error().is::<E>()
    }

    /// The error as a value of type `E`, if it is one.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.as_error().downcast_ref()
    }

    /// The error and its sources, outermost first.
    pub fn chain(&self) -> impl Iterator<Item = &(dyn Error + 'static)> {
        let mut next: Option<&(dyn Error + 'static)> = Some(self.as_error());
        std::iter::from_fn(move || {
            let error = next?;
            next = error.source();
            Some(error)
        })
    }

    /// The texts of the error and its sources, outermost first.
    #[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "the command line asks"))]
    pub(crate) fn texts(&self) -> Vec<String> {
        let mut texts = vec![self.to_string()];
        // The sources have code of their own.
        if guard(|| texts.extend(self.chain().skip(1).map(ToString::to_string))).is_err() {
            texts.push("a source whose text cannot be shown".to_owned());
        }
        texts
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for TaskError {
    fn from(error: E) -> Self {
        Self(Arc::new(Quiet::new(error.into())))
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "Display", |f| fmt::Display::fmt(self.as_error(), f))
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "Debug", |f| fmt::Debug::fmt(self.as_error(), f))
    }
}

/// What cannot be shown must not fail whoever shows it.
fn show(
    f: &mut fmt::Formatter<'_>,
    by: &str,
    text: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    let what = match guard(|| text(f)) {
        Ok(Ok(())) => return Ok(()),
        // If it is the writer that failed, it fails again.
        Ok(Err(_)) => "failed",
        Err(_) => "panicked",
    };
    write!(f, "an error whose text cannot be shown: its `{by}` {what}")
}

/// A panic in user code: what it said, and where.
#[derive(Clone, Debug)]
pub struct Panicked {
    message: String,
    location: Option<String>,
}

impl Panicked {
    pub(crate) fn new(message: String, location: Option<String>) -> Self {
        Self { message, location }
    }

    /// The text given to `panic!`.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// `file:line:column`, or `None` where another panic hook replaced ours.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(at) => write!(f, "panicked at {at}: {}", self.message),
            None => write!(f, "panicked at an unknown location: {}", self.message),
        }
    }
}

impl Error for Panicked {}
