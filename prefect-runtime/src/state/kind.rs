//! The kinds of state, their parents and colours.
use std::fmt;
use std::str::FromStr;

/// What kind of state a task run or a flow run is in.
///
/// The kinds form a tree, as the classes of Prefect 1 do: `TimedOut` is a `Failed`, `Skipped` a
/// `Success`, `Retrying` a `Scheduled`. Filters such as `only_states = [Failed]` follow the tree:
/// see [`is`](Self::is).
///
/// ```
/// use prefect::StateKind::{Failed, Finished, TimedOut};
///
/// assert_eq!(TimedOut.parent(), Some(Failed));
/// assert!(TimedOut.is(Finished) && !Failed.is(TimedOut));
/// assert_eq!(Failed.color(), "#eb0000");
/// assert_eq!("TimedOut".parse(), Ok(TimedOut));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum StateKind {
    /// The root of the tree; no run is ever in it.
    State,
    /// Waits to be run.
    Pending,
    /// Will run at its start time.
    Scheduled,
    /// Waits for somebody to resume it.
    Paused,
    /// Approved after a pause.
    Resume,
    /// Failed, and will be tried again at its start time.
    Retrying,
    /// Wraps another state: handed to an executor.
    Submitted,
    /// Wraps another state: waits for a slot.
    Queued,
    /// Wraps another state: its runner could not report it.
    ClientFailed,
    /// Is running.
    Running,
    /// Is running, and was told to stop.
    Cancelling,
    /// Has ended, one way or the other.
    Finished,
    /// Ended one iteration of a loop, and will run the next.
    Looped,
    /// Ended well.
    Success,
    /// Ended well without running, with a result that was kept.
    Cached,
    /// Stands for the children of a mapped task.
    Mapped,
    /// Did not run, on purpose; counts as a success.
    Skipped,
    /// Was stopped.
    Cancelled,
    /// Ended with an error.
    Failed,
    /// Took longer than its timeout.
    TimedOut,
    /// Did not run, because its trigger did not allow it.
    TriggerFailed,
    /// Refused its own result.
    ValidationFailed,
    /// The process that ran it is gone: a flow run that a store knows. Not one of Prefect 1's kinds.
    Crashed,
}

use StateKind as K;

impl StateKind {
    /// Every kind, parents before their children.
    pub const ALL: [Self; 23] = [
        K::State,
        K::Pending,
        K::Scheduled,
        K::Paused,
        K::Resume,
        K::Retrying,
        K::Submitted,
        K::Queued,
        K::ClientFailed,
        K::Running,
        K::Cancelling,
        K::Finished,
        K::Looped,
        K::Success,
        K::Cached,
        K::Mapped,
        K::Skipped,
        K::Cancelled,
        K::Failed,
        K::TimedOut,
        K::TriggerFailed,
        K::ValidationFailed,
        K::Crashed,
    ];

    /// The kind as Prefect spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            K::State => "State",
            K::Pending => "Pending",
            K::Scheduled => "Scheduled",
            K::Paused => "Paused",
            K::Resume => "Resume",
            K::Retrying => "Retrying",
            K::Submitted => "Submitted",
            K::Queued => "Queued",
            K::ClientFailed => "ClientFailed",
            K::Running => "Running",
            K::Cancelling => "Cancelling",
            K::Finished => "Finished",
            K::Looped => "Looped",
            K::Success => "Success",
            K::Cached => "Cached",
            K::Mapped => "Mapped",
            K::Skipped => "Skipped",
            K::Cancelled => "Cancelled",
            K::Failed => "Failed",
            K::TimedOut => "TimedOut",
            K::TriggerFailed => "TriggerFailed",
            K::ValidationFailed => "ValidationFailed",
            K::Crashed => "Crashed",
        }
    }

    /// The colour of the kind in messages and pictures: `#` and six hexadecimal digits, as in Prefect 1.
    #[must_use]
    pub const fn color(self) -> &'static str {
        match self {
            K::State => "#696969",
            K::Pending => "#7ebdff",
            K::Scheduled => "#ffab00",
            K::Paused => "#99a8e8",
            K::Resume => "#f58c0c",
            K::Retrying => "#f66a0a",
            K::Submitted => "#ffdf5d",
            K::Queued => "#ffea7f",
            K::ClientFailed | K::Failed => "#eb0000",
            K::Running => "#3d67ff",
            K::Cancelling => "#E8E8E8",
            K::Finished | K::Looped | K::Mapped => "#003ccb",
            K::Success => "#28a745",
            K::Cached => "#34d058",
            K::Skipped => "#62757f",
            K::Cancelled => "#bdbdbd",
            K::TimedOut => "#ff4e33",
            K::TriggerFailed | K::ValidationFailed => "#ff5131",
            K::Crashed => "#a8071a",
        }
    }

    /// The kind that this one is a special case of.
    #[must_use]
    pub const fn parent(self) -> Option<Self> {
        Some(match self {
            K::State => return None,
            K::Scheduled => K::Pending,
            K::Paused | K::Resume | K::Retrying => K::Scheduled,
            K::Cancelling => K::Running,
            K::Looped | K::Success | K::Cancelled | K::Failed => K::Finished,
            K::Cached | K::Mapped | K::Skipped => K::Success,
            K::TimedOut | K::TriggerFailed | K::ValidationFailed | K::Crashed => K::Failed,
            K::Pending | K::Submitted | K::Queued | K::ClientFailed | K::Running | K::Finished => K::State,
        })
    }

    /// Whether this kind is `ancestor` or a special case of it.
    #[must_use]
    pub const fn is(self, ancestor: Self) -> bool {
        let mut kind = self;
        loop {
            if kind as u8 == ancestor as u8 {
                return true;
            }
            match kind.parent() {
                Some(parent) => kind = parent,
                None => return false,
            }
        }
    }

    /// Waits to be run: `Pending` and all that is scheduled.
    #[must_use]
    pub const fn is_pending(self) -> bool {
        self.is(K::Pending)
    }

    /// Waits for a moment, a person or a slot. `Queued` counts, though it is no special case of `Scheduled`.
    #[must_use]
    pub const fn is_scheduled(self) -> bool {
        self.is(K::Scheduled) || self.is(K::Queued)
    }

    /// Is running, `Cancelling` included.
    #[must_use]
    pub const fn is_running(self) -> bool {
        self.is(K::Running)
    }

    /// Has ended.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        self.is(K::Finished)
    }

    /// Ended well: `Success`, and also `Skipped`, `Cached` and `Mapped`.
    #[must_use]
    pub const fn is_successful(self) -> bool {
        self.is(K::Success)
    }

    /// Ended with an error: `Failed` and its special cases.
    #[must_use]
    pub const fn is_failed(self) -> bool {
        self.is(K::Failed)
    }

    /// Did not run, on purpose.
    #[must_use]
    pub const fn is_skipped(self) -> bool {
        self.is(K::Skipped)
    }

    /// Ended with a kept result.
    #[must_use]
    pub const fn is_cached(self) -> bool {
        self.is(K::Cached)
    }

    /// Stands for the children of a mapped task.
    #[must_use]
    pub const fn is_mapped(self) -> bool {
        self.is(K::Mapped)
    }

    /// Will be tried again.
    #[must_use]
    pub const fn is_retrying(self) -> bool {
        self.is(K::Retrying)
    }

    /// Ended one iteration of a loop.
    #[must_use]
    pub const fn is_looped(self) -> bool {
        self.is(K::Looped)
    }

    /// Wraps another state.
    #[must_use]
    pub const fn is_meta_state(self) -> bool {
        matches!(self, K::Submitted | K::Queued | K::ClientFailed)
    }

    /// Handed to an executor.
    #[must_use]
    pub const fn is_submitted(self) -> bool {
        self.is(K::Submitted)
    }

    /// Waits for a slot.
    #[must_use]
    pub const fn is_queued(self) -> bool {
        self.is(K::Queued)
    }
}

impl fmt::Display for StateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no kind of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownStateKind(String);

impl fmt::Display for UnknownStateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = K::ALL.iter().map(|k| k.name()).collect();
        write!(f, "unknown state kind `{}`, expected one of {}", self.0, names.join(", "))
    }
}

impl std::error::Error for UnknownStateKind {}

impl FromStr for StateKind {
    type Err = UnknownStateKind;

    fn from_str(text: &str) -> Result<Self, UnknownStateKind> {
        K::ALL.into_iter().find(|k| k.name() == text).ok_or_else(|| UnknownStateKind(text.to_owned()))
    }
}

/// A set of kinds, made in a `const`; a kind brings its special cases with it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct StateKinds(u32);

impl StateKinds {
    /// No kind.
    pub const EMPTY: Self = Self(0);

    /// These kinds and their special cases.
    ///
    /// ```
    /// use prefect::StateKind::{Failed, Success, TimedOut};
    /// use prefect::StateKinds;
    ///
    /// const BAD: StateKinds = StateKinds::of(&[Failed]);
    /// assert!(BAD.contains(TimedOut) && !BAD.contains(Success));
    /// ```
    #[must_use]
    pub const fn of(kinds: &[StateKind]) -> Self {
        let mut set = 0;
        let mut i = 0;
        while i < kinds.len() {
            let mut k = 0;
            while k < K::ALL.len() {
                if K::ALL[k].is(kinds[i]) {
                    set |= 1 << K::ALL[k] as u32;
                }
                k += 1;
            }
            i += 1;
        }
        Self(set)
    }

    /// Whether `kind` is in the set.
    #[must_use]
    pub const fn contains(self, kind: StateKind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    /// Whether the set has no kind.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for StateKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(K::ALL.iter().filter(|k| self.contains(**k))).finish()
    }
}
