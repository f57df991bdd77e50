//! The outbox in the store: what is recorded of messages, and what becomes of them.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prefect_store::{Arrival, Fate, Mark, NotificationRef, Store, StoreError, Tickets, ToSend, Wanted};

use super::kept;
use super::notice::Notice;
use super::queue::{Doubt, Origin, Outcome};
use super::route::Address;

/// A message as it is recorded.
pub(crate) type Row = Arc<prefect_store::Message>;

pub(super) fn message(address: Address, notice: &Notice) -> prefect_store::Message {
    let (kind, to) = (address.kind().into(), address.to().to_owned());
    prefect_store::Message { kind, to, payload: kept::text(notice) }
}

pub(crate) struct Ledger {
    store: Store,
    /// Whose run it is; none for who only sends what others have left.
    tickets: Option<Tickets>,
    /// Whether something was marked.
    used: AtomicBool,
}

impl Ledger {
    pub(crate) fn new(store: Store, tickets: Option<Tickets>) -> Self {
        Self { store, tickets, used: AtomicBool::new(false) }
    }

    /// A message to this address, to be recorded.
    #[allow(clippy::unused_self, reason = "without a store there is no row")]
    pub(crate) fn row(&self, address: Address, notice: &Notice) -> Row {
        Arc::new(message(address, notice))
    }

    /// Notes what became of messages. Does not wait.
    pub(crate) fn settle(&self, outcomes: Vec<(Origin, Outcome)>) {
        let mark = |(origin, outcome)| {
            let of = match origin {
                Origin::Memory => return None,
                Origin::Recorded { ticket, .. } => self.tickets?.of(ticket),
                Origin::LeftByOthers(id) => NotificationRef::row(id),
            };
            let fate = match outcome {
                Outcome::Sent => Fate::Sent,
                Outcome::Left(why, Doubt::NotTried) => Fate::Untried(why.to_string()),
                Outcome::Left(why, Doubt::NotArrived) => Fate::Left { why: why.to_string(), arrival: Arrival::No },
                Outcome::Left(why, Doubt::MayHaveArrived) => {
                    Fate::Left { why: why.to_string(), arrival: Arrival::Perhaps }
                }
                Outcome::GivenUp(why) => Fate::GivenUp(why.to_string()),
            };
            Some(Mark { of, fate })
        };
        let marks: Vec<_> = outcomes.into_iter().filter_map(mark).collect();
        if !marks.is_empty() {
            self.used.store(true, Ordering::Relaxed);
            self.store.mark(marks);
        }
    }

    /// Waits until all that was noted is written.
    pub(crate) fn close(&self) {
        if self.used.swap(false, Ordering::Relaxed)
            && let Err(error) = self.store.wait_for_marks()
        {
            tracing::warn!(
                target: "prefect",
                "which notifications were sent could not be recorded, and some may be sent once more: {error}"
            );
        }
    }

    /// For whom others have left something that is due.
    pub(crate) fn due(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.store.due_notifications()
    }

    pub(crate) fn take(&self, wanted: Wanted) -> Result<Vec<ToSend>, StoreError> {
        self.store.take_notifications(wanted)
    }
}
