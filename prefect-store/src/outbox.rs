//! Notifications: what is recorded of them with a change, and what becomes of them.
use std::borrow::Cow;
use std::sync::Arc;

use crate::{Micros, RunId, StateCode};

/// How often processes take a notification before it is given up. Between two of them the pause doubles, from a minute to six
/// hours: in all it is tried for more than a day.
pub const TRIES: u32 = 15;

/// The same for one that may have arrived each time: nobody wants it fifteen times.
pub const DOUBTFUL_TRIES: u32 = 3;

/// A notification to send, recorded together with the change that it tells of.
///
/// It belongs to the process that has the run until that says what became of it ([`Store::mark`](crate::Store::mark)), or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its number among those of this owner of the run. Changes that have the same are told by one message, and counted.
    pub ticket: u32,
    /// What is sent. Of several with one ticket, what was recorded first.
    pub message: Arc<Message>,
    /// What has caused the change, where changes are told together: counted by cause, of which the first 1,000 bytes count.
    pub cause: Option<Arc<str>>,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// By which service: `slack`, `email`, ..
    pub kind: Cow<'static, str>,
    /// To whom, in the words of that service. Nothing secret: the name of a secret, say.
    pub to: String,
    /// What it says; the store does not look into it.
    pub payload: String,
}

/// One notification of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotificationRef(pub(crate) Which);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Which {
    Row(i64),
    Ticket { run_no: i64, epoch: i64, ticket: u32 },
}

impl NotificationRef {
    /// The one with this number: [`NotificationRow::id`].
    #[must_use]
    pub const fn row(id: i64) -> Self {
        Self(Which::Row(id))
    }
}

/// The notifications of one owner of a run, by their tickets.
#[derive(Clone, Copy, Debug)]
pub struct Tickets {
    pub(crate) run_no: i64,
    pub(crate) epoch: i64,
}

impl Tickets {
    /// The one with this ticket.
    #[must_use]
    pub const fn of(self, ticket: u32) -> NotificationRef {
        NotificationRef(Which::Ticket { run_no: self.run_no, epoch: self.epoch, ticket })
    }
}

/// What became of a notification that this process had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was taken.
    Sent,
    /// It was not, for this reason, and waits for another try.
    Left {
        /// Why.
        why: String,
        /// Whether it may have arrived all the same.
        arrival: Arrival,
    },
    /// There was no time to try it, for this reason: it waits as if it had not been taken.
    Untried(String),
    /// It never will be, for this reason.
    GivenUp(String),
}

/// Whether a message that was not acknowledged may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It has not.
    No,
    /// The answer was lost.
    Perhaps,
}

/// What became of one notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which.
    pub of: NotificationRef,
    /// What became of it.
    pub fate: Fate,
}

/// Which notifications a process takes, to send them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those that are due, for this service and this recipient, the oldest first.
    Due {
        /// [`Message::kind`]
        kind: String,
        /// [`Message::to`]
        to: String,
        /// At most so many.
        limit: u32,
    },
    /// These, due or not, and also those that were given up: their tries are counted anew.
    These(Vec<i64>),
}

/// A notification that this process has taken, to send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToSend {
    /// Its number.
    pub id: i64,
    /// What is sent.
    pub message: Message,
    /// How many changes it tells of.
    pub changes: u64,
    /// What has caused those, where they are told together: the most frequent first.
    pub causes: Vec<(String, u64)>,
}

/// Where a notification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationStatus {
    /// It waits for a process that sends it.
    Waits,
    /// A process has it.
    Taken,
    /// It was sent.
    Sent,
    /// It was given up.
    GivenUp,
}

/// A notification as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationRow {
    /// Its number.
    pub id: i64,
    /// Its run, and the name of that, unless that was removed.
    pub run: Option<(RunId, String)>,
    /// What is sent.
    pub message: Message,
    /// The state that it tells of.
    pub state: StateCode,
    /// How many changes it tells of.
    pub changes: u64,
    /// Where it is.
    pub status: NotificationStatus,
    /// How many processes have taken it.
    pub tries: u32,
    /// When the change was that it tells of; of several the first.
    pub created_at: Micros,
    /// When it is due.
    pub not_before: Micros,
    /// Why it was not sent, the last time.
    pub last_error: Option<String>,
}

/// Which notifications are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Those that were not sent.
    Unsent,
    /// All.
    All,
}
