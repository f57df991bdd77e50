//! `slack`, and notifiers that find their webhooks in the database.
use prefect::fake_slack::{Answer, FakeSlack, SlackError};
use serde_json::Value as Json;

use super::canary::nowhere;
use super::{done, piped, refused, secretive};
use crate::program::{Home, ran};

#[test]
fn webhooks_are_added_listed_and_tried() {
    let home = Home::new();
    let slack = FakeSlack::start();
    let url = slack.webhook_url_for("c4n4ry-hook-of-alerts");
    let added = done(&home, &["slack", "add", "ALERTS", "--channel", "#alerts"], &format!(" {url} \n"));
    assert!(added.starts_with("kept `ALERTS`: try `") && added.contains("slack_notifier(webhook_secret = \"ALERTS\")"));
    let other = slack.webhook_url_for("other");
    done(&home, &["slack", "add", "OTHER"], &other);
    done(&home, &["secrets", "set", "NO_HOOK"], "text");
    let listed = done(&home, &["slack", "list"], "");
    let json = done(&home, &["slack", "list", "--json"], "");
    assert!(!listed.contains("c4n4ry") && !json.contains("c4n4ry") && !listed.contains("NO_HOOK"), "{listed}{json}");
    let json: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json[0]["name"], &json[0]["channel"], &json[1]["channel"]),
        (&"ALERTS".into(), &"#alerts".into(), &Json::Null)
    );
    assert!(json[0]["webhook"].as_str().unwrap().ends_with("/…"), "{json}");
    let said = done(&home, &["slack", "test", "ALERTS"], "");
    assert_eq!(said, "delivered: look for \"Test message from prefect\" in #alerts\n");
    let posted = slack.requests();
    assert_eq!(posted.len(), 1);
    assert_eq!(posted[0].body(), r#"{"text":"Test message from prefect"}"#);
    for (answer, told) in [
        (Answer::Error(SlackError::NoService), "the webhook was removed or switched off in Slack (no_service)"),
        (Answer::Error(SlackError::ChannelIsArchived), "the channel of the webhook is gone or archived"),
        (Answer::Status(404, String::new()), "the webhook was removed, or its URL is not whole (404)"),
        (Answer::RateLimited(7), "Slack has had too many messages: try again in 7 s"),
        (Answer::Unavailable, "Slack gave no proper answer (slack: 503): try again later"),
    ] {
        slack.script([answer]);
        let ran = piped(&home, &["slack", "test", "ALERTS"], "", &[]);
        assert_eq!((ran.code, &*ran.out), (Some(1), ""), "{told}: {ran:?}");
        assert!(
            ran.err.starts_with(&format!("error: not delivered: {told}")) && !ran.err.contains("c4n4ry"),
            "{ran:?}"
        );
    }
    for bad in ["", "not a url", "http://hooks.slack.com/services/T0/B0/hunter2"] {
        let error = refused(&home, &["slack", "add", "BAD"], bad, &[]);
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert!(refused(&home, &["slack", "add", "ALERTS"], &other, &[]).contains("there is a secret `ALERTS` already"));
    // A webhook stays one, with its channel.
    assert!(refused(&home, &["secrets", "set", "ALERTS"], "text", &[]).contains("is not a webhook URL"));
    done(&home, &["secrets", "set", "ALERTS"], &other);
    assert!(done(&home, &["slack", "list"], "").contains("#alerts"));
    assert!(refused(&home, &["slack", "test", "NOPE"], "", &[]).contains("there is no secret `NOPE`"));
    nowhere(&home, "c4n4ry-hook-of-alerts");
}

/// `slack_notifier` finds its webhook in the database, and one that is bound to another name finds that.
#[test]
fn notifiers_find_their_webhooks_in_the_database() {
    let home = Home::new();
    let slack = FakeSlack::start();
    let url = slack.webhook_url_for("c4n4ry-hook");
    done(&home, &["secrets", "set", "SLACK_WEBHOOK_URL"], &url);
    let told = ran(&mut secretive(&home, "told"));
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(!slack.requests().is_empty(), "{told:?}");
    done(&home, &["slack", "add", "ALERTS"], &slack.webhook_url_for("alerts"));
    let before = slack.requests().len();
    let told = ran(&mut secretive(&home, "told elsewhere"));
    let new = slack.requests().split_off(before);
    assert!(told.code == Some(0) && new.iter().all(|request| request.path().ends_with("alerts")), "{told:?} {new:?}");
    assert!(!new.is_empty());
    nowhere(&home, "c4n4ry-hook");
    // What is no webhook is refused before the run.
    done(&home, &["secrets", "set", "SLACK_WEBHOOK_URL"], "ftp://hooks.slack.com/hunter2");
    let failed = ran(&mut secretive(&home, "told"));
    assert!(failed.out.contains("the secret `SLACK_WEBHOOK_URL` is not a webhook URL"), "{failed:?}");
    assert!(failed.code == Some(1) && !failed.out.contains("hunter2"), "{failed:?}");
}
