//! What delivery needs to know from outside: secrets, redaction, deadlines, the way out.
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "email")]
use super::email::settings::EmailSettings;
use super::ledger::Ledger;
use super::notice::Card;
use super::route::OutgoingMessage;
use super::slack::transport::{Connect, Timeouts, http};
use crate::{Config, State, Tracked};

pub(crate) type ResolveSecret = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;
pub(crate) type Redact = Arc<dyn for<'a> Fn(&'a str) -> Cow<'a, str> + Send + Sync>;
/// Called while the end of a run waits for messages: how many are left, and how long it will wait at most.
pub(crate) type OnFlush = Arc<dyn Fn(usize, Duration) + Send + Sync>;
pub(crate) type PrintCard = Arc<dyn Fn(&Card) + Send + Sync>;

/// Takes messages in the place of the services.
pub(crate) type Outbox = Arc<dyn Fn(Posted<'_>) + Send + Sync>;

/// A message, as it would be sent.
pub(crate) struct Posted<'a> {
    pub(crate) object: &'a Tracked,
    pub(crate) state: &'a State,
    pub(crate) message: OutgoingMessage,
}

/// What to do with a message whose destination is not configured. It counts as not sent in any case.
#[derive(Clone)]
pub(crate) enum Unconfigured {
    /// One line in the log for each missing secret.
    Warn,
    /// Give every message to this function, which shows it.
    Print(PrintCard),
}

#[derive(Clone)]
pub(crate) struct DeliverySettings {
    /// The text of the secret of this name.
    pub(crate) resolve_secret: ResolveSecret,
    /// Takes secrets out of a text.
    pub(crate) redact: Redact,
    /// The address of the pages that show runs, for the link in a message.
    pub(crate) ui_url: Option<String>,
    /// How long the end of a run waits for Slack, from the end itself or from the last message that was accepted.
    pub(crate) flush_deadline: Duration,
    pub(crate) on_flush: Option<OnFlush>,
    /// `None`: messages are sent.
    pub(crate) outbox: Option<Outbox>,
    /// What messages are recorded in, if the run is.
    pub(crate) ledger: Option<Arc<Ledger>>,
    pub(crate) on_unconfigured: Unconfigured,
    pub(crate) timeouts: Timeouts,
    pub(crate) connect: Connect,
    pub(crate) jitter_seed: u64,
    #[cfg(feature = "email")]
    pub(crate) email: EmailSettings,
}

impl DeliverySettings {
    pub(crate) const FLUSH_DEADLINE: Duration = Duration::from_secs(5);

    /// As this configuration says.
    pub(crate) fn of(config: &Config) -> Self {
        let secrets = config.clone();
        let redactor = config.redactor().clone();
        Self {
            resolve_secret: Arc::new(move |name| secrets.secret_text(name).map(|text| text.expose().to_owned())),
            redact: Arc::new(move |text| redactor.redact(text)),
            ui_url: config.settings().ui_url.clone(),
            flush_deadline: config.settings().flush_deadline,
            #[cfg(feature = "email")]
            email: config.settings().email.clone(),
            ..Self::default()
        }
    }

    pub(crate) fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        (self.redact)(text)
    }
}

/// No secret is known, nothing is redacted, and what would be sent goes out by HTTP.
impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            resolve_secret: Arc::new(|_| None),
            redact: Arc::new(|text| Cow::Borrowed(text)),
            ui_url: None,
            flush_deadline: Self::FLUSH_DEADLINE,
            on_flush: None,
            outbox: None,
            ledger: None,
            on_unconfigured: Unconfigured::Warn,
            timeouts: Timeouts::default(),
            connect: http(),
            jitter_seed: crate::random::bits(),
            #[cfg(feature = "email")]
            email: EmailSettings::default(),
        }
    }
}
