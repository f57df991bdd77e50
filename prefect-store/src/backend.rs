//! What the writer needs of a database. The hot path is [`record`](Backend::record); all else is rare.
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use crate::owned::Recording;
use crate::rows::Reaped;
use crate::writer::{Batch, LineEntry};
use crate::{
    CancelRefused, Cancelled, ClaimRefused, Epoch, Existing, Found, Machine, Micros, NewRun, Owner, Parked, Resealed,
    RunId, SealedSecret, SecretsChange, StateCode, StoreError,
};

/// A database, as the one thread that writes to it sees it. Each call is one transaction, done or without effect.
pub(crate) trait Backend: Send {
    /// The database, for messages.
    fn path(&self) -> &Path;

    /// Records a batch: fences each run, then writes its rows.
    fn record(&mut self, batch: &Batch<'_>) -> Result<Recorded, StoreError>;

    /// Who has a run, and how far it is recorded; `None` if it is not there.
    fn standing(&mut self, run_no: i64) -> Result<Option<Standing>, StoreError>;

    /// Makes this process known.
    fn register(&mut self, process: &ProcessRow) -> Result<i64, StoreError>;

    /// Makes the lease longer; `false` if the process is not known any more.
    fn heartbeat(&mut self, proc_no: i64, lease_until: Micros) -> Result<bool, StoreError>;

    /// Forgets this process, unless it has runs.
    fn sign_off(&mut self, proc_no: i64) -> Result<(), StoreError>;

    /// Records a new run that belongs to this process.
    fn begin(&mut self, id: RunId, run: &NewRun, process: &Lease) -> Result<Ownership, Refusal<StoreError>>;

    /// Gives a run that nobody has to this process.
    fn claim(
        &mut self,
        run: RunId,
        seen: Epoch,
        parked: Parked,
        at: Micros,
        process: &Lease,
    ) -> Result<Ownership, Refusal<ClaimRefused>>;

    /// Every process that is known.
    fn processes(&mut self) -> Result<Vec<(i64, ProcessRow)>, StoreError>;

    /// Takes the runs of a process from it, unless its lease has changed since it was looked at; then forgets it.
    fn bury(&mut self, proc_no: i64, process: &ProcessRow, at: Micros) -> Result<Vec<Reaped>, StoreError>;

    /// Takes this run from its owner, if it still is.
    fn abandon(&mut self, run: &Recording, at: Micros) -> Result<(), StoreError>;

    /// Ends a run that nobody has, or asks its owner to. A run that has been asked for is found by [`asked_to_cancel`](
    /// Self::asked_to_cancel).
    fn cancel(&mut self, run: RunId, by: &str, at: Micros) -> Result<Cancelled, CancelRefused>;

    /// The numbers of the runs of this process that are to end, each with who has asked.
    fn asked_to_cancel(&mut self, proc_no: i64) -> Result<Vec<(i64, String)>, StoreError>;

    /// Writes log lines, in their order. Those of runs that are not there any more are left out.
    fn write_lines(&mut self, lines: &[LineEntry]) -> Result<(), StoreError>;

    /// Removes some log lines, if there are too old ones or too many: at most some hundred, so that nobody waits long.
    fn remove_lines(&mut self, before: Micros, bytes: u64) -> Result<Removed, StoreError>;

    /// Puts secrets, all or none; refuses those that have another key than what is there.
    fn put_secrets(&mut self, secrets: &[SealedSecret], existing: Existing) -> Result<SecretsChange, StoreError>;

    /// Removes a secret; `false` if there is none.
    fn remove_secret(&mut self, name: &str) -> Result<bool, StoreError>;

    /// Gives all secrets another key, if they are still as they were seen.
    fn rotate_secrets(&mut self, secrets: &[Resealed], key_id: &[u8]) -> Result<SecretsChange, StoreError>;

    /// What may be done now and then, when there is time.
    fn tidy(&mut self);
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

/// Why a run was not given.
#[derive(Debug)]
pub(crate) enum Refusal<E> {
    /// This process was taken for dead: it has to make itself known again.
    NotRegistered,
    Because(E),
}

impl<E> From<StoreError> for Refusal<E>
where
    E: From<StoreError>,
{
    fn from(error: StoreError) -> Self {
        Self::Because(error.into())
    }
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

/// A change on its way to the database.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) run: Arc<Recording>,
    pub(crate) change: Change,
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
