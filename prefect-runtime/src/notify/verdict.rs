//! What an answer means for its message and its destination.
use std::time::Duration;

/// What to make of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The service took it.
    Accepted,
    /// Too many messages; at least so long nothing may be sent.
    RateLimited(Duration),
    /// The destination will never take anything: it is gone, or we may not send.
    BadConfig(&'static str),
    /// The destination is fine, this message is not.
    BadPayload(String),
    /// Refused for a reason that we do not know; sending the same again would not help.
    Refused(String),
    /// Never sent.
    NotSent(String),
    /// The service is down, or the answer was lost: the message may have arrived. It may ask for patience.
    Unavailable(String, Option<Duration>),
}
