//! Mails as they arrive.
use mailparse::{MailHeaderMap as _, ParsedMail};
use prefect::prelude::*;

use crate::server::{At, FakeSmtp, Received, Say};
use crate::{PASSWORD, USER, config, one_failure, section, settings, told};

type Pairs = Vec<(String, String)>;

/// The headers with their values, and the types of the parts with their texts.
fn read(mail: &Received) -> (Pairs, Pairs) {
    let parsed = mailparse::parse_mail(mail.text.as_bytes()).unwrap();
    let headers = parsed.headers.iter().map(|header| (header.get_key(), header.get_value()));
    let part = |part: &ParsedMail<'_>| (part.ctype.mimetype.clone(), part.get_body().unwrap().replace("\r\n", "\n"));
    let parts =
        if parsed.subparts.is_empty() { vec![part(&parsed)] } else { parsed.subparts.iter().map(part).collect() };
    (headers.collect(), parts)
}

#[test]
fn the_whole_mail() {
    let server = FakeSmtp::plain();
    assert_eq!(one_failure(&server), (Failed, "notifications: 1 sent".to_owned()));
    let received = server.received();
    assert_eq!(received.len(), 1);
    let mail = &received[0];
    assert_eq!((&*mail.from, &mail.to[..], mail.encrypted), (USER, &[USER.to_owned()][..], false));
    assert_eq!(mail.login, Some((USER.to_owned(), PASSWORD.to_owned())));

    let (headers, parts) = read(mail);
    let value = |name: &str| {
        let mut values = headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone());
        (values.next().unwrap_or_else(|| panic!("no {name}")), values.next()).0
    };
    assert_eq!(value("From"), USER);
    assert_eq!(value("To"), USER);
    assert_eq!(value("Subject"), "Prefect state change notification for load");
    assert_eq!(value("Date"), "Wed, 04 Mar 2026 05:06:07 +0000");
    assert_eq!(value("Auto-Submitted"), "auto-generated");
    let id = value("Message-ID");
    assert!(id.starts_with('<') && id.ends_with("@account.example>"), "{id}");
    assert!(value("Content-Type").starts_with("multipart/alternative"));
    assert_eq!(headers.len(), 8, "{headers:?}");

    let text = "load is now in a Failed state\n\nMessage: disk full\n";
    assert_eq!(parts[0], ("text/plain".to_owned(), text.to_owned()));
    let html = "<!DOCTYPE html>\n<html>\n<body>\n\
        <div style=\"border-left: 4px solid #eb0000; padding: 4px 12px; font-family: sans-serif\">\n\
        <p>load is now in a <b style=\"color: #eb0000\">Failed</b> state</p>\n\
        <p>Message:</p>\n<pre style=\"white-space: pre-wrap\">disk full</pre>\n\
        </div>\n</body>\n</html>\n";
    assert_eq!(parts[1], ("text/html".to_owned(), html.to_owned()));
    assert_eq!(parts.len(), 2);
}

#[test]
fn every_kind_has_its_colour_and_a_message_is_no_preformatted_text() {
    #[task(name = "t", state_handlers = [email_notifier])]
    fn fine() -> i64 {
        1
    }
    let server = FakeSmtp::plain();
    let run = flow!("f", state_handlers = [email_notifier(only_states = [Success])], { fine() })
        .with(settings(config(&section(&server))))
        .run();
    assert_eq!(told(&run), (Success, "notifications: 3 sent".to_owned()));
    let texts: Vec<_> = server.received().iter().map(|mail| read(mail).1).collect();
    let colours =
        [("t", Running, "Starting task run."), ("t", Success, "Task run succeeded."), ("f", Success, "All ref")];
    for (parts, (name, kind, said)) in texts.iter().zip(colours) {
        assert!(parts[0].1.starts_with(&format!("{name} is now in a {kind} state\n\nMessage: {said}")), "{parts:?}");
        let colour = kind.color();
        assert!(parts[1].1.contains(&format!("solid {colour};")), "{parts:?}");
        assert!(parts[1].1.contains(&format!("<p style=\"white-space: pre-wrap\">Message: {said}")), "{parts:?}");
    }
    assert_eq!(texts.len(), 3);
    // One connection and one login are enough.
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_link_leads_to_the_run_where_a_ui_is_configured() {
    #[task(state_handlers = [email_notifier(only_states = [Success]), email_notifier(only_states = [Success], backend_info = false)])]
    fn fine() {}
    let server = FakeSmtp::plain();
    let file = format!("[ui]\nurl = \"https://ui.example/?a=1&b=2\"\n{}", section(&server));
    flow!("f", { fine() }).with(settings(config(&file))).run();
    let (with, without) = (read(&server.received()[0]).1, read(&server.received()[1]).1);
    let line = with[0].1.lines().last().unwrap();
    assert!(line.starts_with("https://ui.example/?a=1&b=2/flow-run/"), "{with:?}");
    let link = line.replace('&', "&amp;");
    assert!(with[1].1.contains(&format!("<p><a href=\"{link}\">{link}</a></p>")), "{with:?}");
    assert!(!format!("{without:?}").contains("https://"), "{without:?}");
}

#[test]
fn names_and_texts_break_out_of_nothing() {
    const NAME: &str = "a\r\nBcc: all@evil.example\r\n\r\n<b>\u{202e}\"x\" é 国";
    #[task(name = NAME, state_handlers = [email_notifier(only_states = [Failed])])]
    fn nasty() -> Result<(), String> {
        Err("</pre><script>x(\"&amp;\", 'y')</script>\n.\n.. dots\r\nQUIT\x1b[2J\t\0end".to_owned())
    }
    let server = FakeSmtp::plain();
    let run = flow!("f", { nasty() }).with(settings(config(&section(&server)))).run();
    assert_eq!(told(&run).1, "notifications: 1 sent");
    let received = server.received();
    assert_eq!(received[0].to, [USER]);
    let parsed = mailparse::parse_mail(received[0].text.as_bytes()).unwrap();
    let shown = r#"a\r\nBcc: all@evil.example\r\n\r\n<b>\u{202e}"x" é 国"#;
    let subject = parsed.headers.get_first_value("Subject").unwrap();
    assert_eq!(subject, format!("Prefect state change notification for {shown}"));
    assert!(parsed.headers.get_first_value("Bcc").is_none());
    assert!(received[0].text.lines().all(|line| line.len() <= 998 && line.is_ascii()), "{}", received[0].text);

    let (_, parts) = read(&received[0]);
    let said = "</pre><script>x(\"&amp;\", 'y')</script>\n.\n.. dots\nQUIT\\u{1b}[2J\\t\\u{0}end";
    assert_eq!(parts[0].1, format!("{shown} is now in a Failed state\n\nMessage: {said}\n"));
    let escaped = said.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let escaped = escaped.replace('"', "&quot;").replace('\'', "&#39;");
    assert!(parts[1].1.contains(&format!("<pre style=\"white-space: pre-wrap\">{escaped}</pre>")), "{}", parts[1].1);
    assert!(!parts[1].1.contains("<script") && parts[1].1.contains("&lt;b&gt;"), "{}", parts[1].1);
}

#[test]
fn long_texts_are_cut() {
    #[task(name = "n".repeat(5_000), state_handlers = [email_notifier(only_states = [Failed])])]
    fn long() -> Result<(), String> {
        Err("x".repeat(100_000))
    }
    let server = FakeSmtp::plain();
    flow!("f", { long() }).with(settings(config(&section(&server)))).run();
    let mail = &server.received()[0];
    assert!(mail.text.len() < 12_000, "{}", mail.text.len());
    assert!(read(mail).1[0].1.ends_with("xxx…\n"));
}

#[test]
fn a_mail_that_is_sent_again_is_the_same_mail_and_a_refused_one_comes_once_more_as_text() {
    let id =
        |mail: &Received| mailparse::parse_mail(mail.text.as_bytes()).unwrap().headers.get_first_value("Message-ID");
    let server = FakeSmtp::plain().once(At::Text, [Say::Bye]);
    assert_eq!(one_failure(&server).1, "notifications: 1 sent");
    let received = server.received();
    assert_eq!(received.len(), 2, "the answer to the first was lost");
    assert!(id(&received[0]).is_some() && id(&received[0]) == id(&received[1]));
    assert_eq!(
        received[0].text.lines().find(|l| l.starts_with("Date")),
        received[1].text.lines().find(|l| l.starts_with("Date"))
    );

    let server = FakeSmtp::plain().once(At::Text, [Say::This("554 5.7.1 no HTML here\r\n")]);
    assert_eq!(one_failure(&server).1, "notifications: 1 sent");
    let forms: Vec<_> = server.received().iter().map(|mail| read(mail).1).collect();
    assert_eq!((forms[0].len(), forms[1].len()), (2, 1));
    // SMTP ends a mail with a line break of its own.
    assert_eq!(forms[0][0].1.trim_end(), forms[1][0].1.trim_end(), "the same words");
    assert_eq!(forms[1][0].0, "text/plain");
    assert_eq!(id(&server.received()[0]), id(&server.received()[1]));
}
