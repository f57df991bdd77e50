//! Whoever serves schedules sends what was left, also while no run begins that would do it.
use std::sync::Arc;
use std::time::Duration;

use prefect_store::Store;

use super::{DeliverySettings, Ledger, Notifications, Notifies};
use crate::clock::{Tick, nanos};
use crate::{Clock, Config};

/// So long one round takes at most: what could not be sent then goes back, and is judged anew by the store.
const ROUND: Duration = Duration::from_mins(1);

/// One of those whose notifiers and secrets are known.
pub(crate) struct Sender {
    pub(crate) config: Config,
    pub(crate) notifies: Vec<Notifies>,
}

pub(crate) struct Forwarder {
    store: Store,
    clock: Clock,
    senders: Vec<Sender>,
    /// What is being sent, and until when.
    round: Vec<Notifications>,
    until: Tick,
}

impl Forwarder {
    pub(crate) fn new(store: Store, clock: Clock, senders: Vec<Sender>) -> Self {
        Self { store, clock, senders, round: Vec::new(), until: 0 }
    }

    /// To be called from time to time. Under virtual time nobody looks by himself: runs send what was left when they begin.
    pub(crate) fn look(&mut self) {
        let is_on = self.clock.now() < self.until && self.round.iter().any(Notifications::is_forwarding);
        if is_on || self.clock.is_virtual() {
            return;
        }
        self.end();
        // Troubles of the store are told by those who cannot do without.
        if self.store.due_notifications().unwrap_or_default().is_empty() {
            return;
        }
        self.until = self.clock.now().saturating_add(nanos(ROUND));
        for Sender { config, notifies } in &self.senders {
            let ledger = Some(Arc::new(Ledger::new(self.store.clone(), None)));
            let settings = DeliverySettings { ledger, ..DeliverySettings::of(config) };
            let notifications = Notifications::new(self.clock.clone(), settings);
            notifications.forward(notifies);
            self.round.push(notifications);
        }
    }

    /// Gives back what is not sent.
    fn end(&mut self) {
        for notifications in self.round.drain(..) {
            notifications.finish(self.clock.now(), ());
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.end();
    }
}
