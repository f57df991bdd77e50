//! What an answer means. Slack's error codes stand in the body; the status alone does not tell them apart: a dead
//! webhook was seen to answer `invalid_token` with 400 and with 403.
use std::time::Duration;

use jiff::Timestamp;

use super::transport::{Reply, SendError};
use crate::notify::route::{Answer, NotTaken};
use crate::notify::verdict::Verdict;

const BAD_CONFIG: [&str; 10] = [
    "no_service",
    "no_service_id",
    "no_active_hooks",
    "no_team",
    "team_disabled",
    "invalid_token",
    "channel_not_found",
    "channel_is_archived",
    "action_prohibited",
    "posting_to_general_channel_denied",
];

const BAD_PAYLOAD: [&str; 7] = [
    "invalid_payload",
    "invalid_blocks",
    "invalid_blocks_format",
    "no_text",
    "too_many_attachments",
    "missing_text_or_fallback_or_attachments",
    "user_not_found",
];

impl Answer for Result<Reply, SendError> {
    fn verdict(&self, now: Timestamp) -> Verdict {
        Verdict::of(self, now)
    }

    fn in_place(&self) -> Result<(), NotTaken> {
        match self {
            Ok(reply) if (200..300).contains(&reply.status) => Ok(()),
            Ok(reply) => Err(NotTaken::Refused(format!("slack: {}", reply.status))),
            Err(SendError::NotSent(why) | SendError::Unsure(why)) => Err(NotTaken::Unreached(format!("slack: {why}"))),
        }
    }
}

impl Verdict {
    fn of(outcome: &Result<Reply, SendError>, now: Timestamp) -> Self {
        match outcome {
            Ok(reply) => Self::of_reply(reply, now),
            Err(SendError::NotSent(why)) => Self::NotSent(format!("slack: {why}")),
            Err(SendError::Unsure(why)) => Self::Unavailable(format!("slack: {why}"), None),
        }
    }

    fn of_reply(reply: &Reply, now: Timestamp) -> Self {
        let code = error_code(&reply.body);
        if let Some(known) = BAD_CONFIG.into_iter().find(|known| *known == code) {
            return Self::BadConfig(known);
        }
        if BAD_PAYLOAD.contains(&code) {
            return Self::BadPayload(format!("slack: {code}"));
        }
        let status = reply.status;
        let patience = reply.retry_after.as_deref().and_then(|text| retry_after(text, now));
        match status {
            429 => Self::RateLimited(patience.unwrap_or_default()),
            // A page instead of an answer: a portal or a proxy stands between us and Slack.
            200..=299 if reply.body.trim_start().starts_with('<') => {
                Self::Unavailable(format!("slack: {status} with a web page"), None)
            }
            // Slack says `ok`, servers that are compatible with it say other things.
            200..=299 => Self::Accepted,
            300..=399 => Self::Refused(format!("slack: {status}, redirects are not followed")),
            400 | 413 | 422 => Self::BadPayload(format!("slack: {status}")),
            408 | 425 | 500.. => Self::Unavailable(format!("slack: {status}"), patience),
            _ => Self::Refused(format!("slack: {status}")),
        }
    }
}

/// Slack's webhooks answer the bare code; its other endpoints, and servers like it, put it into JSON.
fn error_code(body: &str) -> &str {
    let body = body.trim();
    let Some(at) = body.strip_prefix('{').and_then(|json| json.find("\"error\"")) else { return body };
    body[at + 1 + "\"error\"".len()..].split('"').nth(1).unwrap_or(body)
}

/// Seconds, as Slack sends them, or a date, as proxies do.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        // Rounded up: never come back too early. Absurd numbers saturate.
        return Duration::try_from_secs_f64(seconds.ceil()).ok().or((seconds > 0.0).then_some(Duration::MAX));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, body: &str) -> Verdict {
        with_retry_after(status, body, None)
    }

    fn with_retry_after(status: u16, body: &str, header: Option<&str>) -> Verdict {
        let reply = Reply { status, body: body.to_owned(), retry_after: header.map(str::to_owned) };
        Verdict::of(&Ok(reply), "2026-01-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn the_body_decides_whatever_the_status() {
        for code in BAD_CONFIG {
            for status in [200, 400, 403, 404, 410, 500] {
                assert_eq!(verdict(status, code), Verdict::BadConfig(code), "{status}");
                assert_eq!(verdict(status, &format!(" {code}\n")), Verdict::BadConfig(code));
                assert_eq!(verdict(status, &format!(r#"{{"ok":false,"error": "{code}"}}"#)), Verdict::BadConfig(code));
            }
        }
        for code in BAD_PAYLOAD {
            assert_eq!(verdict(400, code), Verdict::BadPayload(format!("slack: {code}")));
            assert_eq!(verdict(500, code), Verdict::BadPayload(format!("slack: {code}")));
        }
    }

    #[test]
    fn bodies_that_we_do_not_know_are_classed_by_status() {
        assert_eq!(verdict(200, "ok"), Verdict::Accepted);
        assert_eq!(verdict(200, r#"{"success":true}"#), Verdict::Accepted);
        assert_eq!(verdict(200, "\u{0}\u{fffd}garbage"), Verdict::Accepted);
        assert_eq!(verdict(200, "{\"error\""), Verdict::Accepted);
        assert!(matches!(verdict(200, " <html>log in</html>"), Verdict::Unavailable(..)));
        assert!(matches!(verdict(302, ""), Verdict::Refused(why) if why == "slack: 302, redirects are not followed"));
        assert_eq!(verdict(400, "what"), Verdict::BadPayload("slack: 400".into()));
        assert_eq!(verdict(403, "<html>"), Verdict::Refused("slack: 403".into()));
        assert_eq!(verdict(404, "not here"), Verdict::Refused("slack: 404".into()));
        assert_eq!(verdict(500, "rollup_error"), Verdict::Unavailable("slack: 500".into(), None));
        assert_eq!(verdict(503, ""), Verdict::Unavailable("slack: 503".into(), None));
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_date_and_never_too_short() {
        let wait = |header| match with_retry_after(429, "rate_limited", header) {
            Verdict::RateLimited(wait) => wait,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(Some("30")), Duration::from_secs(30));
        assert_eq!(wait(Some(" 1.2 ")), Duration::from_secs(2));
        assert_eq!(wait(Some("Thu, 01 Jan 2026 00:01:30 GMT")), Duration::from_secs(90));
        assert_eq!(wait(Some("Wed, 31 Dec 2025 23:00:00 GMT")), Duration::ZERO);
        assert_eq!(wait(Some("1e300")), Duration::MAX);
        for nonsense in [None, Some(""), Some("-5"), Some("soon"), Some("NaN")] {
            assert_eq!(wait(nonsense), Duration::ZERO, "{nonsense:?}");
        }
        assert_eq!(
            with_retry_after(503, "", Some("7")),
            Verdict::Unavailable("slack: 503".into(), Some(Duration::from_secs(7)))
        );
    }
}
