//! Places that a task run, or a flow run, has.
use std::sync::Arc;

use super::demand::Demand;
use super::process::ProcessGate;
#[cfg(feature = "store")]
use super::shared::StoreGate;
use crate::lock::assert_none_is_held;

/// Places that are taken, until the last clone is dropped: who runs the body holds one, so that a body which has outlived its
/// timeout keeps them until it returns.
#[derive(Clone)]
pub(crate) struct Places(Arc<Held>);

/// Who holds places, for people.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The task run; of a flow's place `None`.
    pub(super) task: Option<String>,
    /// What the run is called.
    pub(super) run: Arc<str>,
    /// The same for a store.
    #[cfg(feature = "store")]
    pub(super) owner: Option<prefect_store::SlotOwner>,
}

struct Held(Option<Taken>);

/// Where places were taken, and so are given back.
pub(super) enum Taken {
    Process(Arc<ProcessGate>, Arc<Demand>, Arc<Holder>),
    #[cfg(feature = "store")]
    Store(Arc<StoreGate>, prefect_store::Slots),
}

impl Places {
    pub(super) fn new(taken: Taken) -> Self {
        Self(Arc::new(Held(Some(taken))))
    }

    /// None: the run is another process's now, and there is nothing to wait for.
    #[cfg(feature = "store")]
    pub(super) fn of_a_lost_run() -> Self {
        Self(Arc::new(Held(None)))
    }

    /// Whether there are none, because the run is another process's now.
    pub(crate) fn are_lost(&self) -> bool {
        self.0.0.is_none()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Who waits for them is called, and that takes locks.
        assert_none_is_held();
        match self.0.take() {
            Some(Taken::Process(gate, demand, holder)) => gate.give_back(&demand, &holder),
            #[cfg(feature = "store")]
            Some(Taken::Store(gate, slots)) => gate.give_back(slots),
            None => {}
        }
    }
}
