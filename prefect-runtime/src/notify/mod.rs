//! Notifications: handlers render and enqueue, one thread a run delivers. Delivery changes nothing in a run, unless it
//! is asked to.
//!
//! In the order of a message: [`slack`] (filters) → [`payload`] (redacted, cut) → [`queue`] → [`destination`] (what goes
//! when) → [`channel`] and [`worker`] (obey it) → [`transport`]/`http` → [`classify`] (what the answer means) →
//! [`report`].
mod channel;
mod classify;
mod destination;
#[cfg(feature = "fake-slack")]
pub mod fake_slack;
#[cfg(feature = "slack")]
mod http;
mod jitter;
mod log;
mod payload;
mod queue;
mod rate;
mod report;
mod settings;
mod slack;
#[cfg(feature = "fake-slack")]
pub mod testing;
mod transport;
mod webhook_url;
mod worker;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use channel::{Channel, Drive};
use payload::Notice;
use queue::Message;
use transport::{Endpoint, ProxyList, Reply, SendError};
use webhook_url::WebhookUrl;
use worker::Worker;

#[cfg(feature = "cli")]
pub(crate) use log::MissingSecret;
pub(crate) use payload::Card;
pub(crate) use settings::{DeliverySettings, OnFlush, PrintCard, Unconfigured};

pub use report::NotificationReport;
pub use slack::{OnDeliveryFailure, SlackNotifier, slack_notifier, slack_notifier_args};

use crate::clock::Tick;
use crate::lock::lock;
use crate::sync::Mutex;
use crate::{Clock, State, TaskError, Tracked, block_on};

/// The notifications of one run. Clones share it.
#[derive(Clone)]
pub(crate) struct Notifications(Arc<Inner>);

struct Inner {
    clock: Clock,
    settings: DeliverySettings,
    destinations: Mutex<HashMap<Key, Target>>,
    worker: Mutex<Option<Worker>>,
    /// Secrets of which the log has a line.
    complained: Mutex<HashSet<&'static str>>,
    /// What never had a channel to go to, and what was sent in place.
    report: Mutex<NotificationReport>,
}

/// One destination: a secret, reached in one way.
type Key = (&'static str, ProxyList);

#[derive(Clone)]
enum Target {
    /// The secret is not set.
    Missing,
    /// The secret is no webhook URL: why.
    Bad(Arc<str>),
    Open(Arc<Channel>),
}

/// Checks the text of a webhook secret before a run starts. The error names the secret and shows nothing of its text.
pub(crate) fn check_webhook(secret: &str, text: &str) -> Result<(), TaskError> {
    WebhookUrl::parse(secret, text)?;
    Ok(())
}

impl Notifications {
    pub(crate) fn new(clock: Clock, settings: DeliverySettings) -> Self {
        Self(Arc::new(Inner {
            clock,
            settings,
            destinations: Mutex::default(),
            worker: Mutex::default(),
            complained: Mutex::default(),
            report: Mutex::default(),
        }))
    }

    /// Without any secret: everything counts as not sent.
    #[cfg(test)]
    pub(crate) fn unconfigured(clock: Clock) -> Self {
        Self::new(clock, DeliverySettings::default())
    }

    /// One state change, for one notifier.
    pub(crate) fn notify(&self, by: &SlackNotifier, object: &Tracked, new: &State) -> Result<(), TaskError> {
        match by.on_delivery_failure {
            OnDeliveryFailure::Fail => self.send_in_place(by, object, new),
            OnDeliveryFailure::Log => {
                if by.wants(new.kind()) {
                    self.enqueue(by, object, new);
                }
                Ok(())
            }
        }
    }

    fn enqueue(&self, by: &SlackNotifier, object: &Tracked, new: &State) {
        let render = || Notice::render(object, new, by.link, &self.0.settings);
        match self.target(by) {
            Target::Open(channel) => channel.push(Message::new(render())),
            Target::Bad(why) => {
                self.not_sent(&format!("bad webhook: {}", by.secret));
                if self.first_complaint(by.secret) {
                    log::misconfigured(by.secret, &why);
                }
            }
            Target::Missing => {
                self.not_sent(&format!("no webhook: {}", by.secret));
                match &self.0.settings.on_unconfigured {
                    Unconfigured::Print(print) => print(&render().to_card(by.secret)),
                    Unconfigured::Warn if self.first_complaint(by.secret) => log::missing(by.secret),
                    Unconfigured::Warn => {}
                }
            }
        }
    }

    /// One line in the log for a secret is enough.
    fn first_complaint(&self, secret: &'static str) -> bool {
        lock(&self.0.complained).insert(secret)
    }

    /// Prefect 1's order: the secret, the filters, the message.
    fn send_in_place(&self, by: &SlackNotifier, object: &Tracked, new: &State) -> Result<(), TaskError> {
        let channel = match self.target(by) {
            Target::Open(channel) => channel,
            Target::Bad(why) => return Err(why.to_string().into()),
            Target::Missing => return Err(format!("Local Secret \"{}\" was not found.", by.secret).into()),
        };
        if !by.wants(new.kind()) {
            return Ok(());
        }
        let body = Notice::render(object, new, by.link, &self.0.settings).to_json();
        match self.post(&channel, body) {
            Ok(reply) if (200..300).contains(&reply.status) => {
                lock(&self.0.report).add_sent();
                Ok(())
            }
            Ok(reply) => {
                self.not_sent(&format!("slack: {}", reply.status));
                Err(format!("Slack notification for {object} failed").into())
            }
            Err(why) => {
                self.not_sent(&why);
                Err(format!("could not post to the webhook in the secret `{}` ({why})", by.secret).into())
            }
        }
    }

    /// Posts on the thread that delivers, while this one waits.
    fn post(&self, channel: &Arc<Channel>, body: String) -> Result<Reply, Arc<str>> {
        self.start_worker()?;
        let transport = channel.transport()?;
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.spawn(async move {
            // Nobody waits any more if the receiver is gone.
            let _ = answer.send(transport.post(body).await);
        });
        match block_on(answered) {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(SendError::NotSent(why) | SendError::Unsure(why))) => Err(format!("slack: {why}").into()),
            Err(_) => Err("the run had ended".into()),
        }
    }

    /// No thread or no file handle to be had is no reason to fail a task.
    fn start_worker(&self) -> Result<(), Arc<str>> {
        let mut worker = lock(&self.0.worker);
        if worker.is_none() {
            *worker = Some(Worker::start().map_err(|e| Arc::from(format!("no thread to deliver: {e}")))?);
        }
        Ok(())
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        if let Some(worker) = &*lock(&self.0.worker) {
            worker.spawn(future);
        }
    }

    /// Where this notifier's messages go. The secret is read at the first use.
    fn target(&self, by: &SlackNotifier) -> Target {
        let key = (by.secret, by.proxies);
        if let Some(known) = lock(&self.0.destinations).get(&key) {
            return known.clone();
        }
        // Not under the lock: it calls code of others.
        let found = self.open(by);
        let target = match lock(&self.0.destinations).entry(key) {
            Entry::Occupied(known) => return known.get().clone(), // Another thread was quicker.
            Entry::Vacant(place) => place.insert(found).clone(),
        };
        if let Target::Open(channel) = &target {
            match self.start_worker() {
                Ok(()) => self.spawn(Drive::new(Arc::clone(channel))),
                Err(reason) => channel.abandon(&reason),
            }
        }
        target
    }

    fn open(&self, by: &SlackNotifier) -> Target {
        let settings = &self.0.settings;
        let Some(text) = (settings.resolve_secret)(by.secret) else { return Target::Missing };
        match WebhookUrl::parse(by.secret, &text) {
            Err(why) => Target::Bad(why.to_string().into()),
            Ok(url) => {
                let endpoint = Endpoint { url, proxies: by.proxies, timeouts: settings.timeouts };
                let clock = self.0.clock.clone();
                Target::Open(Channel::new(
                    by.secret,
                    endpoint,
                    Arc::clone(&settings.connect),
                    clock,
                    settings.jitter_seed,
                ))
            }
        }
    }

    fn not_sent(&self, reason: &str) {
        lock(&self.0.report).add_not_sent(&reason.into(), 1);
    }

    fn channels(&self) -> Vec<Arc<Channel>> {
        let destinations = lock(&self.0.destinations);
        destinations.values().filter_map(|t| if let Target::Open(c) = t { Some(Arc::clone(c)) } else { None }).collect()
    }

    /// Ends the notifications of a run that ended at this tick: waits for what is left, up to the deadline, then says
    /// what became of all. The caller must hold no busy token of the clock, but for what it hands over: that is dropped
    /// when the wait has begun, so that no virtual time passes before.
    pub(crate) fn finish(&self, run_end: Tick, held: impl Sized) -> NotificationReport {
        block_on(self.finish_async(run_end, held))
    }

    /// As [`finish`](Self::finish), without holding up the thread.
    pub(crate) async fn finish_async(&self, run_end: Tick, held: impl Sized) -> NotificationReport {
        let channels = self.channels();
        for channel in &channels {
            channel.begin_flush(run_end, self.0.settings.flush_deadline);
        }
        self.all_ended(&channels, held).await;
        let worker = lock(&self.0.worker).take();
        if let Some(worker) = worker {
            worker.stop();
        }
        let mut report = lock(&self.0.report).clone();
        for channel in &channels {
            report.merge(&channel.report());
        }
        report
    }

    async fn all_ended(&self, channels: &[Arc<Channel>], held: impl Sized) {
        let mut held = Some(held);
        // Most flushes are over at once; nobody needs to hear of those.
        let mut tell = self.0.clock.sleep(Duration::from_millis(500));
        poll_fn(|cx| {
            // A timer that fired lets time go on as soon as it is polled; not before it was told what the time is.
            let _busy = self.0.clock.busy();
            // One waker at a time is enough: the first that has not ended has it.
            if channels.iter().all(|channel| channel.has_ended(cx.waker())) {
                return Poll::Ready(());
            }
            if let Some(on_flush) = &self.0.settings.on_flush {
                while Pin::new(&mut tell).poll(cx).is_ready() {
                    let (left, until) =
                        channels.iter().map(|c| c.remaining()).fold((0, None), |a, b| (a.0 + b.0, a.1.max(b.1)));
                    let time = until.unwrap_or_default().saturating_sub(self.0.clock.now());
                    on_flush(left, Duration::from_nanos(time));
                    tell = self.0.clock.sleep(Duration::from_secs(1));
                }
            }
            held = None;
            Poll::Pending
        })
        .await;
    }
}

impl fmt::Debug for Notifications {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifications").field("destinations", &lock(&self.0.destinations).len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod delivery_tests;
#[cfg(test)]
mod testing_services;
