//! Kinds of state as the store has them.
use prefect_store::StateCode;

use crate::StateKind;

pub(super) const fn code(kind: StateKind) -> StateCode {
    match kind {
        StateKind::State => StateCode::STATE,
        StateKind::Pending => StateCode::PENDING,
        StateKind::Scheduled => StateCode::SCHEDULED,
        StateKind::Paused => StateCode::PAUSED,
        StateKind::Resume => StateCode::RESUME,
        StateKind::Retrying => StateCode::RETRYING,
        StateKind::Submitted => StateCode::SUBMITTED,
        StateKind::Queued => StateCode::QUEUED,
        StateKind::ClientFailed => StateCode::CLIENT_FAILED,
        StateKind::Running => StateCode::RUNNING,
        StateKind::Cancelling => StateCode::CANCELLING,
        StateKind::Finished => StateCode::FINISHED,
        StateKind::Looped => StateCode::LOOPED,
        StateKind::Success => StateCode::SUCCESS,
        StateKind::Cached => StateCode::CACHED,
        StateKind::Mapped => StateCode::MAPPED,
        StateKind::Skipped => StateCode::SKIPPED,
        StateKind::Cancelled => StateCode::CANCELLED,
        StateKind::Failed => StateCode::FAILED,
        StateKind::TimedOut => StateCode::TIMED_OUT,
        StateKind::TriggerFailed => StateCode::TRIGGER_FAILED,
        StateKind::ValidationFailed => StateCode::VALIDATION_FAILED,
        StateKind::Crashed => StateCode::CRASHED,
    }
}

/// `None` for a kind that a newer release has made.
pub(super) fn kind(code: StateCode) -> Option<StateKind> {
    StateKind::ALL.into_iter().find(|kind| self::code(*kind) == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_code_that_says_the_same() {
        for it in StateKind::ALL {
            let code = code(it);
            assert_eq!((kind(code), code.name()), (Some(it), it.name()));
            assert_eq!(code.is_success(), it.is_successful(), "{it}");
            assert_eq!(code.is_failure(), it.is_failed(), "{it}");
            assert_eq!(code.is_running(), it.is_running(), "{it}");
            // A loop goes on.
            assert_eq!(code.is_terminal(), it.is_finished() && it != StateKind::Looped, "{it}");
        }
        assert_eq!(StateCode::ALL.len(), StateKind::ALL.len());
    }
}
