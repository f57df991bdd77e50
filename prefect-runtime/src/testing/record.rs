//! What is kept of a run while it goes on.
use std::fmt;
use std::mem::take;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::LogLine;
use crate::lock::lock;
use crate::notify::{Outbox, Posted};
use crate::sync::Mutex;
use crate::{Observer, State, StateKind, Tracked, TrackedKind};

/// One state change of a task run or of the flow run, after its handlers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StateChange {
    /// Whether it is of a task run or of the flow run.
    pub kind: TrackedKind,
    /// The name of the task or the flow; of a child of a mapped task with its number, `name[3]`.
    pub name: String,
    /// The state before.
    pub old: State,
    /// The state after, as the handlers left it.
    pub new: State,
    /// When it was, in virtual time.
    pub at: Timestamp,
    pub(super) slug: Arc<str>,
    pub(super) child: Option<usize>,
}

impl StateChange {
    /// Whether an attempt of a task begins.
    pub(super) fn is_start(&self) -> bool {
        self.kind == TrackedKind::Task && self.new.kind().is_running()
    }

    /// What tells task runs apart.
    pub(super) fn key(&self) -> (&str, &str) {
        (&self.slug, &self.name)
    }
}

/// `double[3]: Running -> Success`
impl fmt::Display for StateChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.name, self.old.kind(), self.new.kind())
    }
}

/// A message that a notifier would have sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Notification {
    /// Whether it is about a task run or the flow run.
    pub kind: TrackedKind,
    /// The name of the task or the flow; of a child of a mapped task with its number, `name[3]`.
    pub name: String,
    /// The state that it tells.
    pub state: StateKind,
    /// The name of the secret that holds the webhook's URL; of a mail, `EMAIL_USERNAME`.
    pub secret: &'static str,
    /// What would have been posted; of a mail, its `to` (null if the configuration says it), `subject`, `text` and `html`.
    pub payload: Json,
    /// When it was, in virtual time.
    pub at: Timestamp,
}

impl Notification {
    /// The line above all: `load is now in a Failed state`.
    #[must_use]
    pub fn text(&self) -> &str {
        let of_mail = || self.payload["text"].as_str()?.lines().next();
        self.payload["attachments"][0]["text"].as_str().or_else(of_mail).unwrap_or_default()
    }

    /// What the state says, escaped for Slack: the error between three backquotes, or the state's message; empty if it says
    /// nothing.
    #[must_use]
    pub fn message(&self) -> &str {
        let of_mail = || Some(self.payload["text"].as_str()?.split_once("\n\nMessage: ")?.1.trim_end());
        self.payload["attachments"][0]["fields"][0]["value"].as_str().or_else(of_mail).unwrap_or_default()
    }
}

/// `SLACK_WEBHOOK_URL: load is now in a Failed state`
impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.secret, self.text())
    }
}

/// All that was kept.
#[derive(Default)]
pub(super) struct Record {
    pub(super) changes: Vec<StateChange>,
    pub(super) notifications: Vec<Notification>,
    pub(super) logs: Vec<LogLine>,
}

/// Keeps what happens. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Recorder(Arc<Mutex<Record>>);

impl Recorder {
    /// What was kept since it was taken last.
    pub(super) fn take(&self) -> Record {
        take(&mut *lock(&self.0))
    }

    pub(super) fn log(&self, line: LogLine) {
        lock(&self.0).logs.push(line);
    }

    pub(super) fn outbox(&self) -> Outbox {
        let recorder = self.clone();
        Arc::new(move |posted: Posted<'_>| {
            let Posted { object, state, message } = posted;
            let notification = Notification {
                kind: object.kind(),
                name: object.full_name().into_owned(),
                state: state.kind(),
                secret: message.secret,
                payload: message.payload,
                at: object.services.clock.timestamp(),
            };
            lock(&recorder.0).notifications.push(notification);
        })
    }
}

impl Observer for Recorder {
    fn changed(&self, object: &Tracked, old: &State, new: &State) {
        let change = StateChange {
            kind: object.kind(),
            name: object.full_name().into_owned(),
            old: old.clone(),
            new: new.clone(),
            at: object.services.clock.timestamp(),
            slug: Arc::clone(&object.slug),
            child: object.map_index(),
        };
        lock(&self.0).changes.push(change);
    }
}
