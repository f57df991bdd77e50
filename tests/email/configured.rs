//! The section `[email]`: what it sets, what it refuses, and what follows from what.
use prefect::Config;
use prefect::prelude::*;

use crate::server::FakeSmtp;
use crate::{config, one_failure_with, section, settings, told};

#[test]
fn sender_and_recipients_come_from_the_file_and_from_the_environment() {
    let server = FakeSmtp::plain();
    let file =
        section(&server) + "from = \"Flows <flows@example.org>\"\nto = [\"a@example.org\", \"B <b@example.org>\"]\n";
    one_failure_with(settings(config(&file)));
    let environment = [
        ("PREFECT__EMAIL__TO", "c@example.org, d@example.org"),
        ("PREFECT__CONTEXT__SECRETS__EMAIL_USERNAME", "not an address"),
        ("PREFECT__CONTEXT__SECRETS__EMAIL_PASSWORD", "'1234'"),
    ];
    let by_environment = Config::builder().user_config(file).environment(environment).build().unwrap();
    one_failure_with(settings(by_environment));
    let received = server.received();
    assert_eq!(received[0].from, "flows@example.org");
    assert_eq!(received[0].to, ["a@example.org", "b@example.org"]);
    assert!(received[0].text.contains("From: Flows <flows@example.org>\r\n"), "{}", received[0].text);
    assert!(received[0].text.contains("To: a@example.org, B <b@example.org>\r\n"), "{}", received[0].text);
    assert_eq!(received[1].to, ["c@example.org", "d@example.org"]);
    assert_eq!(received[1].login, Some(("not an address".to_owned(), "'1234'".to_owned())), "as it is written");
}

#[test]
fn a_relay_that_wants_no_login_needs_no_secret() {
    let server = FakeSmtp::plain();
    let file = section(&server) + "login = false\nfrom = \"flows@localhost\"\nto = \"root@localhost\"\n";
    let config = Config::builder().user_config(file).build().unwrap();
    assert_eq!(one_failure_with(settings(config)), (Failed, "notifications: 1 sent".to_owned()));
    assert_eq!(server.received()[0].login, None);
    assert!(!server.heard().iter().any(|line| line.starts_with("AUTH")), "{:?}", server.heard());
}

#[test]
fn a_user_name_that_is_no_address_needs_a_sender_and_a_recipient() {
    #[task(state_handlers = [email_notifier])]
    fn fine() {}
    let server = FakeSmtp::plain();
    for (lines, key, reason) in [("", "to", "no recipient"), ("to = \"a@example.org\"\n", "from", "no sender")] {
        let config = Config::builder()
            .user_config(section(&server) + lines)
            .secret("EMAIL_USERNAME", "apikey")
            .secret("EMAIL_PASSWORD", "x")
            .build()
            .unwrap();
        let (line, logs) = prefect_tests::logs::Logs::of(|| told(&flow!("f", { fine() }).with(settings(config)).run()));
        assert_eq!(line, (Success, format!("notifications: 0 sent, 2 not sent (email: {reason})")));
        let errors = logs.at(tracing::Level::ERROR);
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].contains(&format!("set `{key}` in the section `[email]`")), "{errors:?}");
    }
}

#[test]
fn values_that_cannot_be_meant_are_errors_at_their_place() {
    for (line, expected) in [
        (
            "host = \"smtp://x.example\"",
            "expected the name of a mail server, without scheme and port, found `smtp://x.example`",
        ),
        ("host = \"x.example:25\"", "without scheme and port"),
        ("host = \"\"", "the name of a mail server"),
        ("host = \"x.example y\"", "the name of a mail server"),
        ("host = \"[x]\"", "the name of a mail server"),
        ("port = 0", "expected a whole number from 1 to 65535, found `0`"),
        ("port = 70000", "expected a whole number from 1 to 65535"),
        ("tls = \"ssl\"", "expected \"implicit\" (from the start, port 465), \"starttls\" (port 587) or \"none\""),
        ("tls = \"none\"", "would send mail and password in clear"),
        ("tls = \"none\"\nhost = \"127.0.0.1.example\"", "would send mail and password in clear"),
        ("from = \"ops\"", "expected one mail address, found `ops`"),
        ("from = \"a@b.example, c@d.example\"", "expected one mail address"),
        ("from = \"a@b.example\\r\\nBcc: c@d.example\"", "expected one mail address, found a text of"),
        ("to = [\"a@b.example\", 1]", "expected mail addresses"),
        ("to = \"\"", "expected mail addresses"),
        ("login = \"maybe\"", "expected true or false"),
        ("timeout = 0", "expected a time from 1ms to 1h"),
        ("flush_deadline = \"soon\"", "expected seconds or a duration"),
    ] {
        let error = Config::builder().user_config(format!("[email]\n{line}\n")).build().unwrap_err().to_string();
        let key = line.split(' ').next().unwrap();
        assert!(error.starts_with("config.toml:2:") && error.contains(&format!("key `email.{key}`")), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_password_in_the_wrong_section_is_told_and_hidden() {
    let file = "[email]\npassword = \"s3cr3t-c4n4ry\"\nuser = \"u53r-c4n4ry\"\nhots = \"x.example\"\ntoken = \"t0k3n-c4n4ry\"\n";
    let config = Config::builder().user_config(file).build().unwrap();
    let warnings: Vec<_> = config.warnings().iter().map(ToString::to_string).collect();
    let told = |part: &str| assert!(warnings.iter().any(|warning| warning.contains(part)), "{part}: {warnings:#?}");
    told("key `email.password` is unknown: did you mean `context.secrets.EMAIL_PASSWORD`?");
    told("key `email.user` is unknown: did you mean `context.secrets.EMAIL_USERNAME`?");
    told("key `email.hots` is unknown: did you mean `email.host`?");
    for canary in ["s3cr3t-c4n4ry", "u53r-c4n4ry", "t0k3n-c4n4ry"] {
        assert!(!config.redactor().redact(canary).contains(canary));
    }
}
