//! What the answers of a mail server mean: the same refusal says different things at different steps.
use std::error::Error;
use std::io;

use lettre::transport::smtp::Error as SmtpError;

use super::settings::Server;
use crate::notify::route::{Answer, NotTaken};
use crate::notify::verdict::Verdict;
use crate::notify::words::of_stream;

/// How far an attempt came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// To connect, encrypted if wanted, and to greet.
    Connect,
    LogIn,
    Sender,
    Recipient,
    /// To announce the mail itself.
    Data,
    /// It is on its way.
    Text,
}

/// What stopped it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The server said no, by this number.
    Said(u16),
    /// The server has nothing of that: no encryption, no login, no addresses beyond ASCII.
    Lacks(&'static str),
    /// No answer, or none that makes sense.
    Lost(String),
}

impl Trouble {
    pub(crate) fn timed_out() -> Self {
        Self::Lost("timed out".to_owned())
    }
}

/// A few words of our own: what a server or a client says could quote what it was given.
impl From<SmtpError> for Trouble {
    fn from(error: SmtpError) -> Self {
        if let Some(code) = error.status() {
            return Self::Said(code.into());
        }
        let fallback = if error.is_response() { "no valid answer" } else { "no connection" };
        Self::Lost(words(error.source(), fallback))
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Lost(words(Some(&error), "no connection"))
    }
}

fn words(mut error: Option<&(dyn Error + 'static)>, mut fallback: &str) -> String {
    while let Some(cause) = error {
        if let Some(said) = cause.downcast_ref::<io::Error>().and_then(of_stream) {
            return said;
        }
        let text = cause.to_string();
        if text.starts_with("failed to lookup address") {
            fallback = "host not found";
        } else if text == "incomplete response" {
            fallback = "connection lost";
        }
        error = cause.source();
    }
    fallback.to_owned()
}

impl Step {
    /// What became of a mail that came as far as this.
    pub(crate) fn verdict(self, trouble: Trouble, server: &Server) -> Verdict {
        match (self, trouble) {
            (_, Trouble::Lacks(what)) => Verdict::BadConfig(what),
            // It was taken in whole, or not at all: nobody knows.
            (Self::Text, Trouble::Lost(why)) => Verdict::Unavailable(format!("email: {why}"), None),
            (_, Trouble::Lost(why)) => Verdict::NotSent(format!("email: {server}: {why}")),
            (_, Trouble::Said(code @ ..500)) => Verdict::NotSent(format!("email: {code}")),
            (_, Trouble::Said(530)) => Verdict::BadConfig("the server wants a login or encryption"),
            (Self::Connect, Trouble::Said(_)) => Verdict::BadConfig("refused at the greeting"),
            (Self::LogIn, Trouble::Said(_)) => Verdict::BadConfig("login refused"),
            (Self::Sender, Trouble::Said(_)) => Verdict::BadConfig("sender refused"),
            (Self::Recipient, Trouble::Said(_)) => Verdict::BadConfig("recipient refused"),
            (Self::Data | Self::Text, Trouble::Said(code)) => Verdict::BadPayload(format!("email: {code}")),
        }
    }
}

/// A mail's fate is known when the attempt is over.
impl Answer for Verdict {
    fn verdict(&self, _: jiff::Timestamp) -> Verdict {
        self.clone()
    }

    fn in_place(&self) -> Result<(), NotTaken> {
        match self {
            Self::Accepted => Ok(()),
            Self::BadConfig(code) => Err(NotTaken::Unreached(format!("email: {code}"))),
            Self::NotSent(why) | Self::Unavailable(why, _) => Err(NotTaken::Unreached(why.clone())),
            Self::BadPayload(why) | Self::Refused(why) => Err(NotTaken::Refused(why.clone())),
            // Mail servers have no word for it.
            Self::RateLimited(_) => Err(NotTaken::Refused("email: too many mails".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Step::*;
    use super::*;

    fn verdict(step: Step, trouble: Trouble) -> Verdict {
        step.verdict(trouble, &Server::default())
    }

    #[test]
    fn a_refusal_means_what_its_step_says() {
        let said = |step, code| verdict(step, Trouble::Said(code));
        assert_eq!(said(Connect, 554), Verdict::BadConfig("refused at the greeting"));
        assert_eq!(said(LogIn, 535), Verdict::BadConfig("login refused"));
        assert_eq!(said(Sender, 553), Verdict::BadConfig("sender refused"));
        assert_eq!(said(Recipient, 550), Verdict::BadConfig("recipient refused"));
        assert_eq!(said(Sender, 530), Verdict::BadConfig("the server wants a login or encryption"));
        for step in [Data, Text] {
            assert_eq!(said(step, 554), Verdict::BadPayload("email: 554".into()), "{step:?}");
        }
        for step in [Connect, LogIn, Sender, Recipient, Data, Text] {
            assert_eq!(said(step, 421), Verdict::NotSent("email: 421".into()), "{step:?}: not now");
            assert_eq!(verdict(step, Trouble::Lacks("x")), Verdict::BadConfig("x"));
        }
    }

    #[test]
    fn silence_is_doubtful_only_once_the_mail_is_on_its_way() {
        for step in [Connect, LogIn, Sender, Recipient, Data] {
            let why = "email: smtp.gmail.com:465: timed out".to_owned();
            assert_eq!(verdict(step, Trouble::timed_out()), Verdict::NotSent(why));
        }
        assert_eq!(verdict(Text, Trouble::timed_out()), Verdict::Unavailable("email: timed out".into(), None));
    }
}
