//! What every kind of notifier brings along: where its messages go, what carries them, and what came back.
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;

#[cfg(feature = "email")]
use super::email;
use super::notice::Notice;
use super::service::{MissingSecret, Service};
use super::settings::DeliverySettings;
use super::slack;
use super::verdict::Verdict;

/// Where a notifier sends, as it was bound: what tells one destination from another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    Slack(slack::Webhook),
    #[cfg(feature = "email")]
    Email(email::Recipients),
}

impl Address {
    /// The way there, by the secrets and settings of the run.
    pub(crate) fn route(self, settings: &DeliverySettings) -> Result<Arc<dyn Route>, NoRoute> {
        match self {
            Self::Slack(webhook) => slack::route(webhook, settings),
            #[cfg(feature = "email")]
            Self::Email(recipients) => email::route(recipients, settings),
        }
    }
}

/// As a store has an address: the service, and to whom.
impl Address {
    #[cfg(feature = "store")]
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Slack(_) => "slack",
            #[cfg(feature = "email")]
            Self::Email(_) => "email",
        }
    }

    /// Nothing secret: the name of a secret, or addresses of mail; empty where the configuration says it.
    #[cfg(feature = "store")]
    pub(crate) const fn to(self) -> &'static str {
        match self {
            Self::Slack(webhook) => webhook.secret,
            #[cfg(feature = "email")]
            Self::Email(recipients) => recipients.text(),
        }
    }

    /// The address of what a store has; `None` for a service that this program lacks. Proxies are those of the environment.
    #[cfg(feature = "store")]
    pub(crate) fn of(kind: &str, to: &str) -> Option<Self> {
        match kind {
            "slack" if cfg!(feature = "slack") => Some(Self::Slack(slack::Webhook::of_secret(interned(to)))),
            #[cfg(feature = "email")]
            "email" => Some(Self::Email(email::Recipients::of_text(interned(to)))),
            _ => None,
        }
    }
}

/// The same text for ever: there are as many as destinations that a process has met.
#[cfg(feature = "store")]
fn interned(text: &str) -> &'static str {
    static KNOWN: std::sync::Mutex<std::collections::BTreeSet<&'static str>> =
        std::sync::Mutex::new(std::collections::BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match known.get(text) {
        Some(text) => text,
        None => {
            let text: &'static str = Box::leak(text.into());
            known.insert(text);
            text
        }
    }
}

/// A message as its service would get it.
pub(crate) struct OutgoingMessage {
    /// The name of the secret that it needs.
    pub(crate) secret: &'static str,
    pub(crate) payload: Json,
}

impl Address {
    /// The message that would go there.
    pub(crate) fn message(self, notice: &Notice) -> OutgoingMessage {
        let (secret, payload) = match self {
            Self::Slack(webhook) => (webhook.secret, slack::payload(notice)),
            #[cfg(feature = "email")]
            Self::Email(recipients) => (email::USERNAME, email::payload(recipients, notice)),
        };
        OutgoingMessage { secret, payload }
    }
}

/// Why nothing can be sent to an address.
#[derive(Clone)]
pub(crate) enum NoRoute {
    Missing(MissingSecret),
    /// Something is set, and cannot be used.
    Bad(BadRoute),
}

#[derive(Clone)]
pub(crate) struct BadRoute {
    pub(crate) service: Service,
    /// For the summary.
    pub(crate) reason: Arc<str>,
    /// For the log and for errors: what is wrong and what is expected. Nothing of a secret's text.
    pub(crate) why: Arc<str>,
}

/// One destination. Its `Display` names it: `the webhook in the secret ..`.
pub(crate) trait Route: fmt::Display + Send + Sync {
    fn service(&self) -> Service;

    /// How long the end of a run waits for what is on this way.
    fn flush_deadline(&self) -> Duration;

    /// Makes what carries messages there. Called on the thread that delivers, so it may read certificates from disk. The
    /// error is a reason for the summary, with nothing of a secret in it.
    fn connect(&self) -> Result<Arc<dyn Carrier>, String>;

    /// The secret that opens the way, if it is one.
    fn secret(&self) -> Option<&'static str>;

    /// What to do when nothing is taken any more.
    fn remedy(&self) -> Option<&'static str>;
}

pub(crate) type Carrying = Pin<Box<dyn Future<Output = Box<dyn Answer>> + Send>>;

/// Carries messages to one destination.
pub(crate) trait Carrier: Send + Sync {
    fn carry(&self, notice: &Notice, form: Form) -> Carrying;
}

/// How a message is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Full,
    /// The same words without any layout, for a server that refused the layout.
    Plain,
}

/// What came back from one attempt, in two readings.
pub(crate) trait Answer: Send {
    /// For the law of the destination.
    fn verdict(&self, now: Timestamp) -> Verdict;

    /// For a notifier whose task waits: whether the message was taken, as Prefect 1 judges it.
    fn in_place(&self) -> Result<(), NotTaken>;
}

/// Why a message was not taken, as the summary tells it.
pub(crate) enum NotTaken {
    Refused(String),
    Unreached(String),
}
