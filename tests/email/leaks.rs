//! User name and password are nowhere to be seen, whatever goes wrong.
use prefect::Config;
use prefect::prelude::*;
use prefect_tests::logs::Logs;

use crate::server::{At, FakeSmtp, Say};
use crate::{section, settings};

const USER: &str = "u53r-c4n4ry@account.example";
const PASSWORD: &str = "p4ss-c4n4ry";

/// All that a run shows of itself, its mails but for their addresses included.
fn shown(server: &FakeSmtp, config: &Config) -> String {
    const STRICT: EmailNotifier = email_notifier::on_delivery_failure(OnDeliveryFailure::Fail);
    // A user's own text holds them.
    #[task(name = "load", state_handlers = [email_notifier, STRICT])]
    fn tells() -> Result<(), String> {
        Err(format!("cannot log in as {USER} with {PASSWORD}"))
    }
    let (texts, logs) = Logs::of(|| {
        let run = flow!("f", { tells() }).with(settings(config.clone())).run();
        // The error itself is the user's own, and shown as it is to whoever asks for it.
        let messages: Vec<_> = run.task_runs().map(|task| task.state.message().map(str::to_owned)).collect();
        format!("{run:?} {messages:?} {} {:?} {STRICT:?}", run.notifications(), run.notifications())
    });
    let mails: Vec<_> =
        server.received().iter().map(|mail| mail.text.split_once("\r\n\r\n").unwrap().1.to_owned()).collect();
    format!("{texts}\n{}\n{config:?} {:?}\n{mails:#?}", logs.all(), config.settings())
}

#[test]
fn no_text_of_a_run_holds_the_login() {
    // A server that quotes what it was given.
    const QUOTES: Say = Say::This("535 5.7.8 u53r-c4n4ry@account.example p4ss-c4n4ry no\r\n");
    const GARBAGE: Say = Say::This("u53r-c4n4ry p4ss-c4n4ry\r\n");
    const NOT_NOW: Say = Say::This("450 u53r-c4n4ry p4ss-c4n4ry\r\n");
    let mut mailed = false;
    for at in [At::Greeting, At::Ehlo, At::Auth, At::Mail, At::Rcpt, At::Data, At::Text] {
        for say in [Say::Yes, QUOTES, GARBAGE, NOT_NOW, Say::Bye] {
            let name = format!("{at:?}");
            let server = FakeSmtp::plain().always(at, say);
            let config = Config::builder()
                .user_config(section(&server))
                .secret("EMAIL_USERNAME", USER)
                .secret("EMAIL_PASSWORD", PASSWORD)
                .build()
                .unwrap();
            let text = shown(&server, &config);
            assert!(!text.contains("c4n4ry"), "{name}: {text}");
            assert!(text.contains("notifications: "), "{name}: {text}");
            mailed |= !server.received().is_empty();
        }
    }
    assert!(mailed);
}
