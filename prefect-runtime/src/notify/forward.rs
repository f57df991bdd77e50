//! What is in the store besides the messages of this run: how far it is, what others have left there, who hears of a crash.
use std::sync::Arc;
use std::sync::atomic::Ordering;

use prefect_store::{ToSend, Wanted};

use super::channel::Channel;
use super::destination::Lost;
use super::notice::Notice;
use super::queue::{Message, Origin, Outcome};
use super::route::Address;
#[cfg(feature = "cli")]
use super::route::NoRoute;
use super::{Notifications, Notifies, Target, kept, ledger};
use crate::StateKind;
use crate::run::Services;

/// So many messages for one destination are taken at once: others may be at it too.
const AT_ONCE: u32 = 100;

impl Notifications {
    /// The store is so far.
    pub(crate) fn committed(&self, position: u64) {
        self.0.committed.fetch_max(position, Ordering::AcqRel);
        for channel in self.channels() {
            channel.committed(position);
        }
    }

    /// The store will come no further.
    pub(crate) fn lost(&self, unwritable: bool) {
        let lost = if unwritable { Lost::Unwritable } else { Lost::Elsewhere };
        let _ = self.0.lost.set(lost);
        for channel in self.channels() {
            channel.lose(lost);
        }
    }

    /// What a new channel has not heard.
    pub(super) fn catch_up(&self, channel: &Channel) {
        channel.committed(self.0.committed.load(Ordering::Acquire));
        if let Some(lost) = self.0.lost.get() {
            channel.lose(*lost);
        }
    }

    /// Sends what others have left in the store, if it is due and this process has a way there. `own` are the destinations of
    /// this run: one that is the same is not opened twice.
    pub(crate) fn forward(&self, own: &[Notifies]) {
        let Some(ledger) = self.0.settings.ledger.as_ref().filter(|_| self.0.settings.outbox.is_none()) else { return };
        let due = match ledger.due() {
            Ok(due) => due,
            Err(error) => return cannot_look(&error),
        };
        for (kind, to) in due {
            let Some(channel) = self.way_to(&kind, &to, own) else { continue };
            match ledger.take(Wanted::Due { kind, to, limit: AT_ONCE }) {
                Ok(taken) => self.push_taken(&channel, taken),
                Err(error) => return cannot_look(&error),
            }
        }
    }

    /// Whether something that others have left is on its way, or waits for its turn here.
    pub(crate) fn is_forwarding(&self) -> bool {
        self.channels().iter().any(|channel| channel.is_forwarding())
    }

    /// Sends these of one destination, however long it takes them one after the other: it is what this process is here for.
    /// The error says why there is no way there; nothing has changed then.
    #[cfg(feature = "cli")]
    pub(crate) fn send_again(&self, kind: &str, to: &str, ids: &[i64]) -> Result<(), String> {
        let Some(ledger) = &self.0.settings.ledger else { return Ok(()) };
        let address = Address::of(kind, to).ok_or_else(|| format!("this program sends no {kind}"))?;
        let channel = match self.target(address) {
            Target::Open(channel) => channel,
            Target::None(NoRoute::Missing(secret)) => return Err(secret.to_string()),
            Target::None(NoRoute::Bad(bad)) => return Err(bad.why.to_string()),
        };
        channel.wait_for_others();
        let taken = ledger.take(Wanted::These(ids.to_vec())).map_err(|error| error.to_string())?;
        self.push_taken(&channel, taken);
        Ok(())
    }

    /// The channel for what the store has; `None` if this process has no way there.
    pub(crate) fn way_to(&self, kind: &str, to: &str, own: &[Notifies]) -> Option<Arc<Channel>> {
        let same = |address: &Address| address.kind() == kind && address.to() == to;
        let address = own.iter().map(|own| own.address).find(same).or_else(|| Address::of(kind, to))?;
        match self.target(address) {
            Target::Open(channel) => Some(channel),
            Target::None(_) => None,
        }
    }

    pub(crate) fn push_taken(&self, channel: &Channel, taken: Vec<ToSend>) {
        for ToSend { id, message, changes, causes } in taken {
            let origin = Origin::LeftByOthers(id);
            let Some(notice) = kept::notice(&message.payload) else {
                let why = "what is recorded of it cannot be read by this release";
                if let Some(ledger) = &self.0.settings.ledger {
                    ledger.settle(vec![(origin, Outcome::GivenUp(why.into()))]);
                }
                continue;
            };
            let notice = if causes.is_empty() { notice } else { notice.of_many(changes, causes) };
            channel.push(Message::of(notice, changes, origin));
        }
    }

    /// What is sent if the process of this run ends before the run does: once for each destination that hears of failures.
    pub(crate) fn crash_notices(&self, run: &Services, notifies: &[Notifies]) -> Vec<prefect_store::Message> {
        let settings = &self.0.settings;
        if settings.outbox.is_some() {
            return Vec::new();
        }
        let mut told: Vec<Address> = Vec::new();
        let mut notices = Vec::new();
        for Notifies { rules, address } in notifies {
            let same = |other: &Address| other.kind() == address.kind() && other.to() == address.to();
            // Nobody else could send it either: it would wait for ever.
            if !rules.wants(StateKind::Crashed) || told.iter().any(same) || address.route(settings).is_err() {
                continue;
            }
            told.push(*address);
            let notice = Notice::named(StateKind::Crashed, &run.flow_name, run, rules.link, settings).of_crash();
            notices.push(ledger::message(*address, &notice));
        }
        notices
    }
}

/// What a message of the store says first; `None` if this release cannot read it.
#[cfg(feature = "cli")]
pub(crate) fn what_is_told(payload: &str, changes: u64) -> Option<String> {
    let notice = kept::notice(payload)?;
    let notice = if changes > 1 { notice.of_many(changes, Vec::new()) } else { notice };
    Some(notice.headline(&notice.name))
}

fn cannot_look(error: &prefect_store::StoreError) {
    tracing::warn!(target: "prefect", "what earlier processes have left to be sent is not sent now: {error}");
}
