//! The section `[email]` of the configuration, checked and typed.
use std::time::Duration;

use lettre::message::{Mailbox, Mailboxes};

use crate::loopback::is_loopback;

/// By which server, from whom, to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EmailSettings {
    pub(crate) server: Server,
    pub(crate) login: LoginWanted,
    /// The user name is the sender, if it is an address, unless this says otherwise.
    pub(crate) from: Option<Mailbox>,
    /// Likewise the recipient, if this is empty.
    pub(crate) to: Vec<Mailbox>,
    /// How long one attempt may take.
    pub(crate) timeout: Duration,
    /// How long the end of a run waits, from the end itself or from the last mail that was accepted.
    pub(crate) flush_deadline: Duration,
}

impl EmailSettings {
    /// The same, with another deadline if the program sets one.
    pub(crate) fn flushed_within(mut self, deadline: Option<Duration>) -> Self {
        self.flush_deadline = deadline.unwrap_or(self.flush_deadline);
        self
    }
}

/// Gmail, to and from the account itself.
impl Default for EmailSettings {
    fn default() -> Self {
        Self {
            server: Server::default(),
            login: LoginWanted::Yes,
            from: None,
            to: Vec::new(),
            timeout: Duration::from_secs(30),
            flush_deadline: Duration::from_secs(10),
        }
    }
}

/// Whether the server wants to know who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginWanted {
    Yes,
    No,
}

/// A mail server, and how it is spoken to. In clear only to this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    host: String,
    port: u16,
    encryption: Encryption,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// From the first byte.
    Implicit,
    /// After a greeting in clear, before anything else is said.
    StartTls,
    None,
}

impl Encryption {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "implicit" => Self::Implicit,
            "starttls" => Self::StartTls,
            "none" => Self::None,
            _ => return None,
        })
    }

    /// What servers use such a port for, if nothing else is said.
    fn usual(port: Option<u16>) -> Self {
        if port == Some(587) { Self::StartTls } else { Self::Implicit }
    }

    fn usual_port(self) -> u16 {
        match self {
            Self::Implicit => 465,
            Self::StartTls => 587,
            Self::None => 25,
        }
    }
}

/// Mail would go in clear to another machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InClear;

impl Server {
    /// What is not given follows from what is.
    pub(crate) fn new(
        host: Option<String>,
        port: Option<u16>,
        encryption: Option<Encryption>,
    ) -> Result<Self, InClear> {
        let host = host.unwrap_or_else(|| "smtp.gmail.com".to_owned());
        let encryption = encryption.unwrap_or_else(|| Encryption::usual(port));
        if encryption == Encryption::None && !is_loopback(&host) {
            return Err(InClear);
        }
        Ok(Self { host, port: port.unwrap_or_else(|| encryption.usual_port()), encryption })
    }

    /// As names are looked up and certificates checked: an IPv6 address without brackets.
    pub(crate) fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn encryption(&self) -> Encryption {
        self.encryption
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new(None, None, None).expect("Gmail is not spoken to in clear")
    }
}

/// `host:port`
impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// One address or several with commas between them, each with or without a name: `Ops <ops@example.org>`. None for any
/// other text, also one with a line break, which would begin a header of its own.
pub(crate) fn mailboxes(text: &str) -> Option<Vec<Mailbox>> {
    if text.contains(char::is_control) {
        return None;
    }
    let list: Vec<Mailbox> = text.trim().parse::<Mailboxes>().ok()?.into_iter().collect();
    (!list.is_empty()).then_some(list)
}

/// Exactly one.
pub(crate) fn mailbox(text: &str) -> Option<Mailbox> {
    let mut list = mailboxes(text)?;
    if list.len() == 1 { list.pop() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_follows_from_what_is() {
        let server = |host: &str, port, encryption| {
            let made = Server::new(Some(host.to_owned()), port, encryption)?;
            Ok((made.to_string(), made.encryption()))
        };
        let is = |text: &str, encryption| Ok::<_, InClear>((text.to_owned(), encryption));
        assert_eq!(Server::default().to_string(), "smtp.gmail.com:465");
        assert_eq!(server("m.example", None, None), is("m.example:465", Encryption::Implicit));
        assert_eq!(server("m.example", Some(587), None), is("m.example:587", Encryption::StartTls));
        assert_eq!(server("m.example", None, Some(Encryption::StartTls)), is("m.example:587", Encryption::StartTls));
        assert_eq!(server("m.example", Some(2525), None), is("m.example:2525", Encryption::Implicit));
        assert_eq!(server("localhost", None, Some(Encryption::None)), is("localhost:25", Encryption::None));
        assert_eq!(server("[::1]", None, Some(Encryption::None)), is("[::1]:25", Encryption::None));
        for host in ["m.example", "10.0.0.1", "127.0.0.1.example", "[::2]"] {
            assert_eq!(server(host, None, Some(Encryption::None)), Err(InClear), "{host}");
        }
    }

    #[test]
    fn addresses_with_and_without_names_and_nothing_else() {
        for (text, count) in [("a@b.example", 1), (" Ops <a@b.example> ", 1), ("a@b.example, C <c@d.example>", 2)] {
            assert_eq!(mailboxes(text).map(|list| list.len()), Some(count), "{text}");
        }
        for text in ["", " ", ",", "ops", "a@", "@b", "a@b.example\r\nBcc: x@y.example", "a@b.example x@y.example"] {
            assert_eq!(mailboxes(text), None, "{text:?}");
        }
        assert!(mailbox("a@b.example, c@d.example").is_none() && mailbox("a@b.example").is_some());
    }
}
