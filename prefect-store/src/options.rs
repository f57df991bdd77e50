//! How a store is opened.
use std::time::Duration;

use crate::Clock;
use crate::logs::KeptLogs;
use crate::machine::Machine;

/// How a store is opened. `Options::default()` is right for most.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How long a process is believed to live without a sign of life; 30 s. It gives one every third of this time. At least
    /// 100 ms, at most a day.
    ///
    /// On the same machine the end of a process is seen at once, whatever this is.
    pub lease: Duration,
    /// How often a process looks whether a run of it is to end; 50 ms.
    pub look_every: Duration,
    /// How long a batch that cannot be written is tried again (another program holds the database, the disk is full) before
    /// its runs are [lost](crate::Lost); 5 minutes.
    pub keep_trying: Duration,
    /// How long is waited for another program that holds the database, before that is an error, or what is recorded is tried
    /// again; 30 s. It is waited in steps of a sixth of the lease at most, or this process would look dead meanwhile.
    pub busy_timeout: Duration,
    /// How long log lines are kept.
    pub(crate) logs: KeptLogs,
    /// What time it is.
    pub clock: Clock,
    /// Which machine this is; tests are several.
    #[doc(hidden)]
    pub machine: Machine,
    /// Store calls that fail.
    #[cfg(feature = "faults")]
    #[doc(hidden)]
    pub faults: crate::faults::Faults,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            look_every: Duration::from_millis(50),
            keep_trying: Duration::from_mins(5),
            busy_timeout: Duration::from_secs(30),
            logs: KeptLogs::default(),
            clock: Clock::system(),
            machine: Machine::this(),
            #[cfg(feature = "faults")]
            faults: crate::faults::Faults::from_environment(),
        }
    }
}

impl Options {
    /// The same with what can be worked with.
    pub(crate) fn sensible(mut self) -> Self {
        self.lease = self.lease.clamp(Duration::from_millis(100), Duration::from_hours(24));
        self
    }

    /// How long the database waits for a lock at once.
    pub(crate) fn wait_for_lock(&self) -> Duration {
        self.busy_timeout.min(self.lease / 6)
    }

    /// The same with this lease.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// The same with this clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The same, with log lines kept for this long: those of a run go so long after the last of them, and the oldest of a store
    /// go if all of them are larger than so many bytes. 30 days and 256 MiB by default. What is too old or too much is removed
    /// when lines are written.
    #[must_use]
    pub fn keep_logs(mut self, time: Duration, bytes: u64) -> Self {
        self.logs = KeptLogs { time, bytes };
        self
    }

    /// The same, giving up on a batch after this time.
    #[must_use]
    pub fn keep_trying(mut self, time: Duration) -> Self {
        self.keep_trying = time;
        self
    }

    /// The same, waiting this long for another program that holds the database.
    #[must_use]
    pub fn busy_timeout(mut self, time: Duration) -> Self {
        self.busy_timeout = time;
        self
    }
}
