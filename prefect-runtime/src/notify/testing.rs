//! Notifications without a flow around them, for the project's own tests. No part of the public API.
#![allow(missing_docs, missing_debug_implementations, reason = "no part of the public API")]
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{DeliverySettings, NotificationReport, Notifications, Unconfigured, lock};
use crate::clock::Busy;
use crate::run::Services;
use crate::{Clock, Tracked, TrackedKind};

/// Makes a [`Bench`].
#[must_use]
#[derive(Default)]
pub struct BenchOptions {
    secrets: HashMap<String, String>,
    settings: DeliverySettings,
    redacted: Vec<String>,
    cards: Option<Arc<Mutex<Vec<String>>>>,
    clock: Option<Clock>,
}

impl BenchOptions {
    /// Real time, instead of one that moves only while nothing is in flight.
    pub fn system_clock(mut self) -> Self {
        self.clock = Some(Clock::system());
        self
    }

    pub fn secret(mut self, name: &str, text: impl Into<String>) -> Self {
        self.secrets.insert(name.to_owned(), text.into());
        self
    }

    pub fn flush_deadline(mut self, deadline: Duration) -> Self {
        self.settings.flush_deadline = deadline;
        self
    }

    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeouts.total = timeout;
        self
    }

    pub fn ui_url(mut self, url: &str) -> Self {
        self.settings.ui_url = Some(url.to_owned());
        self
    }

    pub fn redact(mut self, word: impl Into<String>) -> Self {
        self.redacted.push(word.into());
        self
    }

    /// Collects what would be printed for want of a webhook.
    pub fn print_cards(mut self) -> Self {
        self.cards = Some(Arc::default());
        self
    }

    #[must_use]
    pub fn start(self) -> Bench {
        let Self { secrets, mut settings, redacted, cards, clock } = self;
        settings.resolve_secret = Arc::new(move |name| secrets.get(name).cloned());
        settings.redact = Arc::new(move |text| {
            redacted.iter().fold(Cow::Borrowed(text), |text, word| {
                if text.contains(word) { Cow::Owned(text.replace(word, "[redacted]")) } else { text }
            })
        });
        if let Some(cards) = cards.clone() {
            settings.on_unconfigured = Unconfigured::Print(Arc::new(move |card| {
                lock(&cards).push(format!("{card:?}"));
            }));
        }
        let clock = clock.unwrap_or_else(|| Clock::virtual_from(jiff::Timestamp::UNIX_EPOCH));
        let busy = Mutex::new(Some(clock.busy()));
        let notifications = Notifications::new(clock.clone(), settings);
        let services = Services::without_flow(clock, notifications);
        Bench { services: Arc::new(services), cards, busy }
    }
}

/// The notifications of one run that has no flow.
pub struct Bench {
    services: Arc<Services>,
    cards: Option<Arc<Mutex<Vec<String>>>>,
    /// Until the run ends, no time passes.
    busy: Mutex<Option<Busy>>,
}

impl Bench {
    pub fn options() -> BenchOptions {
        BenchOptions::default()
    }

    #[must_use]
    pub fn task(&self, name: &str) -> Tracked {
        self.tracked(TrackedKind::Task, name)
    }

    #[must_use]
    pub fn flow(&self, name: &str) -> Tracked {
        self.tracked(TrackedKind::Flow, name)
    }

    fn tracked(&self, kind: TrackedKind, name: &str) -> Tracked {
        Tracked {
            kind,
            name: name.into(),
            slug: name.into(),
            map_index: None,
            run: None,
            services: Arc::clone(&self.services),
        }
    }

    /// Ends the run now.
    #[must_use]
    pub fn finish(&self) -> NotificationReport {
        let now = self.services.clock.now();
        // Time moves with it: not under the lock.
        let busy = lock(&self.busy).take();
        drop(busy);
        self.services.notifications.finish(now, ())
    }

    /// How much time of the run's clock has passed.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.services.clock.now())
    }

    #[must_use]
    pub fn cards(&self) -> Vec<String> {
        self.cards.as_ref().map(|cards| lock(cards).clone()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").field("services", &self.services).field("cards", &self.cards).finish_non_exhaustive()
    }
}
