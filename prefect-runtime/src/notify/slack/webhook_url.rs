//! The URL of a webhook: whoever has it can post, so nothing ever prints it.
use std::fmt;

use crate::loopback::is_loopback;

/// A checked webhook URL. Shown as its host and the name of its secret, never as itself.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct WebhookUrl {
    secret: Box<str>,
    url: Box<str>,
    host: Box<str>,
    scheme: Scheme,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scheme {
    Https,
    /// Plain, and only to this machine.
    HttpLoopback,
}

/// Why the text of a secret is no webhook URL: names the secret and what is expected, shows nothing of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadWebhookUrl {
    secret: Box<str>,
    why: &'static str,
}

impl fmt::Display for BadWebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the secret `{}` is not a webhook URL: {}; expected `https://host/path` (plain http only to a loopback address)",
            self.secret, self.why
        )
    }
}

impl std::error::Error for BadWebhookUrl {}

impl WebhookUrl {
    /// Checks the text of the secret of this name. Space around it is dropped: it comes with pasting.
    pub(crate) fn parse(secret: &str, text: &str) -> Result<Self, BadWebhookUrl> {
        let bad = |why| BadWebhookUrl { secret: secret.into(), why };
        let url = text.trim();
        if url.is_empty() {
            return Err(bad("it is empty"));
        }
        // A URL library reads `\` as `/` and drops tabs: what this check sees must be what the client connects to.
        if url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(bad("it contains a space, a control character or a backslash"));
        }
        let (scheme, rest) = url.split_once("://").ok_or_else(|| bad("it has no scheme"))?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(bad("it contains a user name"));
        }
        let (host, port) = split_port(authority);
        if host.is_empty() {
            return Err(bad("it has no host"));
        }
        if port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err(bad("its port is no number"));
        }
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" if is_loopback(host) => Scheme::HttpLoopback,
            "http" => return Err(bad("it is plain http to another machine")),
            _ => return Err(bad("its scheme is not https")),
        };
        Ok(Self { secret: secret.into(), host: host.into(), scheme, url: url.into() })
    }

    /// The URL itself, for the HTTP client only.
    #[cfg_attr(not(feature = "slack"), allow(dead_code, reason = "without the HTTP client nobody needs it"))]
    pub(crate) fn expose(&self) -> &str {
        &self.url
    }

    #[cfg(all(feature = "cli", feature = "store"))]
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    #[cfg_attr(not(feature = "slack"), allow(dead_code, reason = "without the HTTP client nobody needs it"))]
    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    // The colons of an IPv6 address stand in brackets.
    let after = authority.rfind(']').unwrap_or(0);
    match authority[after..].find(':') {
        Some(colon) => (&authority[..after + colon], Some(&authority[after + colon + 1..])),
        None => (authority, None),
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/…/[{}]", self.host, self.secret)
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_to_any_host_and_http_to_this_machine_are_taken() {
        for (url, scheme) in [
            ("https://hooks.slack.com/services/T0/B0/canary", Scheme::Https),
            ("  https://mattermost.example:8443/hooks/canary\n", Scheme::Https),
            ("HTTPS://hooks.slack.com/services/canary", Scheme::Https),
            ("http://127.0.0.1:8080/canary", Scheme::HttpLoopback),
            ("http://127.3.2.1/canary", Scheme::HttpLoopback),
            ("http://localhost/canary", Scheme::HttpLoopback),
            ("http://[::1]:80/canary", Scheme::HttpLoopback),
        ] {
            let parsed = WebhookUrl::parse("HOOK", url).unwrap_or_else(|e| panic!("{url}: {e}"));
            assert_eq!(parsed.scheme(), scheme, "{url}");
            assert_eq!(parsed.expose(), url.trim());
            let shown = format!("{parsed} {parsed:?} {parsed:#?}");
            assert!(!shown.contains("canary") && shown.contains("[HOOK]"), "{shown}");
        }
    }

    #[test]
    fn all_else_is_refused_by_the_name_of_the_secret_without_its_text() {
        for (url, why) in [
            ("", "it is empty"),
            ("canary", "it has no scheme"),
            ("hooks.slack.com/services/canary", "it has no scheme"),
            ("ftp://canary.example/x", "its scheme is not https"),
            ("https://", "it has no host"),
            ("https:///canary", "it has no host"),
            ("https://host:canary/x", "its port is no number"),
            ("https://host:99999/canary", "its port is no number"),
            ("http://example.org/canary", "it is plain http to another machine"),
            ("http://10.0.0.1/canary", "it is plain http to another machine"),
            ("http://127.0.0.1@canary.example/", "it contains a user name"),
            ("http://127.0.0.1.canary.example/", "it is plain http to another machine"),
            ("http://canary.example\\@127.0.0.1/", "backslash"),
            ("http://127.0.0.1\\@canary.example/", "backslash"),
            ("http://localhost:80@canary.example/", "it contains a user name"),
            ("http://[::2]/canary", "it is plain http to another machine"),
            ("https://user:canary@hooks.slack.com/x", "it contains a user name"),
            ("https://hooks.slack.com/can ary", "it contains a space"),
            ("https://hooks.slack.com/\u{0}canary", "a control character"),
        ] {
            let error = WebhookUrl::parse("HOOK", url).expect_err(url);
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(why), "{url}: {shown}");
            assert!(shown.contains("`HOOK`") && !shown.contains("canary") && !shown.contains("ary "), "{shown}");
        }
    }
}
