//! A notice as text: what is kept of a message in a store, for whoever sends it. What it says is redacted before.
use serde::{Deserialize, Serialize};

#[cfg(feature = "email")]
use super::email::Stamp;
use super::notice::{Notice, Said};
use crate::StateKind;

#[derive(Serialize, Deserialize)]
struct Kept {
    kind: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// What makes two mails one, from a program that sends mails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mail: Option<(String, i64)>,
}

/// The text of a notice. Counts and causes are not in it: the store has those.
pub(crate) fn text(notice: &Notice) -> String {
    let (message, error) = match &notice.said {
        Said::Nothing | Said::Many { .. } => (None, None),
        Said::Message(message) => (Some(message.clone()), None),
        Said::Error(error) => (None, Some(error.clone())),
    };
    #[cfg(feature = "email")]
    let mail = Some(notice.stamp.kept());
    #[cfg(not(feature = "email"))]
    let mail = None;
    let kind = notice.kind.name().to_owned();
    let kept = Kept { kind, name: notice.name.clone(), message, error, link: notice.link.clone(), mail };
    serde_json::to_string(&kept).unwrap_or_default()
}

/// The notice of a text; `None` if it is of a newer release, or none of ours.
pub(crate) fn notice(text: &str) -> Option<Notice> {
    let Kept { kind, name, message, error, link, mail } = serde_json::from_str(text).ok()?;
    let kind: StateKind = kind.parse().ok()?;
    let said = match (message, error) {
        (_, Some(error)) => Said::Error(error),
        (Some(message), None) => Said::Message(message),
        (None, None) => Said::Nothing,
    };
    #[cfg(feature = "email")]
    let stamp = match mail {
        Some((id, at)) => Stamp::again(id, at)?,
        None => Stamp::new(jiff::Timestamp::now()),
    };
    #[cfg(not(feature = "email"))]
    drop(mail);
    Some(Notice {
        kind,
        name,
        said,
        link,
        #[cfg(feature = "email")]
        stamp,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_read_as_it_was_written() {
        let plain = Notice::for_tests(StateKind::TimedOut, "a \"name\"\n");
        let with = |said: Said| Notice { said, ..plain.clone() };
        for it in [
            plain.clone(),
            with(Said::Nothing),
            with(Said::Error("it broke".to_owned())),
            Notice { link: Some("https://ui.example/x".to_owned()), ..plain.clone() },
        ] {
            assert_eq!(notice(&text(&it)), Some(it));
        }
        for other in ["", "{}", "[1]", r#"{"kind":"Novelty","name":"x"}"#, r#"{"kind":"Failed"}"#] {
            assert_eq!(notice(other), None, "{other}");
        }
        #[cfg(feature = "email")]
        assert_eq!(notice(r#"{"kind":"Failed","name":"x","mail":["a\r\nBcc: b",7]}"#), None);
        assert!(notice(r#"{"kind":"Failed","name":"x"}"#).is_some());
    }
}
