//! What the writer needs of an engine: the statements that all share, and [`record`](Backend::record), the hot path.
use std::sync::Arc;

use uuid::Uuid;

use crate::owned::Recording;
use crate::sql::WriteConnection;
use crate::writer::Batch;
use crate::{Epoch, Found, Machine, Micros, Owner, RunId, StateCode, StoreError, texts};

/// A database engine, for the one thread that writes.
pub(crate) trait Backend: WriteConnection {
    /// Records a batch: fences each run, then writes its rows. One transaction.
    fn record(&mut self, batch: &Batch<'_>) -> Result<Recorded, StoreError>;

    /// What time it is for all who use the database; `None` if that is what each of them thinks.
    fn now(&mut self) -> Result<Option<ServerTime>, StoreError> {
        Ok(None)
    }

    /// What may be done now and then, when there is time.
    fn tidy(&mut self);

    /// Gives some of the unused space back to the system: quickly, so that nobody waits long. Gives how many bytes are left
    /// that could be given back.
    fn shrink(&mut self) -> Result<u64, StoreError>;
}

/// What a server's clock says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerTime {
    pub(crate) now: Micros,
    /// Since when the server is up.
    pub(crate) up_since: Micros,
}

/// How far something is that is done a little at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removed {
    /// There is nothing left to remove.
    All,
    /// There may be more.
    Some,
}

/// A process, as the database knows it.
#[derive(Clone, Debug)]
pub(crate) struct ProcessRow {
    pub(crate) id: Uuid,
    pub(crate) pid: u32,
    pub(crate) machine: Machine,
    pub(crate) lease_until: Micros,
}

impl ProcessRow {
    pub(crate) fn as_owner(&self) -> Owner {
        Owner { host: self.machine.host.clone(), pid: self.pid }
    }
}

/// The process that takes a run, and until when it is believed to live.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    pub(crate) proc_no: i64,
    pub(crate) until: Micros,
}

/// How a run belongs to this process.
#[derive(Clone, Debug)]
pub(crate) struct Ownership {
    pub(crate) run_no: i64,
    pub(crate) proc_no: i64,
    pub(crate) epoch: Epoch,
    pub(crate) version: u32,
    pub(crate) last_seq: u64,
}

/// A run that may belong to this process, by an answer that was lost. Nobody runs it.
#[derive(Clone, Debug)]
pub(crate) struct InDoubt {
    pub(crate) run: RunId,
    pub(crate) proc_no: i64,
    /// Which owner of it this process would be.
    pub(crate) epoch: Epoch,
}

/// Why a process does not get what it asks for.
#[derive(Debug)]
pub(crate) enum Refusal<E> {
    /// This process was taken for dead: it has to make itself known again.
    NotRegistered,
    Because(E),
}

/// What has come of asking for a run, if it was not given.
#[derive(Debug)]
pub(crate) enum NotGiven<E> {
    Refused(Refusal<E>),
    /// Nobody can say yet whether it was.
    InDoubt(E),
}

impl<E> From<StoreError> for Refusal<E>
where
    E: From<StoreError>,
{
    fn from(error: StoreError) -> Self {
        Self::Because(error.into())
    }
}

/// How far a run was when somebody read it who wants to have it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AsSeen {
    pub(crate) epoch: Epoch,
    pub(crate) version: u32,
}

/// Who has a run, and how far it is recorded.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) epoch: Epoch,
    pub(crate) last_seq: u64,
    pub(crate) state: StateCode,
    pub(crate) owner: Option<Owner>,
}

/// What became of a batch.
#[derive(Debug)]
pub(crate) enum Recorded {
    /// It is committed, but for the parts with these numbers: the fence held them up.
    Committed { fenced: Vec<usize> },
    /// Nothing is written: this entry does not follow from what is there.
    Refused { entry: usize, found: Option<Found> },
}

impl Recorded {
    /// Whether there is something to commit.
    pub(crate) fn changes_something(&self, batch: &Batch<'_>) -> bool {
        matches!(self, Self::Committed { fenced } if fenced.len() < batch.parts.len())
    }
}

/// A change on its way to the database.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) run: Arc<Recording>,
    pub(crate) change: Change,
}

impl Entry {
    /// Its texts are cut to what a database holds.
    pub(crate) fn of(run: &Arc<Recording>, mut change: Change) -> Self {
        texts::cut_change(&mut change);
        Self { run: Arc::clone(run), change }
    }
}

/// The two kinds of changes.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are of the large one, and boxing it would cost an allocation each"
)]
pub(crate) enum Change {
    Task(crate::TaskChange),
    Flow(crate::FlowChange),
}
