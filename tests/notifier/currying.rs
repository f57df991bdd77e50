//! Binding arguments early, and the filters.
use prefect::StateKind::{self, *};
use prefect::fake_slack::FakeSlack;
use prefect::{
    IntoStateHandler, OnDeliveryFailure, SlackNotifier, State, StateHandler, TaskError, Tracked, slack_notifier,
};

use crate::{HOOK, bench, call};

const ALERT: SlackNotifier = slack_notifier::only_states(&[Failed]);
const LOUD: SlackNotifier = ALERT.webhook_secret("X").ignore_states(&[TimedOut]);

const PROXIES: &[(&str, &str)] = &[("https", "http://proxy.example:3128")];

#[test]
fn all_spellings_of_one_binding_are_equal() {
    assert_eq!(slack_notifier::__kw().__call(), SlackNotifier::DEFAULT);
    assert_eq!(slack_notifier::__kw().only_states([Failed]).__call(), ALERT);
    assert_eq!(slack_notifier::__kw().only_states([Failed].as_slice()).__call(), ALERT);
    assert_eq!(slack_notifier::__kw().only_states(vec![Failed]).__call(), ALERT);
    let by_keywords = slack_notifier::__kw().ignore_states([TimedOut]).only_states([Failed]).webhook_secret("X");
    assert_eq!(by_keywords.__call(), LOUD);
    assert_eq!(slack_notifier::webhook_secret("X").ignore_states(&[TimedOut]).only_states(&[Failed]), LOUD);
    assert_eq!(
        slack_notifier::__kw()
            .proxies(&[("https", "http://proxy.example:3128")])
            .backend_info(false)
            .on_delivery_failure(OnDeliveryFailure::Fail)
            .__call(),
        slack_notifier::proxies(PROXIES).backend_info(false).on_delivery_failure(OnDeliveryFailure::Fail),
    );
    let shown = format!("{LOUD:?}");
    for part in ["only_states", "Failed", "TimedOut", "\"X\"", "backend_info: true"] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(format!("{:?}", LOUD.backend_info(false)).contains("backend_info: false"));
}

#[test]
fn a_later_value_wins_and_the_earlier_notifier_stays_as_it_was() {
    assert_eq!(ALERT.only_states(&[Success]).only_states(&[Failed]), ALERT);
    assert_eq!(LOUD.webhook_secret(HOOK).ignore_states(&[]), ALERT);
    let again = ALERT;
    assert_eq!(again, ALERT);
    assert_eq!(ALERT.only_states(&[]), SlackNotifier::DEFAULT);
}

#[test]
fn all_of_them_are_handlers() {
    fn handler<M, H: IntoStateHandler<M>>(handler: H) -> H::Handler {
        handler.into_handler()
    }
    fn own(object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
        let new = slack_notifier(object, old, new)?;
        ALERT.handle(object, old, new)
    }
    let slack = FakeSlack::start();
    let bench = bench(&slack);
    let task = bench.task("t");
    let (old, new) = (State::new(Running), State::failed("bad"));
    let keywords = slack_notifier::__kw().only_states([Failed]).__call();
    for kind in [
        handler(slack_notifier).handle(&task, &old, new.clone()),
        handler(ALERT).handle(&task, &old, new.clone()),
        handler(keywords).handle(&task, &old, new.clone()),
        handler(own).handle(&task, &old, new.clone()),
    ] {
        assert_eq!(kind.unwrap().message(), Some("bad"));
    }
    assert_eq!(bench.finish().to_string(), "notifications: 5 sent");
}

/// The kinds that a notifier with these filters posts.
fn posted(by: SlackNotifier) -> Vec<StateKind> {
    let slack = FakeSlack::start();
    let bench = bench(&slack);
    let task = bench.task("t");
    for kind in StateKind::ALL {
        call(by, &task, kind).unwrap();
    }
    let sent = usize::try_from(bench.finish().sent()).unwrap();
    let kinds =
        slack.requests().into_iter().map(|r| r.json()["attachments"][0]["title"].as_str().unwrap().parse().unwrap());
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(kinds.len(), sent);
    kinds
}

#[test]
fn kinds_bring_their_special_cases_and_ignoring_wins() {
    assert_eq!(posted(ALERT), [Failed, TimedOut, TriggerFailed, ValidationFailed, Crashed]);
    assert_eq!(posted(slack_notifier::only_states(&[Success, Paused])), [Paused, Success, Cached, Mapped, Skipped]);
    assert_eq!(posted(slack_notifier::only_states(&[Scheduled])), [Scheduled, Paused, Resume, Retrying]);
    assert_eq!(posted(ALERT.ignore_states(&[TimedOut])), [Failed, TriggerFailed, ValidationFailed, Crashed]);
    assert_eq!(posted(ALERT.ignore_states(&[Finished])), []);
    assert_eq!(posted(slack_notifier::ignore_states(&[Finished, Pending])).len(), 6);
    assert_eq!(posted(slack_notifier::only_states(&[])), StateKind::ALL);
    assert_eq!(posted(SlackNotifier::DEFAULT), StateKind::ALL);
    assert_eq!(posted(slack_notifier::ignore_states(&[StateKind::State])), []);
}
