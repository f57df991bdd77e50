//! The kinds of state.

/// The kinds of state that occur in cases, by Prefect's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Pending,
    Scheduled,
    Paused,
    Retrying,
    Running,
    Looped,
    Success,
    Cached,
    Mapped,
    Skipped,
    Cancelled,
    Failed,
    TimedOut,
    TriggerFailed,
    ValidationFailed,
}

impl Kind {
    pub const ALL: [Self; 15] = [
        Self::Pending,
        Self::Scheduled,
        Self::Paused,
        Self::Retrying,
        Self::Running,
        Self::Looped,
        Self::Success,
        Self::Cached,
        Self::Mapped,
        Self::Skipped,
        Self::Cancelled,
        Self::Failed,
        Self::TimedOut,
        Self::TriggerFailed,
        Self::ValidationFailed,
    ];

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| format!("{kind:?}") == name)
    }

    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Pending | Self::Scheduled | Self::Paused | Self::Retrying)
    }

    pub const fn is_finished(self) -> bool {
        !self.is_pending() && !matches!(self, Self::Running)
    }

    pub const fn is_successful(self) -> bool {
        matches!(self, Self::Success | Self::Cached | Self::Mapped | Self::Skipped)
    }

    pub const fn is_failed(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::TriggerFailed | Self::ValidationFailed)
    }
}
