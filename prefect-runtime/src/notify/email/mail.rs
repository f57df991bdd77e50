//! What a mail says: Prefect's subject and words, as text and as HTML.
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{MultiPart, SinglePart};

use super::Recipients;
use super::account::Account;
use crate::notify::notice::{Notice, Said, histogram};
use crate::notify::route::Form;
use crate::plain::plain;

/// The notice as a mail of this account. The same notice is the same mail, however often it is sent.
pub(crate) fn mail(notice: &Notice, form: Form, account: &Account) -> Result<Message, lettre::error::Error> {
    // A line break in a name would begin a header of its own; other controls have no business in one either.
    let name = plain(&notice.name);
    let domain = account.from.email.domain();
    let mut message = Message::builder()
        .from(account.from.clone())
        .subject(subject(&name))
        .date(date(notice.stamp.at))
        .message_id(Some(format!("<{}@{domain}>", notice.stamp.id)))
        // So that nobody's "out of office" answers.
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()));
    for to in &account.to {
        message = message.to(to.clone());
    }
    match form {
        Form::Full => message.multipart(MultiPart::alternative_plain_html(text(notice, &name), html(notice, &name))),
        Form::Plain => {
            let part = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text(notice, &name));
            message.singlepart(part)
        }
    }
}

/// The words of the mail, for somebody who takes it in the server's place.
pub(crate) fn payload(recipients: Recipients, notice: &Notice) -> serde_json::Value {
    let name = plain(&notice.name);
    serde_json::json!({
        "to": recipients.0,
        "subject": subject(&name),
        "text": text(notice, &name),
        "html": html(notice, &name),
    })
}

fn subject(name: &str) -> String {
    format!("Prefect state change notification for {name}")
}

/// Mail has no dates before 1970, which a virtual clock can show.
fn date(at: jiff::Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(at.as_second().try_into().unwrap_or_default())
}

fn text(notice: &Notice, name: &str) -> String {
    let mut text = notice.headline(name) + "\n";
    match &notice.said {
        Said::Nothing => {}
        Said::Message(said) | Said::Error(said) => {
            let _ = write!(text, "\nMessage: {}\n", readable(said));
        }
        Said::Many { causes, .. } => {
            let _ = write!(text, "\n{}\n", readable(&histogram(causes)));
        }
    }
    if let Some(link) = &notice.link {
        let _ = write!(text, "\n{link}\n");
    }
    text
}

fn html(notice: &Notice, name: &str) -> String {
    let (kind, color) = (notice.kind, notice.kind.color());
    let mut html = format!(
        "<!DOCTYPE html>\n<html>\n<body>\n\
         <div style=\"border-left: 4px solid {color}; padding: 4px 12px; font-family: sans-serif\">\n\
         <p>{}</p>\n",
        match notice.said {
            Said::Many { .. } => notice.headline(&escaped(name)),
            _ => format!("{} is now in a <b style=\"color: {color}\">{kind}</b> state", escaped(name)),
        }
    );
    match &notice.said {
        Said::Nothing => {}
        Said::Message(said) => {
            let _ = writeln!(html, "<p style=\"white-space: pre-wrap\">Message: {}</p>", escaped(&readable(said)));
        }
        Said::Error(said) => {
            let said = escaped(&readable(said));
            let _ = writeln!(html, "<p>Message:</p>\n<pre style=\"white-space: pre-wrap\">{said}</pre>");
        }
        Said::Many { causes, .. } => {
            let _ =
                writeln!(html, "<pre style=\"white-space: pre-wrap\">{}</pre>", escaped(&readable(&histogram(causes))));
        }
    }
    if let Some(link) = &notice.link {
        let link = escaped(link);
        let _ = writeln!(html, "<p><a href=\"{link}\">{link}</a></p>");
    }
    html.push_str("</div>\n</body>\n</html>\n");
    html
}

/// The text with its lines, and with no other control characters.
fn readable(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n")
}

/// Nothing in it means anything to HTML, inside an element or in the quotes of an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
