//! What a fake Slack answers: what Slack documents, and what networks do.
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// One answer of a [`FakeSlack`](super::FakeSlack).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// What Slack would say: `ok`, or `invalid_payload` and `no_text` for a message that is none.
    AsSlack,
    /// One of Slack's errors, with its status.
    Error(SlackError),
    /// 429 `rate_limited`, with this `Retry-After` in seconds.
    RateLimited(u64),
    /// 503 without a body.
    Unavailable,
    /// 302 to this address.
    Redirect(String),
    /// Any status and body.
    Status(u16, String),
    /// The other answer, once the gate is open.
    After(Gate, Box<Answer>),
    /// Nothing, for as long as the fake lives.
    Hang,
    /// The connection is reset, the request unread.
    ResetBeforeReading,
    /// The request is read, then the connection is reset.
    ResetAfterReading,
    /// 200, and a body that means nothing.
    GarbageBody,
    /// Bytes that are no HTTP.
    Garbage,
    /// The first half of an answer, then the end of the connection.
    HalfResponse,
}

/// Slack's error codes for webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SlackError {
    /// 400: the message is not understood.
    InvalidPayload,
    /// 400: the message is to a user who does not exist.
    UserNotFound,
    /// 400: there is nothing to show.
    NoText,
    /// 400: more than 100 attachments.
    TooManyAttachments,
    /// 400: blocks that do not exist.
    InvalidBlocks,
    /// 400: blocks that are no list.
    InvalidBlocksFormat,
    /// 400: an attachment without words.
    MissingTextOrFallbackOrAttachments,
    /// 403: an administrator forbade it.
    ActionProhibited,
    /// 403: not to the channel of everybody.
    PostingToGeneralChannelDenied,
    /// 403: the webhook is not valid.
    InvalidToken,
    /// 403: the workspace is closed.
    TeamDisabled,
    /// 404: the channel is gone.
    ChannelNotFound,
    /// 404: the webhook is gone.
    NoService,
    /// 404: the webhook's number is gone.
    NoServiceId,
    /// 404: the webhook was switched off.
    NoActiveHooks,
    /// 404: the workspace is gone.
    NoTeam,
    /// 410: the channel is archived.
    ChannelIsArchived,
    /// 500: Slack's own trouble.
    RollupError,
}

impl SlackError {
    /// Every error.
    pub const ALL: [Self; 18] = [
        Self::InvalidPayload,
        Self::UserNotFound,
        Self::NoText,
        Self::TooManyAttachments,
        Self::InvalidBlocks,
        Self::InvalidBlocksFormat,
        Self::MissingTextOrFallbackOrAttachments,
        Self::ActionProhibited,
        Self::PostingToGeneralChannelDenied,
        Self::InvalidToken,
        Self::TeamDisabled,
        Self::ChannelNotFound,
        Self::NoService,
        Self::NoServiceId,
        Self::NoActiveHooks,
        Self::NoTeam,
        Self::ChannelIsArchived,
        Self::RollupError,
    ];

    /// The body of the answer.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidPayload => "invalid_payload",
            Self::UserNotFound => "user_not_found",
            Self::NoText => "no_text",
            Self::TooManyAttachments => "too_many_attachments",
            Self::InvalidBlocks => "invalid_blocks",
            Self::InvalidBlocksFormat => "invalid_blocks_format",
            Self::MissingTextOrFallbackOrAttachments => "missing_text_or_fallback_or_attachments",
            Self::ActionProhibited => "action_prohibited",
            Self::PostingToGeneralChannelDenied => "posting_to_general_channel_denied",
            Self::InvalidToken => "invalid_token",
            Self::TeamDisabled => "team_disabled",
            Self::ChannelNotFound => "channel_not_found",
            Self::NoService => "no_service",
            Self::NoServiceId => "no_service_id",
            Self::NoActiveHooks => "no_active_hooks",
            Self::NoTeam => "no_team",
            Self::ChannelIsArchived => "channel_is_archived",
            Self::RollupError => "rollup_error",
        }
    }

    /// The status of the answer.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidPayload
            | Self::UserNotFound
            | Self::NoText
            | Self::TooManyAttachments
            | Self::InvalidBlocks
            | Self::InvalidBlocksFormat
            | Self::MissingTextOrFallbackOrAttachments => 400,
            Self::ActionProhibited | Self::PostingToGeneralChannelDenied | Self::InvalidToken | Self::TeamDisabled => {
                403
            }
            Self::ChannelNotFound | Self::NoService | Self::NoServiceId | Self::NoActiveHooks | Self::NoTeam => 404,
            Self::ChannelIsArchived => 410,
            Self::RollupError => 500,
        }
    }
}

/// Holds answers back until it is opened. Clones are the same gate.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets all through, now and later.
    pub fn open(&self) {
        let (open, changed) = &*self.0;
        *open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    pub(super) fn wait(&self) {
        let (open, changed) = &*self.0;
        let guard = open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(changed.wait_while(guard, |open| !*open).unwrap_or_else(PoisonError::into_inner));
    }
}
