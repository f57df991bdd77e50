//! Notifications: handlers render and enqueue, one thread a run delivers. Delivery changes nothing in a run, unless it
//! is asked to.
//!
//! In the order of a message: a notifier ([`slack`], `email`; what they share as values is in [`bound`]) → [`notice`]
//! (redacted, cut; with a [`cause`]) → where the run is recorded, the store ([`collect`], [`ledger`], `kept`) → [`queue`], or
//! counted with others as a [`fold`] → [`destination`] (what goes when) → [`channel`] and [`worker`] (obey it) → a [`route`]
//! of the notifier's kind (lays it out, carries it, reads the answer) → [`verdict`] → [`report`], and the store again. `forward`
//! is the way of what others have left there; a `forwarder` sends that where schedules are served.
mod bound;
mod cause;
mod channel;
mod collect;
mod destination;
#[cfg(feature = "email")]
pub(crate) mod email;
#[cfg(feature = "fake-slack")]
pub mod fake_slack;
mod fold;
#[cfg(feature = "store")]
mod forward;
#[cfg(feature = "store")]
mod forwarder;
mod jitter;
#[cfg(feature = "store")]
mod kept;
#[cfg(feature = "store")]
mod ledger;
#[cfg(not(feature = "store"))]
#[path = "ledger_none.rs"]
mod ledger;
mod log;
mod notice;
mod queue;
mod rate;
mod report;
mod route;
mod service;
mod settings;
mod slack;
#[cfg(feature = "fake-slack")]
pub mod testing;
mod verdict;
#[cfg(any(feature = "slack", feature = "email"))]
mod words;
mod worker;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
#[cfg(feature = "store")]
use std::sync::OnceLock;
#[cfg(feature = "store")]
use std::sync::atomic::AtomicU64;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use bound::Rules;
use channel::{Channel, Drive};
use collect::What;
use fold::{Group, Way};
use notice::Notice;
use queue::{Message, Origin};
use route::{Address, Answer, BadRoute, Form, NoRoute, NotTaken};
use worker::Worker;

#[cfg(feature = "email")]
pub(crate) use email::settings as email_settings;
#[cfg(any(test, feature = "cli"))]
pub(crate) use notice::Card;
#[cfg(all(test, feature = "cli"))]
pub(crate) use service::MissingSecret;
#[cfg(feature = "cli")]
pub(crate) use service::Service;
pub(crate) use settings::{DeliverySettings, OnFlush, Outbox, Posted, PrintCard, Unconfigured};
pub(crate) use slack::check_webhook;
#[cfg(all(feature = "cli", feature = "store"))]
pub(crate) use slack::{masked as masked_webhook, try_webhook};

pub(crate) use collect::{Collecting, Pending};
#[cfg(all(feature = "cli", feature = "store"))]
pub(crate) use forward::what_is_told;
#[cfg(feature = "store")]
pub(crate) use forwarder::{Forwarder, Sender};
#[cfg(feature = "store")]
pub(crate) use ledger::Ledger;

#[doc(hidden)]
pub use bound::Notifies;
pub use bound::OnDeliveryFailure;
#[cfg(feature = "email")]
pub use email::{EmailNotifier, email_notifier, email_notifier_args};
pub use report::NotificationReport;
pub use slack::{SlackNotifier, slack_notifier, slack_notifier_args};

use crate::clock::Tick;
use crate::lock::lock;
use crate::run::Services;
use crate::sync::Mutex;
use crate::{Clock, SecretError, State, TaskError, Tracked, block_on};

/// The notifications of one run. Clones share it.
#[derive(Clone)]
pub(crate) struct Notifications(Arc<Inner>);

/// The same, without keeping them alive.
#[cfg(feature = "store")]
pub(crate) struct WeakNotifications(std::sync::Weak<Inner>);

#[cfg(feature = "store")]
impl WeakNotifications {
    pub(crate) fn upgrade(&self) -> Option<Notifications> {
        self.0.upgrade().map(Notifications)
    }
}

struct Inner {
    clock: Clock,
    settings: DeliverySettings,
    destinations: Mutex<HashMap<Address, Target>>,
    worker: Mutex<Option<Worker>>,
    /// Reasons of which the log has a line.
    complained: Mutex<HashSet<Arc<str>>>,
    /// What never had a channel to go to, and what was sent in place.
    report: Mutex<NotificationReport>,
    /// The next number of what is recorded, or told together.
    tickets: AtomicU32,
    /// How far the store is.
    #[cfg(feature = "store")]
    committed: AtomicU64,
    /// Set if it will come no further.
    #[cfg(feature = "store")]
    lost: OnceLock<destination::Lost>,
}

#[derive(Clone)]
enum Target {
    None(NoRoute),
    Open(Arc<Channel>),
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
            tickets: AtomicU32::new(0),
            #[cfg(feature = "store")]
            committed: AtomicU64::new(0),
            #[cfg(feature = "store")]
            lost: OnceLock::new(),
        }))
    }

    #[cfg(feature = "store")]
    pub(crate) fn downgrade(&self) -> WeakNotifications {
        WeakNotifications(Arc::downgrade(&self.0))
    }

    /// Without any secret: everything counts as not sent.
    #[cfg(test)]
    pub(crate) fn unconfigured(clock: Clock) -> Self {
        Self::new(clock, DeliverySettings::default())
    }

    /// Who takes the messages in the place of Slack.
    pub(crate) fn outbox(&self) -> Option<Outbox> {
        self.0.settings.outbox.clone()
    }

    /// One state change, for one notifier.
    pub(crate) fn notify(
        &self,
        rules: &Rules,
        address: Address,
        object: &Tracked,
        new: &State,
    ) -> Result<(), TaskError> {
        if let Some(outbox) = &self.0.settings.outbox {
            if rules.wants(new.kind()) {
                let notice = Notice::render(object, new, rules.link, &self.0.settings);
                outbox(Posted { object, state: new, message: address.message(&notice) });
                lock(&self.0.report).add_sent(1);
            }
            return Ok(());
        }
        match rules.on_delivery_failure {
            OnDeliveryFailure::Fail => self.send_in_place(rules, address, object, new),
            OnDeliveryFailure::Log => {
                if rules.wants(new.kind()) {
                    self.enqueue(rules, address, object, new);
                }
                Ok(())
            }
        }
    }

    fn enqueue(&self, rules: &Rules, address: Address, object: &Tracked, new: &State) {
        let render = || Notice::render(object, new, rules.link, &self.0.settings);
        match self.target(address) {
            Target::Open(channel) => self.post(channel, rules, address, object, new),
            Target::None(NoRoute::Bad(bad)) => {
                self.not_sent(&bad.reason);
                if self.first_complaint(&bad.reason) {
                    log::misconfigured(&bad);
                }
            }
            Target::None(NoRoute::Missing(secret)) => {
                let reason = secret.reason().into();
                self.not_sent(&reason);
                match &self.0.settings.on_unconfigured {
                    Unconfigured::Print(print) => print(&render().to_card(secret)),
                    Unconfigured::Warn if self.first_complaint(&reason) => log::missing(secret),
                    Unconfigured::Warn => {}
                }
            }
        }
    }

    /// Puts a message into the queue: behind its change, if that is about to be recorded.
    fn post(&self, channel: Arc<Channel>, rules: &Rules, address: Address, object: &Tracked, new: &State) {
        let settings = &self.0.settings;
        let ledger = settings.ledger.as_ref().filter(|_| collect::is_on(&object.services));
        let of = (object.kind(), Arc::clone(&object.slug));
        let group = Group { of, kind: new.kind(), recorded: ledger.is_some() };
        let open = |notice: &Notice| {
            let ticket = self.0.tickets.fetch_add(1, Ordering::Relaxed);
            (ticket, ledger.map(|ledger| ledger.row(address, notice)))
        };
        let pending = match channel.admit(&group) {
            Way::ByItself => {
                let notice = Notice::render(object, new, rules.link, settings);
                let (ticket, row) = open(&notice);
                let origin = if row.is_some() { Origin::Recorded { ticket, upto: 0 } } else { Origin::Memory };
                let what = What::Message(Box::new(Message::of(notice, 1, origin)));
                Pending { channel, what, ticket, row, cause: None }
            }
            Way::Together => {
                let cause = Notice::cause(new, settings);
                let notice = Notice::named(new.kind(), object.name(), &object.services, rules.link, settings);
                let (ticket, row, cause) = channel.add(&group, notice, &cause, open);
                Pending { channel, what: What::Together, ticket, row, cause: Some(cause) }
            }
        };
        if ledger.is_some() { collect::push(pending) } else { pending.handed_over(None) }
    }

    /// What handlers tell of a change that is about to be recorded, from here on until it is dropped.
    pub(crate) fn collect(&self, run: &Arc<Services>) -> Option<Collecting> {
        self.0.settings.ledger.as_ref().map(|_| Collecting::of(run))
    }

    /// One line in the log for a reason is enough.
    fn first_complaint(&self, reason: &Arc<str>) -> bool {
        lock(&self.0.complained).insert(Arc::clone(reason))
    }

    /// Prefect 1's order: the secret, the filters, the message.
    fn send_in_place(&self, rules: &Rules, address: Address, object: &Tracked, new: &State) -> Result<(), TaskError> {
        let channel = match self.target(address) {
            Target::Open(channel) => channel,
            Target::None(NoRoute::Bad(BadRoute { why, .. })) => return Err(why.to_string().into()),
            Target::None(NoRoute::Missing(secret)) => {
                return Err(SecretError::NotFound(secret.name.to_owned()).to_string().into());
            }
        };
        if !rules.wants(new.kind()) {
            return Ok(());
        }
        let notice = Notice::render(object, new, rules.link, &self.0.settings);
        let unreached = |why: Arc<str>| {
            self.not_sent(&why);
            Err(format!("could not post to {} ({why})", channel.route).into())
        };
        match self.carry(&channel, notice).map(|answer| answer.in_place()) {
            Ok(Ok(())) => {
                lock(&self.0.report).add_sent(1);
                Ok(())
            }
            Ok(Err(NotTaken::Refused(why))) => {
                self.not_sent(&why.into());
                Err(format!("{} notification for {object} failed", channel.route.service().title()).into())
            }
            Ok(Err(NotTaken::Unreached(why))) => unreached(why.into()),
            Err(why) => unreached(why),
        }
    }

    /// Sends on the thread that delivers, while this one waits.
    fn carry(&self, channel: &Arc<Channel>, notice: Notice) -> Result<Box<dyn Answer>, Arc<str>> {
        self.start_worker()?;
        let carrier = channel.carrier()?;
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.spawn(async move {
            // Nobody waits any more if the receiver is gone.
            let _ = answer.send(carrier.carry(&notice, Form::Full).await);
        });
        block_on(answered).map_err(|_| "the run had ended".into())
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

    /// Where the messages for this address go. Secrets are read at the first use.
    fn target(&self, address: Address) -> Target {
        if let Some(known) = lock(&self.0.destinations).get(&address) {
            return known.clone();
        }
        // Not under the lock: it calls code of others.
        let found = self.open(address);
        let target = match lock(&self.0.destinations).entry(address) {
            Entry::Occupied(known) => return known.get().clone(), // Another thread was quicker.
            Entry::Vacant(place) => place.insert(found).clone(),
        };
        if let Target::Open(channel) = &target {
            #[cfg(feature = "store")]
            self.catch_up(channel);
            match self.start_worker() {
                Ok(()) => self.spawn(Drive::new(Arc::clone(channel))),
                Err(reason) => channel.abandon(&reason),
            }
        }
        target
    }

    fn open(&self, address: Address) -> Target {
        match address.route(&self.0.settings) {
            Ok(route) => {
                let ledger = self.0.settings.ledger.clone();
                Target::Open(Channel::new(route, self.0.clock.clone(), self.0.settings.jitter_seed, ledger))
            }
            Err(why) => Target::None(why),
        }
    }

    fn not_sent(&self, reason: &Arc<str>) {
        lock(&self.0.report).add_not_sent(reason, 1);
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
            channel.begin_flush(run_end);
        }
        self.all_ended(&channels, held).await;
        let worker = lock(&self.0.worker).take();
        if let Some(worker) = worker {
            worker.stop();
        }
        if let Some(ledger) = &self.0.settings.ledger {
            ledger.close();
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

#[cfg(test)]
mod delivery_tests;
#[cfg(test)]
mod testing_services;
