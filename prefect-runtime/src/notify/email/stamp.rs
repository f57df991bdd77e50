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

    /// The id, and the time in microseconds.
    #[cfg(feature = "store")]
    pub(crate) fn kept(&self) -> (String, i64) {
        (self.id.clone(), self.at.as_microsecond())
    }

    /// The stamp that a mail had; `None` if it can be none of ours, which would make headers of its own.
    #[cfg(feature = "store")]
    pub(crate) fn again(id: String, at: i64) -> Option<Self> {
        let ours = !id.is_empty() && id.bytes().all(|c| c.is_ascii_hexdigit() || c == b'-');
        Some(Self { id: ours.then_some(id)?, at: Timestamp::from_microsecond(at).ok()? })
    }
}
