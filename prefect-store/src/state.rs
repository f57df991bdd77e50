//! The kinds of state as small numbers, as they are kept in the database.
use std::fmt;

/// What kind of state a flow run or a task run is in, as a small number.
///
/// The numbers are in every database there is: they never change. They are ordered so that a comparison answers what the
/// store asks: everything from [`TERMINAL`](Self::TERMINAL) on has ended, successes and failures stand together.
///
/// ```
/// use prefect_store::StateCode;
///
/// assert!(StateCode::CACHED.is_terminal() && StateCode::CACHED.is_success());
/// assert!(!StateCode::LOOPED.is_terminal(), "the next iteration follows");
/// assert_eq!(StateCode::TIMED_OUT.to_string(), "TimedOut");
/// assert_eq!(StateCode::from_name("TimedOut"), Some(StateCode::TIMED_OUT));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateCode(u8);

/// The constants, and the table of their names.
macro_rules! codes {
    ($($(#[$doc:meta])* $constant:ident = $code:literal $name:literal;)*) => {
        impl StateCode {
            $($(#[$doc])* pub const $constant: Self = Self($code);)*

            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$constant,)*];

            /// The kind as Prefect spells it; `Unknown` if a newer release has written it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self.0 { $($code => $name,)* _ => "Unknown" }
            }
        }
    };
}

codes! {
    /// The root of the kinds; nothing is ever in it.
    STATE = 0 "State";
    /// Waits to be run. A task run that has no row is in it.
    PENDING = 1 "Pending";
    /// Will run at its start time.
    SCHEDULED = 2 "Scheduled";
    /// Waits for somebody to resume it.
    PAUSED = 3 "Paused";
    /// Approved after a pause.
    RESUME = 4 "Resume";
    /// Failed, and will be tried again.
    RETRYING = 5 "Retrying";
    /// Handed to an executor.
    SUBMITTED = 6 "Submitted";
    /// Waits for a slot.
    QUEUED = 7 "Queued";
    /// Its runner could not report it.
    CLIENT_FAILED = 8 "ClientFailed";
    /// Is running.
    RUNNING = 9 "Running";
    /// Is running, and was told to stop.
    CANCELLING = 10 "Cancelling";
    /// Ended one iteration of a loop, and will run the next: it has not ended for good.
    LOOPED = 11 "Looped";
    /// Has ended, one way or the other.
    FINISHED = 32 "Finished";
    /// Ended well.
    SUCCESS = 33 "Success";
    /// Ended well without running, with a result that was kept.
    CACHED = 34 "Cached";
    /// Stands for the children of a mapped task.
    MAPPED = 35 "Mapped";
    /// Did not run, on purpose.
    SKIPPED = 36 "Skipped";
    /// Ended with an error.
    FAILED = 48 "Failed";
    /// Took longer than its timeout.
    TIMED_OUT = 49 "TimedOut";
    /// Did not run, because its trigger did not allow it.
    TRIGGER_FAILED = 50 "TriggerFailed";
    /// Refused its own result.
    VALIDATION_FAILED = 51 "ValidationFailed";
    /// The process that ran it is gone. Only flow runs are in it.
    CRASHED = 52 "Crashed";
    /// Was stopped.
    CANCELLED = 64 "Cancelled";
}

impl StateCode {
    /// The first code of what has ended for good.
    pub const TERMINAL: Self = Self(32);

    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The code of a number, also of one that a newer release has made.
    #[must_use]
    pub const fn from_number(number: u8) -> Self {
        Self(number)
    }

    /// The code that has this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// Whether it has ended for good.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        self.0 >= Self::TERMINAL.0
    }

    /// Whether it ended well: `Success` and its special cases.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 >= Self::SUCCESS.0 && self.0 < Self::FAILED.0
    }

    /// Whether it ended with an error: `Failed` and its special cases, and `Crashed`.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        self.0 >= Self::FAILED.0 && self.0 < Self::CANCELLED.0
    }

    /// Whether somebody is at it: `Running` and `Cancelling`.
    #[must_use]
    pub const fn is_running(self) -> bool {
        self.0 == Self::RUNNING.0 || self.0 == Self::CANCELLING.0
    }

    /// Whether a flow run in this state belongs to nobody: it has ended, or waits for a person.
    pub(crate) const fn gives_up_ownership(self) -> bool {
        self.is_terminal() || self.0 == Self::PAUSED.0
    }
}

impl fmt::Display for StateCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for StateCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}
