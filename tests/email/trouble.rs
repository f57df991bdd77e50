//! A server that is down, slow or strange: the run never notices, and the summary tells.
use std::net::{TcpListener, TcpStream};

use prefect::prelude::*;
use prefect::{Clock, RunSettings};
use prefect_tests::logs::Logs;
use tracing::Level;

use crate::server::{At, FakeSmtp, Say};
use crate::{config, one_failure, one_failure_with, section, settings, told};

fn not_sent(reason: &str) -> (StateKind, String) {
    (Failed, format!("notifications: 0 sent, 1 not sent (email: {reason})"))
}

fn sent() -> (StateKind, String) {
    (Failed, "notifications: 1 sent".to_owned())
}

const BUSY: Say = Say::This("421 4.7.0 come back later\r\n");

#[test]
fn a_server_that_comes_back_gets_the_mail() {
    for at in [At::Greeting, At::Ehlo, At::Auth, At::Mail, At::Rcpt, At::Data, At::Text] {
        for say in [BUSY, Say::Bye, Say::This("what is this\r\n"), Say::This("999 \u{7}\r\n"), Say::This("2\r\n")] {
            let server = FakeSmtp::plain().once(at, [say.clone()]);
            assert_eq!(one_failure(&server), sent(), "{say:?} at {at:?}");
        }
    }
}

#[test]
fn a_server_that_stays_down_is_named() {
    // Where a connection begins nobody listens: a port that was given back could be that of the next server of another test.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let kept = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = kept.local_addr().unwrap().port();
    let nobody = format!("[email]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n");
    let reason = format!("127.0.0.1:{port}: connection refused");
    assert_eq!(one_failure_with(settings(config(&nobody))), not_sent(&reason));

    let unknown = "[email]\nhost = \"no-such-host.invalid\"\n";
    let (kind, line) = one_failure_with(settings(config(unknown)));
    let (_, expected) = not_sent("no-such-host.invalid:465: host not found");
    assert_eq!((kind, &line), (Failed, &expected));

    let server = FakeSmtp::plain().always(At::Greeting, BUSY);
    assert_eq!(one_failure(&server), not_sent("421"));
    let server = FakeSmtp::plain().always(At::Greeting, Say::This("HTTP/1.1 400 Bad Request\r\n"));
    assert_eq!(one_failure(&server), not_sent(&format!("127.0.0.1:{}: no valid answer", server.port())));
    let server = FakeSmtp::plain().always(At::Ehlo, Say::Bye);
    assert_eq!(one_failure(&server), not_sent(&format!("127.0.0.1:{}: connection lost", server.port())));
    let server = FakeSmtp::plain().always(At::Data, Say::Bye);
    assert_eq!(one_failure(&server), not_sent(&format!("127.0.0.1:{}: connection lost", server.port())));
    assert!(server.connections() > 2, "nothing was sent, so it is tried again");
    // Once the mail is on its way nobody knows whether it arrived: a failure is sent once more, and no third time.
    let server = FakeSmtp::plain().always(At::Text, Say::Bye);
    assert_eq!(one_failure(&server), not_sent("connection lost"));
    assert_eq!(server.received().len(), 2);
}

#[test]
fn a_silent_server_is_given_up_after_the_timeout() {
    // Long enough for a busy machine to send a mail in; they are all waited for at once.
    let impatient = |server: &FakeSmtp| settings(config(&(section(server) + "timeout = \"3s\"\n")));
    std::thread::scope(|scope| {
        for at in [At::Greeting, At::Ehlo, At::Auth, At::Mail, At::Rcpt, At::Data, At::Text] {
            scope.spawn(move || {
                let server = FakeSmtp::plain().once(at, [Say::Nothing]);
                assert_eq!(one_failure_with(impatient(&server)), sent(), "{at:?}");
            });
        }
        let server = FakeSmtp::plain().always(At::Text, Say::Nothing);
        assert_eq!(one_failure_with(impatient(&server)), not_sent("timed out"));
    });
}

#[test]
fn the_end_of_a_run_waits_no_longer_than_the_deadline() {
    let server = FakeSmtp::plain().always(At::Greeting, Say::Nothing);
    let file = section(&server) + "timeout = \"1h\"\nflush_deadline = \"50ms\"\n";
    let run =
        flow!("f", { crate::fails() }).with(RunSettings::new().config(config(&file)).clock(Clock::system())).run();
    assert_eq!(told(&run), not_sent("timed out"));
}

/// What the configuration of the server, or of us, rules out: one mail is tried, and one line in the log says what to do.
#[test]
fn what_will_never_work_is_told_once_with_what_to_do() {
    #[task(state_handlers = [email_notifier])]
    fn fine() {}
    for (at, say, reason) in [
        (At::Greeting, "554 5.3.2 not you\r\n", "refused at the greeting"),
        (At::Ehlo, "250 fake.example\r\n", "the server offers no login by password"),
        (At::Auth, "535 5.7.8 Username and Password not accepted\r\n", "login refused"),
        (At::Mail, "553 5.7.1 not your address\r\n", "sender refused"),
        (At::Mail, "530 5.7.0 Must issue a STARTTLS command first\r\n", "the server wants a login or encryption"),
        (At::Rcpt, "550 5.1.1 no such user\r\n", "recipient refused"),
    ] {
        let server = FakeSmtp::plain().always(at, Say::This(say));
        let (line, logs) = Logs::of(|| {
            let flow = flow!("f", {
                fine();
                fine();
            })
            .with(settings(config(&section(&server))));
            told(&flow.run())
        });
        assert_eq!(line, (Success, format!("notifications: 0 sent, 4 not sent (email: {reason})")), "{reason}");
        let errors = logs.at(Level::ERROR);
        assert_eq!((errors.len(), server.connections()), (1, 1), "{errors:?}");
        // It is no single secret that is wrong.
        assert!(!errors[0].contains("secret="), "{errors:?}");
        let port = server.port();
        for part in
            [reason, &*format!("the mail server 127.0.0.1:{port}"), "`[email]`", "`EMAIL_PASSWORD`", "app password"]
        {
            assert!(errors[0].contains(part), "{part}: {errors:?}");
        }
        assert!(server.received().is_empty());
    }
}

#[test]
fn addresses_beyond_ascii_need_a_server_that_takes_them() {
    let server = FakeSmtp::plain();
    let file = section(&server) + "to = \"opés@example.org\"\n";
    assert_eq!(one_failure_with(settings(config(&file))), not_sent("the server takes no addresses beyond ASCII"));
    let server =
        FakeSmtp::plain().always(At::Ehlo, Say::This("250-fake.example\r\n250-AUTH PLAIN\r\n250 SMTPUTF8\r\n"));
    let file = section(&server) + "to = \"opés@example.org\"\n";
    assert_eq!(one_failure_with(settings(config(&file))), sent());
    assert!(server.heard().iter().any(|line| line == "RCPT TO:<opés@example.org>\r\n"), "{:?}", server.heard());
    assert!(server.heard().iter().any(|line| line.ends_with("SMTPUTF8\r\n")));
}

#[test]
fn a_connection_that_the_server_has_closed_is_opened_anew() {
    #[task(state_handlers = [email_notifier])]
    fn fine() {}
    let server = FakeSmtp::plain().once(At::Noop, [Say::Bye]);
    let run = flow!("f", {
        fine();
        fine();
    })
    .with(settings(config(&section(&server))))
    .run();
    assert_eq!(told(&run), (Success, "notifications: 4 sent".to_owned()));
    assert_eq!((server.received().len(), server.connections()), (4, 2));
}

#[test]
fn in_place_a_failure_is_the_error_of_the_handler() {
    const STRICT: EmailNotifier = email_notifier::only_states(&[Success]).on_delivery_failure(OnDeliveryFailure::Fail);
    #[task(name = "t", state_handlers = [STRICT])]
    fn fine() {}
    let state = |server: &FakeSmtp| {
        let run = flow!("f", { fine() }).with(settings(config(&section(server)))).run();
        let message = run.task_runs().next().unwrap().state.message().map(str::to_owned);
        (run.state().kind(), message.unwrap_or_default(), run.notifications().to_string())
    };
    let server = FakeSmtp::plain();
    assert_eq!(state(&server), (Success, "Task run succeeded.".to_owned(), "notifications: 1 sent".to_owned()));
    let server = FakeSmtp::plain().always(At::Text, Say::This("554 no\r\n"));
    let (kind, message, line) = state(&server);
    assert_eq!((kind, &*line), (Failed, "notifications: 0 sent, 1 not sent (email: 554)"));
    assert!(message.ends_with("Email notification for <Task: t> failed"), "{message}");
    let server = FakeSmtp::plain().always(At::Auth, Say::This("535 no\r\n"));
    let (kind, message, _) = state(&server);
    let port = server.port();
    let expected = format!("could not post to the mail server 127.0.0.1:{port} (email: login refused)");
    assert!(kind == Failed && message.ends_with(&expected), "{message}");
}

#[test]
fn a_missing_secret_is_one_warning_that_says_what_to_do() {
    #[task(state_handlers = [email_notifier])]
    fn fine() {}
    for (secrets, missing) in [
        ("", "EMAIL_USERNAME"),
        ("EMAIL_USERNAME = \"me@account.example\"\nEMAIL_PASSWORD = \" \"\n", "EMAIL_PASSWORD"),
    ] {
        let config = prefect::Config::builder().user_config(format!("[context.secrets]\n{secrets}")).build().unwrap();
        let (line, logs) = Logs::of(|| {
            told(
                &flow!("f", {
                    fine();
                })
                .with(settings(config))
                .run(),
            )
        });
        assert_eq!(line, (Success, format!("notifications: 0 sent, 2 not sent (no mail login: {missing})")));
        let warnings = logs.at(Level::WARN);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let name = format!("PREFECT__CONTEXT__SECRETS__{missing}");
        for part in ["[context.secrets]", &*format!("`{missing}`"), &*name] {
            assert!(warnings[0].contains(part), "{warnings:?}");
        }
    }
}
