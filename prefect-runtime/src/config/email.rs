//! The section `[email]`.
use std::time::Duration;

use lettre::message::Mailbox;

use super::duration::duration;
use super::error::ConfigError;
use super::settings::Reader;
use super::value::ConfigValue;
use crate::notify::email_settings::{EmailSettings, Encryption, LoginWanted, Server, mailbox, mailboxes};

/// Longer than any mail takes.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(1);

pub(super) fn read(reader: &Reader<'_>) -> Result<EmailSettings, ConfigError> {
    const DURATION: &str = "seconds or a duration such as \"30s\"";
    let defaults = EmailSettings::default();
    let host = reader.optional("email.host", "the name of a mail server, without scheme and port", host)?;
    let port = reader.optional("email.port", "a whole number from 1 to 65535", port)?;
    let modes = "\"implicit\" (from the start, port 465), \"starttls\" (port 587) or \"none\" (only to this machine)";
    let encryption = reader.optional("email.tls", modes, |value| Encryption::parse(value.as_str()?))?;
    let server = Server::new(host, port, encryption).map_err(|_| {
        let message = "\"none\" would send mail and password in clear: it is for a server on this machine only \
                       (`localhost`, 127.0.0.1); use \"starttls\" or \"implicit\"";
        reader.wrong("email.tls", message)
    })?;
    let login = reader.optional("email.login", "true or false", ConfigValue::as_bool)?;
    let from = reader.optional("email.from", "one mail address", |value| mailbox(value.as_str()?))?;
    let to = reader.optional("email.to", "mail addresses: a list, or a text with commas between them", recipients)?;
    Ok(EmailSettings {
        server,
        login: if login.unwrap_or(true) { LoginWanted::Yes } else { LoginWanted::No },
        from,
        to: to.unwrap_or_default(),
        timeout: reader
            .optional("email.timeout", "a time from 1ms to 1h, such as \"30s\"", timeout)?
            .unwrap_or(defaults.timeout),
        flush_deadline: reader.optional("email.flush_deadline", DURATION, duration)?.unwrap_or(defaults.flush_deadline),
    })
}

fn host(value: &ConfigValue) -> Option<String> {
    let text = value.as_str()?;
    // An IPv6 address has its colons in brackets.
    let name = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let fine = match name {
        Some(name) => name.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')),
    };
    fine.then(|| text.to_owned())
}

fn port(value: &ConfigValue) -> Option<u16> {
    u16::try_from(value.as_i64()?).ok().filter(|port| *port > 0)
}

fn recipients(value: &ConfigValue) -> Option<Vec<Mailbox>> {
    match value {
        ConfigValue::List(items) => {
            let lists: Option<Vec<_>> = items.iter().map(|item| mailboxes(item.as_str()?)).collect();
            lists.map(|lists| lists.concat())
        }
        value => mailboxes(value.as_str()?),
    }
}

fn timeout(value: &ConfigValue) -> Option<Duration> {
    duration(value).filter(|time| (Duration::from_millis(1)..=LONGEST_TIMEOUT).contains(time))
}
