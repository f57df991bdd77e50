//! The user name and password of a mail account: nothing ever prints them.
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;

use super::settings::mailbox;
use crate::SecretString;
use crate::notify::service::{MissingSecret, Service};
use crate::notify::settings::ResolveSecret;

pub(crate) const USERNAME: &str = "EMAIL_USERNAME";
const PASSWORD: &str = "EMAIL_PASSWORD";

/// A login, as its secrets give it.
#[derive(Clone)]
pub(crate) struct Login {
    username: SecretString,
    password: SecretString,
}

impl Login {
    /// Reads both secrets. Space around them is dropped: it comes with pasting.
    pub(crate) fn read(resolve: &ResolveSecret) -> Result<Self, MissingSecret> {
        let read = |name| {
            let text = resolve(name).filter(|text| !text.trim().is_empty());
            let text = text.ok_or(MissingSecret { service: Service::Email, name })?;
            Ok(SecretString::new(text.trim()))
        };
        Ok(Self { username: read(USERNAME)?, password: read(PASSWORD)? })
    }

    /// The mailbox of the account, if its user name is an address.
    pub(crate) fn mailbox(&self) -> Option<Mailbox> {
        mailbox(self.username.expose())
    }

    /// For the SMTP client only.
    pub(crate) fn expose(&self) -> Credentials {
        Credentials::new(self.username.expose().to_owned(), self.password.expose().to_owned())
    }
}
