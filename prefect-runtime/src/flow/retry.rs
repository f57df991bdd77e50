//! How long to wait before a retry, and which errors are tried again.
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::TaskError;
use crate::quiet::Quiet;

/// How long to wait before a retry.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum RetryDelay {
    /// The same time before each.
    Fixed(Duration),
    /// Twice as long before each as before the one before, up to a limit, of which a random part is waited
    /// ("full jitter"), so that tasks that failed together do not come back together.
    Exponential {
        /// The limit of the first delay.
        base: Duration,
        /// The limit of all delays.
        max: Duration,
    },
}

impl From<Duration> for RetryDelay {
    fn from(delay: Duration) -> Self {
        Self::Fixed(delay)
    }
}

impl RetryDelay {
    /// The delay after this attempt (from 1). `random` is drawn evenly from 0 to 1.
    pub(crate) fn after(self, attempt: u32, random: impl FnOnce() -> f64) -> Duration {
        match self {
            Self::Fixed(delay) => delay,
            Self::Exponential { base, max } => {
                let doublings = attempt.saturating_sub(1).min(31);
                let limit = base.saturating_mul(1 << doublings).min(max);
                limit.mul_f64(random().clamp(0.0, 1.0))
            }
        }
    }
}

/// Which errors are tried again.
#[derive(Clone)]
pub struct RetryOn(Arc<dyn Fn(&TaskError) -> bool + Send + Sync>);

impl RetryOn {
    /// Errors for which this is true.
    pub fn when(predicate: impl Fn(&TaskError) -> bool + Send + Sync + 'static) -> Self {
        let predicate = Quiet::new(predicate);
        Self(Arc::new(move |error| predicate(error)))
    }

    /// Errors of type `E`.
    #[must_use]
    pub fn error<E: Error + 'static>() -> Self {
        Self::when(TaskError::is::<E>)
    }

    /// Errors of type `E` too.
    #[must_use]
    pub fn or<E: Error + 'static>(self) -> Self {
        Self::when(move |error| error.is::<E>() || self.allows(error))
    }

    pub(crate) fn allows(&self, error: &TaskError) -> bool {
        (self.0)(error)
    }
}

impl fmt::Debug for RetryOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RetryOn")
    }
}
