//! Mails of recorded runs.
use prefect::prelude::*;
use prefect::store::{Options, Store, StoreUrl};

use crate::server::{At, FakeSmtp, Received, Say};
use crate::{config, one_failure_with, section, settings};

/// The line of a mail that begins like this.
fn header(mail: &Received, name: &str) -> String {
    mail.text.lines().find(|line| line.starts_with(name)).unwrap().to_owned()
}

#[test]
fn a_mail_whose_answer_was_lost_is_sent_by_the_next_process_as_the_same_mail() {
    let folder = tempfile::tempdir().unwrap();
    let store = || Store::open(&StoreUrl::sqlite(folder.path().join("runs.db")), Options::default()).unwrap();
    let deaf = FakeSmtp::plain().always(At::Text, Say::Bye);
    let (_, line) = one_failure_with(settings(config(&section(&deaf))).store(store()));
    assert!(line.starts_with("notifications: 0 sent, 1 left for the next process (email: "), "{line}");
    let server = FakeSmtp::plain();
    let run = flow!("quiet", {}).with(settings(config(&section(&server))).store(store())).run();
    assert_eq!(run.notifications().to_string(), "notifications: 0 sent, 1 that were left before");
    let (first, last) = (&deaf.received()[0], &server.received()[0]);
    for name in ["Message-ID: ", "Date: ", "Subject: Prefect state change notification for load"] {
        assert_eq!(header(last, name), header(first, name));
    }
    assert!(last.text.contains("Message: disk full"), "{}", last.text);
}
