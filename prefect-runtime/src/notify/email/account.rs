//! From the settings, the secrets and what a notifier has bound to a way for mails.
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lettre::message::Mailbox;

use super::Recipients;
use super::login::Login;
use super::settings::{LoginWanted, Server, mailboxes};
use super::smtp::Smtp;
use crate::notify::route::{BadRoute, Carrier, NoRoute, Route};
use crate::notify::service::Service;
use crate::notify::settings::DeliverySettings;

/// A mail server with all that it has to be told.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) server: Server,
    pub(crate) login: Option<Login>,
    pub(crate) from: Mailbox,
    pub(crate) to: Vec<Mailbox>,
    /// How long one attempt may take.
    pub(crate) timeout: Duration,
    flush_deadline: Duration,
}

/// The way to these recipients.
pub(crate) fn route(recipients: Recipients, settings: &DeliverySettings) -> Result<Arc<dyn Route>, NoRoute> {
    let email = &settings.email;
    let login = match email.login {
        LoginWanted::Yes => Some(Login::read(&settings.resolve_secret).map_err(NoRoute::Missing)?),
        LoginWanted::No => None,
    };
    let own = || login.as_ref().and_then(Login::mailbox);
    let to = match recipients.0 {
        Some(text) => mailboxes(text).ok_or_else(|| {
            let why = format!(
                "`to({text:?})` of an email_notifier is no mail address: expected `ops@example.org`, \
                 or several with commas between them"
            );
            bad("bad address in `to`", why)
        })?,
        None if email.to.is_empty() => vec![own().ok_or_else(|| bad("no recipient", unset("to")))?],
        None => email.to.clone(),
    };
    let from = email.from.clone().or_else(own).ok_or_else(|| bad("no sender", unset("from")))?;
    let (server, timeout, flush_deadline) = (email.server.clone(), email.timeout, email.flush_deadline);
    Ok(Arc::new(Account { server, login, from, to, timeout, flush_deadline }))
}

fn bad(reason: &str, why: String) -> NoRoute {
    NoRoute::Bad(BadRoute { service: Service::Email, reason: format!("email: {reason}").into(), why: why.into() })
}

fn unset(key: &str) -> String {
    format!(
        "`{key}` is not set, and the secret `EMAIL_USERNAME` is no mail address to take in its place; \
         set `{key}` in the section `[email]` of ~/.prefect/config.toml"
    )
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the mail server {}", self.server)
    }
}

impl Route for Account {
    fn service(&self) -> Service {
        Service::Email
    }

    fn flush_deadline(&self) -> Duration {
        self.flush_deadline
    }

    fn connect(&self) -> Result<Arc<dyn Carrier>, String> {
        Ok(Arc::new(Smtp::new(self.clone())?))
    }

    fn secret(&self) -> Option<&'static str> {
        None
    }

    fn remedy(&self) -> Option<&'static str> {
        Some(
            "look at the section `[email]` of the configuration and the secrets `EMAIL_USERNAME` and `EMAIL_PASSWORD`; \
             Gmail wants an app password, not that of the account",
        )
    }
}
