//! Delivery as it runs: the real thread, a virtual clock, and a transport that is a script.
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::thread;

use super::service::{MissingSecret, Service};
use super::slack::transport::{Reply, SendError, Sending, Transport};
use super::testing_services::with;
use super::*;
use crate::StateKind::{Failed, Running, Success};
use crate::TrackedKind;

const SECOND: Tick = 1_000_000_000;

type Answers = dyn Fn(usize) -> Result<Reply, SendError> + Send + Sync;

#[allow(clippy::unnecessary_wraps, reason = "it is what a transport gives")]
fn reply(status: u16, body: &str) -> Result<Reply, SendError> {
    Ok(Reply { status, body: body.to_owned(), retry_after: None })
}

/// Answers by script, after a few polls, and notes when it was asked.
struct Script {
    clock: Clock,
    asked: Arc<Mutex<Vec<(Tick, String)>>>,
    answers: Arc<Answers>,
}

impl Transport for Script {
    fn post(&self, body: String) -> Sending {
        let asked_at = self.clock.now();
        let number = {
            let mut asked = lock(&self.asked);
            asked.push((asked_at, body));
            asked.len()
        };
        let outcome = (self.answers)(number);
        let clock = self.clock.clone();
        Box::pin(async move {
            for _ in 0..20 {
                tokio::task::yield_now().await;
                assert_eq!(clock.now(), asked_at, "time moved while a message was in flight");
            }
            outcome
        })
    }
}

struct Bench {
    clock: Clock,
    notifications: Notifications,
    asked: Arc<Mutex<Vec<(Tick, String)>>>,
}

fn bench(answers: impl Fn(usize) -> Result<Reply, SendError> + Send + Sync + 'static) -> Bench {
    bench_with(DeliverySettings::default(), answers)
}

fn bench_with(
    settings: DeliverySettings,
    answers: impl Fn(usize) -> Result<Reply, SendError> + Send + Sync + 'static,
) -> Bench {
    let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
    let asked = Arc::<Mutex<Vec<_>>>::default();
    let (shared, for_script, answers) = (Arc::clone(&asked), clock.clone(), Arc::new(answers));
    let settings = DeliverySettings {
        resolve_secret: Arc::new(|name| match name {
            "MISSING" => None,
            "BAD" => Some("canary of no kind".to_owned()),
            _ => Some("https://slack.example/services/canary".to_owned()),
        }),
        connect: Arc::new(move |_| {
            let answers = Arc::<_>::clone(&answers) as Arc<Answers>;
            Ok(Arc::new(Script { clock: for_script.clone(), asked: Arc::clone(&shared), answers }))
        }),
        jitter_seed: 3,
        ..settings
    };
    Bench { notifications: Notifications::new(clock.clone(), settings), clock, asked }
}

impl Bench {
    fn tracked(&self) -> Tracked {
        with(self.notifications.clone(), TrackedKind::Task, "t")
    }

    /// Sends these, all at one moment.
    fn push(&self, by: SlackNotifier, kinds: impl IntoIterator<Item = crate::StateKind>) {
        let busy = self.clock.busy();
        let object = self.tracked();
        for kind in kinds {
            by.handle(&object, &State::new(kind), State::new(kind)).unwrap();
        }
        drop(busy);
    }

    /// The same for so many tasks, once each.
    fn push_of_many(&self, tasks: usize, kind: crate::StateKind) {
        let busy = self.clock.busy();
        for task in 0..tasks {
            let object = with(self.notifications.clone(), TrackedKind::Task, &format!("t{task}"));
            SlackNotifier::DEFAULT.handle(&object, &State::new(kind), State::new(kind)).unwrap();
        }
        drop(busy);
    }

    fn finish(&self) -> String {
        self.finish_holding(())
    }

    /// No time passes before the end.
    fn finish_holding(&self, busy: impl Sized) -> String {
        self.notifications.finish(self.clock.now(), busy).to_string()
    }

    fn seconds(&self) -> Vec<Tick> {
        lock(&self.asked).iter().map(|(at, _)| at / SECOND).collect()
    }
}

#[test]
fn a_backlog_goes_out_at_one_a_second_of_virtual_time() {
    let bench = bench(|_| reply(200, "ok"));
    let busy = bench.clock.busy();
    bench.push_of_many(361, Running);
    assert_eq!(bench.finish_holding(busy), "notifications: 361 sent");
    let seconds = bench.seconds();
    assert_eq!(seconds[..12], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!(seconds.last(), Some(&351));
}

#[test]
fn many_of_one_task_and_state_are_told_together_and_all_are_counted() {
    let bench = bench(|_| reply(200, "ok"));
    let busy = bench.clock.busy();
    bench.push(SlackNotifier::DEFAULT, [Running; 5000]);
    bench.push(SlackNotifier::DEFAULT, [Failed; 3]);
    assert_eq!(bench.finish_holding(busy), "notifications: 14 sent (of 5003 state changes)");
    assert_eq!(bench.seconds(), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
    assert!(lock(&bench.asked)[13].1.contains("t: 4990 more in a Running state"));
}

#[test]
fn while_a_run_goes_on_what_is_told_together_is_told_now_and_then() {
    let bench = bench(|_| reply(200, "ok"));
    for _ in 0..2_000 {
        bench.push(SlackNotifier::DEFAULT, [Failed]);
        bench.clock.sleep_blocking(Duration::from_secs(1));
    }
    assert_eq!(bench.finish(), "notifications: 15 sent (of 2000 state changes)");
}

#[test]
fn what_is_told_together_is_lost_together_if_it_cannot_be_sent() {
    let bench = bench(|_| reply(404, "no_service"));
    bench.push(SlackNotifier::DEFAULT, [Failed; 400]);
    assert_eq!(bench.finish(), "notifications: 0 sent, 400 not sent (slack: no_service)");
    assert_eq!(bench.seconds(), [0]);
}

#[test]
fn time_goes_on_between_messages_and_the_run_is_not_held_up() {
    let bench = bench(|n| if n == 1 { reply(429, "rate_limited") } else { reply(200, "ok") });
    bench.push(SlackNotifier::DEFAULT, [Running, Success]);
    bench.clock.sleep_blocking(Duration::from_hours(1));
    assert_eq!(bench.clock.now(), 3600 * SECOND);
    bench.push(SlackNotifier::DEFAULT, [Failed]);
    assert_eq!(bench.finish(), "notifications: 3 sent");
    assert_eq!(bench.seconds(), [0, 1, 2, 3600]);
}

#[test]
fn one_destination_in_trouble_does_not_hold_up_another() {
    let bench = bench(|_| reply(200, "ok"));
    let other = bench_with(DeliverySettings::default(), |_| reply(503, ""));
    // Two transports in one run: by the secret's name.
    let by_secret = {
        let good = Arc::clone(&bench.notifications.0.settings.connect);
        let bad = Arc::clone(&other.notifications.0.settings.connect);
        DeliverySettings {
            resolve_secret: Arc::new(|_| Some("https://slack.example/x".to_owned())),
            connect: Arc::new(move |e| if format!("{:?}", e.url).contains("[ONCALL]") { bad(e) } else { good(e) }),
            ..DeliverySettings::default()
        }
    };
    let notifications = Notifications::new(bench.clock.clone(), by_secret);
    let object = with(notifications.clone(), TrackedKind::Task, "t");
    for _ in 0..3 {
        let state = State::new(Running);
        SlackNotifier::DEFAULT.handle(&object, &state, state.clone()).unwrap();
        slack_notifier::webhook_secret("ONCALL").handle(&object, &state, state.clone()).unwrap();
    }
    let report = notifications.finish(bench.clock.now(), ());
    assert_eq!(report.to_string(), "notifications: 3 sent, 3 not sent (slack: 503)");
}

#[test]
fn a_flush_that_takes_long_counts_down_every_second() {
    let heard = Arc::<Mutex<Vec<(usize, u64)>>>::default();
    let for_settings = Arc::clone(&heard);
    let settings = DeliverySettings {
        on_flush: Some(Arc::new(move |left, time| lock(&for_settings).push((left, time.as_secs())))),
        ..DeliverySettings::default()
    };
    let bench = bench_with(settings, |_| reply(200, "ok"));
    let busy = bench.clock.busy();
    bench.push_of_many(14, Running);
    assert_eq!(bench.finish_holding(busy), "notifications: 14 sent");
    // Messages 11 to 14 leave at 1, 2, 3 and 4 s; what is told at 0.5, 1.5, 2.5 and 3.5 s.
    assert_eq!(*lock(&heard), [(4, 4), (3, 4), (2, 4), (1, 4)]);
}

#[test]
fn a_transport_that_panics_or_cannot_be_made_is_a_message_not_sent() {
    let panics = bench(|_| panic!("a bug in the client"));
    panics.push(SlackNotifier::DEFAULT, [Running, Failed]);
    let line = panics.finish();
    assert!(line.starts_with("notifications: 0 sent, 2 not sent ("), "{line}");

    let settings = DeliverySettings {
        resolve_secret: Arc::new(|_| Some("https://slack.example/x".to_owned())),
        connect: Arc::new(|_| Err("no TLS".to_owned())),
        ..DeliverySettings::default()
    };
    let notifications = Notifications::new(Clock::system(), settings);
    let object = with(notifications.clone(), TrackedKind::Task, "t");
    slack_notifier(&object, &State::new(Running), State::new(Failed)).unwrap();
    assert_eq!(notifications.finish(0, ()).to_string(), "notifications: 0 sent, 1 not sent (no TLS)");
}

#[test]
fn the_thread_ends_when_the_run_is_dropped_halfway() {
    struct Gone(mpsc::Sender<()>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    struct Never(Arc<Gone>);
    impl Transport for Never {
        fn post(&self, _: String) -> Sending {
            let gone = Arc::clone(&self.0);
            Box::pin(async move {
                pending::<()>().await;
                drop(gone);
                unreachable!()
            })
        }
    }
    let (tell, told) = mpsc::channel();
    let gone = Arc::new(Gone(tell));
    let settings = DeliverySettings {
        resolve_secret: Arc::new(|_| Some("https://slack.example/x".to_owned())),
        connect: Arc::new(move |_| Ok(Arc::new(Never(Arc::clone(&gone))))),
        ..DeliverySettings::default()
    };
    let notifications = Notifications::new(Clock::system(), settings);
    let object = with(notifications.clone(), TrackedKind::Task, "t");
    slack_notifier(&object, &State::new(Running), State::new(Failed)).unwrap();
    drop((object, notifications));
    told.recv().expect("all that the thread held is dropped");
}

#[test]
fn what_comes_after_the_end_is_counted_and_holds_nothing_up() {
    let bench = bench(|_| reply(200, "ok"));
    bench.push(SlackNotifier::DEFAULT, [Running]);
    assert_eq!(bench.finish(), "notifications: 1 sent");
    bench.push(SlackNotifier::DEFAULT, [Failed]);
    assert_eq!(bench.finish(), "notifications: 1 sent, 1 not sent (the run had ended)");
    // No token was left behind: time still jumps.
    bench.clock.sleep_blocking(Duration::from_mins(1));
}

#[test]
fn many_threads_push_and_every_message_is_counted() {
    let bench = bench(|_| reply(200, "ok"));
    let busy = bench.clock.busy();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| bench.push_of_many(100, Running));
        }
    });
    drop(busy);
    assert_eq!(bench.finish(), "notifications: 400 sent");
}

#[test]
fn finishing_can_be_awaited() {
    let bench = bench(|_| reply(200, "ok"));
    bench.push(SlackNotifier::DEFAULT, [Running; 3]);
    let finished = AtomicBool::new(false);
    block_on(async {
        let report = bench.notifications.finish_async(bench.clock.now(), ()).await;
        finished.store(report.sent() == 3, Ordering::Relaxed);
    });
    assert!(finished.load(Ordering::Relaxed));
}

#[test]
fn in_place_the_secret_comes_first_then_the_filters_then_the_message() {
    let bench = bench(|n| match n {
        1 => reply(200, "ok"),
        2 => reply(500, "rollup_error"),
        3 => reply(302, ""),
        4 => Err(SendError::NotSent("connection refused".to_owned())),
        _ => Err(SendError::Unsure("timed out".to_owned())),
    });
    let fail = slack_notifier::on_delivery_failure(OnDeliveryFailure::Fail);
    let task = bench.tracked();
    let call = |by: SlackNotifier| {
        let new = State::new(Running);
        by.handle(&task, &State::new(Running), new).map(|s| s.kind()).map_err(|e| e.to_string())
    };
    let ignoring = fail.ignore_states(&[crate::StateKind::State]);
    let missing = "Local Secret \"MISSING\" was not found.".to_owned();
    assert_eq!(call(ignoring.webhook_secret("MISSING")), Err(missing));
    let bad = call(ignoring.webhook_secret("BAD")).unwrap_err();
    assert!(bad.contains("`BAD`") && !bad.contains("canary"), "{bad}");
    assert_eq!(call(ignoring), Ok(Running));
    assert_eq!(call(fail.only_states(&[Failed])), Ok(Running));
    assert!(lock(&bench.asked).is_empty());

    assert_eq!(call(fail), Ok(Running));
    assert_eq!(call(fail), Err("Slack notification for <Task: t> failed".to_owned()));
    assert_eq!(call(fail), Err("Slack notification for <Task: t> failed".to_owned()));
    let refused = "could not post to the webhook in the secret `SLACK_WEBHOOK_URL` (slack: connection refused)";
    assert_eq!(call(fail), Err(refused.to_owned()));
    assert!(call(fail).unwrap_err().ends_with("(slack: timed out)"));
    let line = "notifications: 1 sent, 4 not sent \
                (1 slack: 302; 1 slack: 500; 1 slack: connection refused; 1 slack: timed out)";
    assert_eq!(bench.finish(), line);
}

#[test]
fn without_a_webhook_every_wanted_message_counts_and_becomes_a_card_where_asked() {
    let cards = Arc::<Mutex<Vec<Card>>>::default();
    let for_settings = Arc::clone(&cards);
    let settings = DeliverySettings {
        on_unconfigured: Unconfigured::Print(Arc::new(move |card| lock(&for_settings).push(card.clone()))),
        ..DeliverySettings::default()
    };
    let bench = bench_with(settings, |_| panic!("nothing to send"));
    let by = slack_notifier::webhook_secret("MISSING").ignore_states(&[Running]);
    bench.push(by, [Running, Failed, Success]);
    assert_eq!(bench.finish(), "notifications: 0 sent, 2 not sent (no webhook: MISSING)");
    let texts: Vec<_> = lock(&cards).iter().map(|card| (card.text.clone(), card.missing.name)).collect();
    assert_eq!(texts[0], ("t is now in a Failed state".to_owned(), "MISSING"));
    assert_eq!(texts.len(), 2);
    let hint = MissingSecret { service: Service::Slack, name: "MISSING" }.to_string();
    assert!(hint.contains("[context.secrets]") && hint.contains("PREFECT__CONTEXT__SECRETS__MISSING"), "{hint}");
}

#[test]
fn a_secret_that_is_no_webhook_counts_under_its_name() {
    let bench = bench(|_| panic!("nothing to send"));
    bench.push(slack_notifier::webhook_secret("BAD"), [Running, Failed]);
    assert_eq!(bench.finish(), "notifications: 0 sent, 2 not sent (bad webhook: BAD)");
    assert!(check_webhook("BAD", "canary").is_err_and(|e| !e.to_string().contains("canary")));
    assert!(check_webhook("GOOD", "https://slack.example/x").is_ok());
}

#[test]
fn a_secret_is_read_once_and_only_when_there_is_something_to_send() {
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let settings = DeliverySettings {
        resolve_secret: Arc::new(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            None
        }),
        ..DeliverySettings::default()
    };
    let notifications = Notifications::new(Clock::system(), settings);
    let object = with(notifications, TrackedKind::Task, "t");
    let failures = slack_notifier::only_states(&[Failed]);
    let call = |kind| failures.handle(&object, &State::new(Running), State::new(kind)).unwrap();
    call(Running);
    assert_eq!(reads.load(Ordering::Relaxed), 0);
    call(Failed);
    call(Failed);
    assert_eq!(reads.load(Ordering::Relaxed), 1);
}

#[cfg(not(feature = "slack"))]
#[test]
fn without_the_feature_messages_are_counted_with_the_reason() {
    let settings = DeliverySettings {
        resolve_secret: Arc::new(|_| Some("https://slack.example/x".to_owned())),
        ..DeliverySettings::default()
    };
    let notifications = Notifications::new(Clock::system(), settings);
    let object = with(notifications.clone(), TrackedKind::Task, "t");
    slack_notifier(&object, &State::new(Running), State::new(Failed)).unwrap();
    let line = "notifications: 0 sent, 1 not sent (built without the feature `slack`)";
    assert_eq!(notifications.finish(0, ()).to_string(), line);
}

#[test]
fn a_drive_that_is_never_run_holds_up_neither_time_nor_the_end() {
    let bench = bench(|_| reply(200, "ok"));
    let Target::Open(channel) = bench.notifications.open(SlackNotifier::DEFAULT.address()) else {
        panic!("no channel")
    };
    channel.push(Message::new(Notice::for_tests(Running, "t")));
    drop(Drive::new(Arc::clone(&channel)));
    assert!(channel.has_ended(Waker::noop()));
    assert_eq!(channel.report().to_string(), "notifications: 0 sent, 1 not sent (the run was dropped)");
    bench.clock.sleep_blocking(Duration::from_mins(1));
    let mut drive = Drive::new(Arc::clone(&channel));
    let _ = Pin::new(&mut drive).poll(&mut Context::from_waker(Waker::noop()));
}
