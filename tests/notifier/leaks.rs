//! A webhook URL is nowhere to be seen, whatever goes wrong.
use std::panic::catch_unwind;
use std::time::Duration;

use prefect::__testing::Bench;
use prefect::StateKind::{Failed, Running};
use prefect::fake_slack::{Answer, FakeSlack, SlackError};
use prefect::{OnDeliveryFailure, SlackNotifier, State, slack_notifier};

use crate::HOOK;
use prefect_tests::logs::Logs;

const CANARY: &str = "c4n4ry";

/// All that a run shows of itself while its notifier has this URL and Slack answers so.
fn shown(url: &str, answer: Option<Answer>, slack: &FakeSlack) -> String {
    slack.always(answer.unwrap_or(Answer::AsSlack));
    let (texts, logs) = Logs::of(|| {
        let bench = Bench::options()
            .secret(HOOK, url)
            .redact(url)
            .flush_deadline(Duration::from_secs(100))
            .total_timeout(Duration::from_millis(100))
            .print_cards()
            .start();
        let task = bench.task("t");
        // A user's own panic text holds the URL.
        let panic = catch_unwind(|| std::panic::panic_any(format!("cannot post to {url}"))).unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap().clone();
        let state = State::failed(text.clone()).with_error(text);
        let mut texts = vec![format!("{bench:?} {task:?}")];
        for by in [SlackNotifier::DEFAULT, slack_notifier::webhook_secret("MISSING")] {
            for by in [by, by.on_delivery_failure(OnDeliveryFailure::Fail)] {
                let outcome = by.handle(&task, &State::new(Running), state.clone());
                texts.push(outcome.map_or_else(|e| format!("{e} {e:?} {e:#?}"), |_| String::new()));
                texts.push(format!("{by:?} {by:#?}"));
            }
        }
        let report = bench.finish();
        texts.push(format!("{report} {report:?} {bench:?} {:?}", bench.cards()));
        texts
    });
    let bodies: Vec<_> = slack.requests().iter().map(|r| r.body().to_owned()).collect();
    format!("{texts:#?}\n{}\n{bodies:#?}", logs.all())
}

#[test]
fn no_text_of_a_run_holds_the_url_of_its_webhook() {
    let elsewhere = FakeSlack::start();
    let answers = [
        Answer::AsSlack,
        Answer::Unavailable,
        Answer::RateLimited(200),
        Answer::Redirect(elsewhere.webhook_url_for(CANARY)),
        Answer::Error(SlackError::NoService),
        Answer::Error(SlackError::InvalidBlocks),
        Answer::Status(404, format!("no such page: /services/{CANARY}")),
        Answer::Hang,
        Answer::ResetAfterReading,
        Answer::Garbage,
        Answer::HalfResponse,
    ];
    for answer in answers {
        let slack = FakeSlack::start();
        let name = format!("{answer:?}").replace(CANARY, "..");
        let text = shown(&slack.webhook_url_for(CANARY), Some(answer), &slack);
        assert!(!text.contains(CANARY), "{name}: {text}");
        assert!(text.contains(HOOK) && text.contains("notifications: "), "{name}: {text}");
        assert!(text.contains("cannot post to [redacted]"), "{name}: {text}");
    }
    let nobody = FakeSlack::refused_url() + CANARY;
    for url in
        [&*nobody, "https://no-such-host.invalid/c4n4ry", "http://example.org/c4n4ry", "c4n4ry", "https://c4n4ry@x/"]
    {
        let text = shown(url, None, &FakeSlack::start());
        assert!(!text.contains(CANARY), "{}: {text}", url.replace(CANARY, ".."));
    }
}

#[test]
fn proxies_are_shown_by_their_schemes_only() {
    let by = slack_notifier::proxies(&[("https", "http://user:c4n4ry@proxy.example:3128")]);
    assert!(!format!("{by:?}").contains(CANARY) && format!("{by:?}").contains("https"));
    let bench = Bench::options().secret(HOOK, "https://slack.example/x").start();
    let bad = slack_notifier::proxies(&[("https", "http://user:c4n4ry@")]);
    let (report, logs) = Logs::of(|| {
        bad.handle(&bench.task("t"), &State::new(Running), State::new(Failed)).unwrap();
        bench.finish()
    });
    assert!(!format!("{report} {}", logs.all()).contains(CANARY));
}
