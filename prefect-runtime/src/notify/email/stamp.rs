//! What makes the same words one mail.
use jiff::Timestamp;

/// A mail that is sent twice is the same mail: it keeps what it was stamped with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(super) id: String,
    pub(super) at: Timestamp,
}

impl Stamp {
    pub(crate) fn new(at: Timestamp) -> Self {
        Self { id: crate::random::uuid(), at }
    }
}
