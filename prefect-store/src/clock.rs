//! What time it is, for leases and rows.
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A moment: microseconds since 1970, in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

impl Micros {
    /// This moment and so much more.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This moment and so much less.
    #[must_use]
    pub fn before(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// Tells a store what time it is. Leases are judged by it, so all processes of a store need clocks that agree: in PostgreSQL
/// the machines' wall clocks need not, as there the server's clock counts.
///
/// ```
/// use prefect_store::{Clock, Micros};
///
/// assert!(Clock::system().now() > Micros(0));
/// assert_eq!(Clock::new(|| Micros(7)).now(), Micros(7));
/// ```
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Micros + Send + Sync>,
    /// Whether it is the machine's.
    of_machine: bool,
}

impl Clock {
    /// The machine's wall clock.
    #[must_use]
    pub fn system() -> Self {
        Self::off_by(0)
    }

    /// The wall clock of a machine that is wrong by so many microseconds.
    #[doc(hidden)]
    #[must_use]
    pub fn off_by(micros: i64) -> Self {
        let now = move || {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            Micros(Micros(0).after(since).0.saturating_add(micros))
        };
        Self { of_machine: true, ..Self::new(now) }
    }

    /// Whether another machine's may say something else.
    pub(crate) const fn is_of_machine(&self) -> bool {
        self.of_machine
    }

    /// A clock of one's own: virtual time.
    #[must_use]
    pub fn new(now: impl Fn() -> Micros + Send + Sync + 'static) -> Self {
        Self { now: Arc::new(now), of_machine: false }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Micros {
        (self.now)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}
