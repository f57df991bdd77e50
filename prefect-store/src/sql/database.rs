//! The database of the writer's thread: each call is one transaction, done or without effect.
use std::time::{Duration, Instant};

use uuid::Uuid;

#[cfg(feature = "postgres")]
use super::Dialect;
use super::bury::Burial;
use super::outbox::TakeFailed;
use super::prune::TickKey;
use super::{
    Connection, Doubt, Mismatch, Row, Transition, Writing, begin, bury, cancel, claim, logs, outbox, prune, rows,
    secrets, slots, ticks, values,
};
use crate::backend::{
    AsSeen, Backend, InDoubt, Lease, NotGiven, Ownership, ProcessRow, Recorded, Refusal, Removed, ServerTime, Standing,
};
use crate::owned::Recording;
use crate::schedules::NoRun;
use crate::writer::{Batch, LineEntry};
use crate::{
    CancelRefused, Cancelled, ClaimRefused, Epoch, Existing, FlowChange, GoesOnWith, Location, Machine, Mark, Message,
    Micros, NewRun, Options, Parked, PauseChange, Prune, Reaped, Resealed, RunId, ScheduleSeen, SealedSecret,
    SecretsChange, SlotOwner, Slots, SlotsWanted, StoreError, Taking, Tick, ToSend, Wanted,
};

/// A sign of life.
const SIGN: &str = "UPDATE processes SET lease_until=$1 WHERE proc_no=$2";

/// The same along with something else, which may have waited since the time was read, while signs were given.
const EXTEND: &str =
    "UPDATE processes SET lease_until=CASE WHEN lease_until<$1 THEN $1 ELSE lease_until END WHERE proc_no=$2";

/// How often it is looked what became of a transaction whose answer was lost.
const LOOKS: usize = 3;

/// A database, as the one thread that writes to it sees it.
pub(crate) struct Database {
    backend: Box<dyn Backend>,
    /// Of the last transaction.
    doubt: Doubt,
    /// How long a lock is waited for, and in which steps.
    patience: Duration,
    step: Duration,
    waits: Option<Waits>,
}

/// Who is to be believed to live while it waits, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waits {
    pub(crate) proc_no: i64,
    pub(crate) lease: Duration,
}

impl Database {
    pub(crate) fn new(backend: Box<dyn Backend>, options: &Options) -> Self {
        let (patience, step) = (options.busy_timeout, options.wait_for_lock());
        Self { backend, doubt: Doubt::Nothing, patience, step, waits: None }
    }

    /// From now on it is this process that waits, or nobody who has a lease.
    pub(crate) const fn waits(&mut self, waits: Option<Waits>) {
        self.waits = waits;
    }

    /// The database, for messages.
    pub(crate) fn location(&self) -> &Location {
        self.backend.location()
    }

    /// Does this in one transaction. It commits itself; whatever is not committed is rolled back.
    pub(super) fn write<R, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(Writing<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.doubt = Doubt::Nothing;
        self.begin_patiently()?;
        work(Writing::begun(&mut *self.backend, &mut self.doubt))
    }

    /// Begins a transaction. Whoever holds the database is waited for in steps, with signs of life between them where there is
    /// a way for them: in SQLite nobody writes then, and nobody is judged.
    fn begin_patiently(&mut self) -> Result<(), StoreError> {
        let since = Instant::now();
        loop {
            let step = Instant::now();
            match self.backend.begin() {
                // One that was refused at once is no matter of patience.
                Err(StoreError::Busy { at, waited }) if step.elapsed() >= self.step / 2 => {
                    if since.elapsed() >= self.patience {
                        return Err(StoreError::Busy { at, waited: waited.max(self.patience) });
                    }
                }
                begun => return begun,
            }
            if let Some(Waits { proc_no, lease }) = self.waits
                && let Ok(Some(ServerTime { now, .. })) = self.backend.now()
            {
                // The next one comes soon.
                let _ = self.connection().execute(SIGN, &values![now.after(lease), proc_no]);
            }
        }
    }

    fn connection(&mut self) -> &mut dyn Connection {
        &mut *self.backend
    }

    /// Records a batch: fences each run, then writes its rows.
    pub(crate) fn record(&mut self, batch: &Batch<'_>) -> Result<Recorded, StoreError> {
        self.backend.record(batch)
    }

    /// What time it is for all who use the database; `None` if that is what each of them thinks.
    pub(crate) fn now(&mut self) -> Result<Option<ServerTime>, StoreError> {
        self.backend.now()
    }

    /// What may be done now and then, when there is time.
    pub(crate) fn tidy(&mut self) {
        self.backend.tidy();
    }

    /// Who has a run, and how far it is recorded; `None` if it is not there.
    pub(crate) fn standing(&mut self, run_no: i64) -> Result<Option<Standing>, StoreError> {
        let sql = "SELECT epoch, last_seq, state, host, pid FROM flow_runs LEFT JOIN processes USING(proc_no) \
                   WHERE run_no=$1";
        self.connection().find(sql, &values![run_no], |row| {
            Ok(Standing {
                epoch: row.take(0)?,
                last_seq: row.take(1)?,
                state: rows::state(row, 2)?,
                owner: rows::owner(row, 3)?,
            })
        })
    }

    /// Whether the transition of this number is this change of the flow run, and not what somebody else has written.
    pub(crate) fn is_recorded(&mut self, run_no: i64, seq: u64, change: &FlowChange) -> Result<bool, StoreError> {
        let Transition { task, version, state, at, .. } = Transition::of_flow(change);
        let sql =
            "SELECT 1 FROM transitions WHERE run_no=$1 AND seq=$2 AND task_no=$3 AND version=$4 AND state=$5 AND at=$6";
        let found = self.connection().find(sql, &values![run_no, seq, task, version, state, at], |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// Makes this process known.
    pub(crate) fn register(&mut self, process: &ProcessRow) -> Result<i64, StoreError> {
        self.write(|mut tx| {
            let Machine { host, boot_id } = &process.machine;
            let proc_no = tx.make(
                "INSERT INTO processes(id, host, boot_id, pid, lease_until) VALUES($1, $2, $3, $4, $5) RETURNING proc_no",
                &values![&process.id.as_bytes()[..], host, boot_id, process.pid, process.lease_until],
            )?;
            tx.commit()?;
            Ok(proc_no)
        })
    }

    /// Makes the lease longer; `false` if the process is not known any more.
    pub(crate) fn heartbeat(&mut self, proc_no: i64, lease_until: Micros) -> Result<bool, StoreError> {
        #[cfg(feature = "postgres")]
        if self.backend.dialect() == Dialect::Postgres {
            // Behind no rare transaction of another process, which may take long: this one would look dead.
            return Ok(self.connection().execute(SIGN, &values![lease_until, proc_no])? == 1);
        }
        self.write(|mut tx| {
            let known = tx.execute(SIGN, &values![lease_until, proc_no])? == 1;
            tx.commit()?;
            Ok(known)
        })
    }

    /// Forgets this process, unless it has runs; gives whether it is forgotten.
    pub(crate) fn sign_off(&mut self, proc_no: i64) -> Result<bool, StoreError> {
        self.write(|mut tx| {
            tx.execute("DELETE FROM slot_lines WHERE proc_no=$1", &values![proc_no])?;
            outbox::release(&mut tx, proc_no)?;
            let forgotten = tx.execute(
                "DELETE FROM processes WHERE proc_no=$1 AND NOT EXISTS(SELECT 1 FROM flow_runs WHERE proc_no=$1) \
                 AND NOT EXISTS(SELECT 1 FROM slots WHERE proc_no=$1)",
                &values![proc_no],
            )?;
            tx.commit()?;
            Ok(forgotten == 1)
        })
    }

    /// Records a new run that belongs to this process.
    pub(crate) fn begin(
        &mut self,
        id: RunId,
        run: &NewRun,
        process: &Lease,
    ) -> Result<Ownership, NotGiven<StoreError>> {
        let begun = self.write(|tx| begin::begin(tx, id, run, process));
        self.or_was_given(begun, &InDoubt { run: id, proc_no: process.proc_no, epoch: Epoch::FIRST })
    }

    /// Gives a run that nobody has to this process; it has this graph then, if there is one, and these of its task runs start anew.
    pub(crate) fn claim(
        &mut self,
        run: RunId,
        (seen, parked): (AsSeen, Parked),
        with: &GoesOnWith,
        at: Micros,
        process: &Lease,
    ) -> Result<Ownership, NotGiven<ClaimRefused>> {
        let claimed = self.write(|tx| claim::claim(tx, run, (seen, parked), with, at, process));
        self.or_was_given(claimed, &InDoubt { run, proc_no: process.proc_no, epoch: seen.epoch.next() })
    }

    /// After an error: whether the run was given all the same, and only the answer was lost. It is looked in a transaction that
    /// writes: such a one comes behind the end of the one whose answer was lost.
    fn or_was_given<E>(
        &mut self,
        asked: Result<Ownership, Refusal<E>>,
        given: &InDoubt,
    ) -> Result<Ownership, NotGiven<E>> {
        let error = match (self.doubt, asked) {
            (Doubt::Perhaps, Err(Refusal::Because(error))) => error,
            (_, asked) => return asked.map_err(NotGiven::Refused),
        };
        let sql =
            "SELECT run_no, epoch, version, last_seq, proc_no FROM flow_runs WHERE id=$1 AND proc_no=$2 AND epoch=$3";
        let InDoubt { run, proc_no, epoch } = given;
        for _ in 0..LOOKS {
            match self.write(|mut tx| tx.find(sql, &values![run, *proc_no, *epoch], ownership)) {
                Ok(Some(now)) => return Ok(now),
                Ok(None) => return Err(NotGiven::Refused(Refusal::Because(error))),
                Err::<_, StoreError>(_) => {}
            }
        }
        Err(NotGiven::InDoubt(error))
    }

    /// Takes a run from this process if it was given, which nobody has heard.
    pub(crate) fn take_back(&mut self, given: &InDoubt, at: Micros) -> Result<(), StoreError> {
        let InDoubt { run, proc_no, epoch } = given;
        self.write(|mut tx| {
            lock_run(&mut tx, *run)?;
            let sql = "SELECT run_no FROM flow_runs WHERE id=$1 AND proc_no=$2 AND epoch=$3";
            let Some(run_no) = tx.find(sql, &values![run, *proc_no, *epoch], |row| row.take(0))? else { return Ok(()) };
            bury::crash(&mut tx, run_no, *epoch, at, bury::Blame::Nobody)?;
            tx.commit()
        })
    }

    /// Every process that is known.
    pub(crate) fn processes(&mut self) -> Result<Vec<(i64, ProcessRow)>, StoreError> {
        let sql = "SELECT proc_no, id, host, boot_id, pid, lease_until FROM processes";
        self.connection().all(sql, &[], |row| {
            let process = ProcessRow {
                id: Uuid::from_bytes(row.take(1)?),
                machine: Machine { host: row.take(2)?, boot_id: row.take(3)? },
                pid: row.take(4)?,
                lease_until: row.take(5)?,
            };
            Ok((row.take(0)?, process))
        })
    }

    /// Takes the runs of a process from it, unless its lease has changed since it was looked at; then forgets it.
    pub(crate) fn bury(
        &mut self,
        proc_no: i64,
        process: &ProcessRow,
        at: Micros,
        reaped: &mut Vec<Reaped>,
    ) -> Result<Burial, StoreError> {
        bury::bury(self, proc_no, process, at, reaped)
    }

    /// Takes this run from its owner, if it still is.
    pub(crate) fn abandon(&mut self, run: &Recording, at: Micros) -> Result<(), StoreError> {
        self.write(|mut tx| {
            bury::crash(&mut tx, run.run_no, run.epoch, at, bury::Blame::Nobody)?;
            tx.commit()
        })
    }

    /// Ends a run that nobody has, or asks its owner to. A run that has been asked for is found by [`asked_to_cancel`](
    /// Self::asked_to_cancel).
    pub(crate) fn cancel(&mut self, run: RunId, by: &str, at: Micros) -> Result<Cancelled, CancelRefused> {
        self.write(|tx| cancel::cancel(tx, run, by, at))
    }

    /// The numbers of the runs of this process that are to end, each with who has asked.
    pub(crate) fn asked_to_cancel(&mut self, proc_no: i64) -> Result<Vec<(i64, String)>, StoreError> {
        cancel::asked(self.connection(), proc_no)
    }

    /// Ends a run that its owner has paused, if it was asked for its end.
    pub(crate) fn end_paused(&mut self, run_no: i64, at: Micros) -> Result<(), StoreError> {
        // Who asks now finds no owner, and ends it: no lock is needed to see that nobody did.
        if !cancel::is_asked(self.connection(), run_no)? {
            return Ok(());
        }
        self.write(|tx| cancel::end_paused(tx, run_no, at))
    }

    /// Writes log lines, in their order. Those of runs that are not there any more are left out.
    pub(crate) fn write_lines(&mut self, lines: &[LineEntry], now: Micros) -> Result<(), StoreError> {
        self.write(|tx| logs::write(tx, lines, now))
    }

    /// Removes some log lines, if there are too old ones or too many: at most some hundred, so that nobody waits long.
    pub(crate) fn remove_lines(&mut self, before: Micros, bytes: u64) -> Result<Removed, StoreError> {
        self.write(|tx| logs::remove(tx, before, bytes))
    }

    /// Removes some runs; gives how many.
    pub(crate) fn prune_runs(&mut self, prune: &Prune) -> Result<u64, StoreError> {
        self.write(|tx| prune::runs(tx, prune))
    }

    /// Removes some rows of removed runs; gives how many, and whether there may be more.
    pub(crate) fn prune_rows(&mut self) -> Result<(u64, Removed), StoreError> {
        self.write(prune::rows)
    }

    /// Removes some graphs that no run has any more, of those behind this one; gives how many, and where to go on.
    pub(crate) fn prune_graphs(&mut self, after: &[u8]) -> Result<(u64, Option<Vec<u8>>), StoreError> {
        self.write(|tx| prune::graphs(tx, after))
    }

    /// Removes some ticks from before this moment whose runs are gone, of those behind this one; gives how many, and where to go
    /// on.
    pub(crate) fn prune_ticks(
        &mut self,
        before: Micros,
        after: Option<&TickKey>,
    ) -> Result<(u64, Option<TickKey>), StoreError> {
        self.write(|tx| prune::ticks(tx, before, after))
    }

    /// Gives some of the unused space back; gives how many bytes are left to give back.
    pub(crate) fn shrink(&mut self) -> Result<u64, StoreError> {
        self.backend.shrink()
    }

    /// Takes all places that are wanted, or none.
    pub(crate) fn take_slots(
        &mut self,
        owner: &SlotOwner,
        wanted: &SlotsWanted,
        taking: i64,
        now: Micros,
    ) -> Result<Taking, StoreError> {
        self.write(|tx| slots::take(tx, owner, wanted, taking, now))
    }

    /// Gives places back.
    pub(crate) fn give_back(&mut self, slots: &Slots) -> Result<(), StoreError> {
        self.write(|tx| slots::give_back(tx, slots))
    }

    /// Takes a process out of the lines for these places.
    pub(crate) fn leave_lines(&mut self, proc_no: i64, names: &[String]) -> Result<(), StoreError> {
        self.write(|tx| slots::leave_lines(tx, proc_no, names))
    }

    /// What is sent when a run loses this owner, if it still is; in the place of what was.
    pub(crate) fn set_crash_notices(&mut self, run: &Recording, notices: &[Message]) -> Result<(), StoreError> {
        self.write(|tx| outbox::set_crash_notices(tx, run, notices))
    }

    /// Notes what became of notifications that this process had. What it does not have any more stays as it is, unless
    /// nobody has it and it was sent.
    pub(crate) fn mark(&mut self, proc_no: Option<i64>, marks: &[Mark], now: Micros) -> Result<(), StoreError> {
        self.write(|tx| outbox::mark(tx, proc_no, marks, now))
    }

    /// Gives this process notifications that nobody has.
    pub(crate) fn take_notifications(
        &mut self,
        wanted: &Wanted,
        now: Micros,
        process: &Lease,
    ) -> Result<Vec<ToSend>, Refusal<TakeFailed>> {
        self.write(|tx| outbox::take(tx, wanted, now, process))
    }

    /// Puts secrets, all or none; refuses those that have another key than what is there.
    pub(crate) fn put_secrets(
        &mut self,
        secrets: &[SealedSecret],
        existing: Existing,
    ) -> Result<SecretsChange, StoreError> {
        self.write(|tx| secrets::put(tx, secrets, existing))
    }

    /// Removes a secret; `false` if there is none.
    pub(crate) fn remove_secret(&mut self, name: &str) -> Result<bool, StoreError> {
        self.write(|tx| secrets::remove(tx, name))
    }

    /// Gives all secrets another key, if they are still as they were seen.
    pub(crate) fn rotate_secrets(&mut self, secrets: &[Resealed], key_id: &[u8]) -> Result<SecretsChange, StoreError> {
        self.write(|tx| secrets::rotate(tx, secrets, key_id))
    }

    /// Makes a schedule known, and what it is now. Whether it is paused stays.
    pub(crate) fn see_schedule(&mut self, seen: &ScheduleSeen) -> Result<(), StoreError> {
        self.write(|tx| ticks::see(tx, seen))
    }

    /// Decides a tick, and records its run, if it is to have one: together.
    pub(crate) fn begin_tick(
        &mut self,
        id: RunId,
        run: &NewRun,
        tick: &Tick,
        process: &Lease,
    ) -> Result<Ownership, NotGiven<NoRun>> {
        let begun = self.write(|tx| ticks::begin_tick(tx, id, run, tick, process));
        self.or_was_given(begun, &InDoubt { run: id, proc_no: process.proc_no, epoch: Epoch::FIRST })
    }

    /// Leaves a tick out that is not decided.
    pub(crate) fn skip_tick(&mut self, schedule: &str, at: Micros) -> Result<(), StoreError> {
        self.write(|tx| ticks::skip(tx, schedule, at))
    }

    /// Pauses a schedule.
    pub(crate) fn pause_schedule(&mut self, schedule: &str, at: Micros, by: &str) -> Result<PauseChange, StoreError> {
        self.write(|tx| ticks::pause(tx, schedule, at, by))
    }

    /// Lets a paused schedule go on.
    pub(crate) fn resume_schedule(&mut self, schedule: &str, at: Micros) -> Result<PauseChange, StoreError> {
        self.write(|tx| ticks::resume(tx, schedule, at))
    }
}

fn ownership(row: &mut Row) -> Result<Ownership, Mismatch> {
    Ok(Ownership {
        run_no: row.take(0)?,
        epoch: row.take(1)?,
        version: row.take(2)?,
        last_seq: row.take(3)?,
        proc_no: row.take(4)?,
    })
}

/// Makes the lease of a process longer; `false` if it is not known any more.
pub(super) fn extend(tx: &mut Writing<'_>, process: &Lease) -> Result<bool, StoreError> {
    Ok(tx.execute(EXTEND, &values![process.until, process.proc_no])? == 1)
}

/// Holds a run's row to the end of the transaction: what is read of it afterwards stays true, and no batch of its owner comes
/// between. (In SQLite the transaction does that already.)
pub(super) fn lock_run(tx: &mut Writing<'_>, run: RunId) -> Result<(), StoreError> {
    tx.execute("UPDATE flow_runs SET epoch=epoch WHERE id=$1", &values![&run])?;
    Ok(())
}
