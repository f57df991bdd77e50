//! The id of a flow run.
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The id of a flow run: a UUID of version 7, so that ids sort by the time they were made.
///
/// Its beginning is time: the first eight digits are the same for all runs of a minute. So the [short](Self::short) form is
/// its end.
///
/// ```
/// use prefect_store::RunId;
///
/// let id: RunId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
/// assert_eq!(id.short().to_string(), "099a8057");
/// assert!(RunId::new() > id);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(Uuid);

impl RunId {
    /// A new id. Those of one process are in order.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "each call gives another one")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The last eight hexadecimal digits, for people.
    #[must_use]
    pub const fn short(self) -> ShortId {
        let [.., a, b, c, d] = *self.0.as_bytes();
        ShortId([a, b, c, d])
    }

    /// The 16 bytes of the id.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id of 16 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no id of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAnId(String);

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no id of a run: expected a UUID, 32 hexadecimal digits", self.0.escape_debug())
    }
}

impl std::error::Error for NotAnId {}

impl FromStr for RunId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        // Of the forms that `Uuid` reads, the two that we write: with and without hyphens.
        match Uuid::try_parse(text) {
            Ok(id) if matches!(text.len(), 32 | 36) => Ok(Self(id)),
            _ => Err(NotAnId(text.to_owned())),
        }
    }
}

/// The end of a run's id: see [`RunId::short`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ShortId([u8; 4]);

impl fmt::Display for ShortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for ShortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
