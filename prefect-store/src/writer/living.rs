//! Signs of life: this process among those that a store knows, and what it gets as one of them.
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::Writer;
use crate::backend::{AsSeen, InDoubt, Lease, NotGiven, Ownership, ProcessRow, Refusal, ServerTime};
use crate::owned::{Position, Recording};
use crate::presence::Presence;
use crate::schedules::NoRun;
use crate::sql::Waits;
use crate::sql::outbox::TakeFailed;
use crate::{
    CancelRefused, Cancelled, ClaimRefused, Epoch, Fate, GoesOnWith, Lost, LostReason, Mark, Micros, NewRun,
    NotificationRef, Parked, RunId, StoreError, Tick, ToSend, Wanted,
};

/// How this process is known to the others.
pub(crate) struct Living {
    /// Where the lock files are.
    folder: PathBuf,
    registered: Option<Registered>,
    /// How far the database's clock is before this machine's, in microseconds: leases are counted by the former.
    ahead: i64,
    /// From the first time on that this process is known, or judges others.
    watch: Option<Watch>,
    /// The runs that were taken by this process, as far as somebody still holds them.
    runs: Vec<Weak<Recording>>,
    /// When it was looked last whether one of them is to end.
    looked: Option<Instant>,
}

struct Registered {
    proc_no: i64,
    presence: Presence,
}

/// That this process is awake, and the store there. Of one that is registered it is what others know.
#[derive(Clone, Copy, Debug)]
struct Watch {
    /// If nothing is heard of it until then, the process has slept, or the store was away.
    until: Micros,
    /// When the next sign is due, by the machine's clock: only the writer waits for it.
    next_sign: Instant,
}

impl Living {
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self { folder, registered: None, ahead: 0, watch: None, runs: Vec::new(), looked: None }
    }

    pub(crate) fn next_sign(&self) -> Option<Instant> {
        self.watch.map(|watch| watch.next_sign)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The number of this process, if it is known.
    pub(super) fn me(&self) -> Option<i64> {
        self.registered.as_ref().map(|registered| registered.proc_no)
    }

    /// Whether nothing was heard of this process, or of the store, for a lease: others may have given a sign meanwhile that did
    /// not arrive.
    pub(super) fn has_lapsed(&self, now: Micros) -> bool {
        self.watch.is_some_and(|watch| watch.until < now)
    }

    fn watch(&mut self, until: Micros, lease: Duration) {
        self.watch = Some(Watch { until, next_sign: Instant::now() + lease / 3 });
    }

    /// The runs that were taken by this process and that somebody still holds.
    pub(super) fn runs(&self) -> Vec<Arc<Recording>> {
        self.runs.iter().filter_map(Weak::upgrade).collect()
    }

    fn hold(&mut self, run: &Arc<Recording>) {
        self.runs.retain(|run| run.strong_count() > 0);
        self.runs.push(Arc::downgrade(run));
    }
}

impl Writer {
    /// What time it is for what several processes compare: leases, starts, lines.
    pub(super) fn lease_time(&self) -> Micros {
        Micros(self.options.clock.now().0.saturating_add(self.living.ahead))
    }

    /// Compares this machine's clock with the database's. A clock of one's own is everybody's.
    fn compare_clocks(&mut self) -> Result<(), StoreError> {
        let clock = &self.options.clock;
        if clock.is_of_machine() {
            let asked = clock.now();
            if let Some(ServerTime { now: Micros(there), up_since }) = self.database.now()? {
                self.living.ahead = there.saturating_sub(i64::midpoint(asked.0, clock.now().0));
                // Before that nobody could give a sign.
                self.judge.be_lenient_until(up_since.after(self.options.lease));
            }
        }
        Ok(())
    }

    /// What time it is, for who judges others: from now on it is noticed if this process sleeps, or the store is away.
    pub(super) fn time_to_judge(&mut self) -> Result<Micros, StoreError> {
        self.compare_clocks()?;
        let (now, lease) = (self.lease_time(), self.options.lease);
        if self.living.has_lapsed(now) {
            self.judge.be_lenient_until(now.after(lease));
        }
        if self.living.registered.is_none() {
            self.living.watch(now.after(lease), lease);
        }
        Ok(now)
    }

    /// Makes the lease longer when it is time.
    pub(super) fn give_sign(&mut self) {
        let Some(watch) = self.living.watch else { return };
        let lease = self.options.lease;
        let now = self.lease_time();
        if self.living.has_lapsed(now) {
            // This process has slept, with the machine perhaps, and all others with it: they are given time for a sign.
            self.judge.be_lenient_until(now.after(lease));
        }
        // Under virtual time the lease may need it before the machine's clock says so.
        let due = watch.next_sign <= Instant::now() || watch.until < now.after(lease.saturating_sub(lease / 3));
        if due && let Err(error) = self.renew() {
            tracing::warn!(target: "prefect.Store", "No sign of life could be given, which is tried again: {error}");
        }
    }

    /// Makes the lease longer now. A process that is not known any more was taken for dead: its runs are lost.
    fn renew(&mut self) -> Result<(), StoreError> {
        let lease = self.options.lease;
        let Some(watch) = &mut self.living.watch else { return Ok(()) };
        watch.next_sign = Instant::now() + (lease / 3).min(Duration::from_secs(1));
        self.compare_clocks()?;
        let until = self.lease_time().after(lease);
        let is_known = match self.living.me() {
            Some(me) => self.database.heartbeat(me, until)?,
            // Nobody knows it, and it has no runs.
            None => true,
        };
        self.living.watch(until, lease);
        if is_known {
            return Ok(());
        }
        self.living.registered = None;
        self.database.waits(None);
        for run in self.living.runs() {
            let reason = match self.database.standing(run.run_no) {
                Ok(None) => LostReason::Deleted,
                Ok(Some(now)) if now.epoch == run.epoch => continue,
                // Its next change is told.
                Err(_) => continue,
                Ok(Some(now)) => LostReason::TakenOver { by: now.owner, state: now.state },
            };
            let from = Position(self.done + 1);
            run.lose(from, Lost { run: run.id, reason });
        }
        Ok(())
    }

    fn register(&mut self) -> Result<Lease, StoreError> {
        if let Some(proc_no) = self.living.me() {
            return Ok(Lease { proc_no, until: self.lease_time().after(self.options.lease) });
        }
        self.compare_clocks()?;
        let until = self.lease_time().after(self.options.lease);
        let presence = Presence::announce(&self.living.folder).map_err(|error| StoreError::CannotOpen {
            at: self.living.folder.clone().into(),
            reason: error.to_string(),
        })?;
        let machine = self.options.machine.clone();
        let process = ProcessRow { id: presence.id, pid: std::process::id(), machine, lease_until: until };
        let proc_no = self.database.register(&process)?;
        let lease = self.options.lease;
        // Of a clock of one's own nothing passes while somebody waits.
        self.database.waits(self.options.clock.is_of_machine().then_some(Waits { proc_no, lease }));
        self.living.watch(until, lease);
        self.living.registered = Some(Registered { proc_no, presence });
        Ok(Lease { proc_no, until })
    }

    /// Asks for a run, and once more if it turns out that this process has been taken for dead.
    fn take<E: From<StoreError>>(
        &mut self,
        (id, epoch): (RunId, Epoch),
        mut ask: impl FnMut(&mut Self, &Lease) -> Result<Ownership, NotGiven<E>>,
    ) -> Result<Arc<Recording>, E> {
        self.clear_doubts();
        loop {
            let lease = self.register()?;
            match ask(self, &lease) {
                Ok(ownership) => {
                    let run = Arc::new(Recording::new(id, &ownership));
                    self.living.hold(&run);
                    self.living.watch(lease.until, self.options.lease);
                    return Ok(run);
                }
                Err(NotGiven::Refused(Refusal::NotRegistered)) => self.renew()?,
                Err(NotGiven::Refused(Refusal::Because(error))) => return Err(error),
                Err(NotGiven::InDoubt(error)) => {
                    self.in_doubt.push(InDoubt { run: id, proc_no: lease.proc_no, epoch });
                    return Err(error);
                }
            }
        }
    }

    /// Takes back runs that may be this process's without anybody knowing of it: nobody could go on with them while it lives.
    pub(super) fn clear_doubts(&mut self) {
        while let Some(given) = self.in_doubt.last() {
            if let Err(error) = self.database.take_back(given, self.options.clock.now()) {
                let run = given.run;
                tracing::warn!(
                    target: "prefect.Store",
                    "Whether run {run} has begun cannot be found out, which is tried again: {error}"
                );
                return;
            }
            self.in_doubt.pop();
        }
    }

    pub(crate) fn begin(&mut self, id: RunId, run: &NewRun) -> Result<Arc<Recording>, StoreError> {
        self.take((id, Epoch::FIRST), |writer, lease| writer.database.begin(id, run, lease))
    }

    pub(crate) fn begin_tick(&mut self, id: RunId, run: &NewRun, tick: &Tick) -> Result<Arc<Recording>, NoRun> {
        self.take((id, Epoch::FIRST), |writer, lease| writer.database.begin_tick(id, run, tick, lease))
    }

    pub(crate) fn claim(
        &mut self,
        id: RunId,
        seen: AsSeen,
        parked: Parked,
        with: &GoesOnWith,
    ) -> Result<Arc<Recording>, ClaimRefused> {
        let now = self.options.clock.now();
        self.take((id, seen.epoch.next()), |writer, lease| writer.database.claim(id, (seen, parked), with, now, lease))
    }

    /// When it is to be looked next whether a run is to end; never if nobody would be told.
    pub(super) fn next_look(&self) -> Option<Instant> {
        // Of a process that nobody knows, nobody asks anything: its runs are lost.
        self.living.me()?;
        let any = self.living.runs.iter().filter_map(Weak::upgrade).any(|run| run.can_be_cancelled());
        any.then(|| self.living.looked.map_or_else(Instant::now, |looked| looked + self.options.look_every))
    }

    /// Tells those runs that are to end, when it is time to look.
    pub(super) fn look_for_cancels(&mut self) {
        let (Some(next), Some(me)) = (self.next_look(), self.living.me()) else { return };
        let now = Instant::now();
        if next > now {
            return;
        }
        self.living.looked = Some(now);
        match self.database.asked_to_cancel(me) {
            Ok(asked) => {
                let runs = self.living.runs();
                for (run_no, by) in asked {
                    runs.iter().filter(|run| run.run_no == run_no).for_each(|run| run.cancel(&by));
                }
            }
            // It is looked again soon, and the next change says it aloud.
            Err(error) => tracing::debug!(target: "prefect.Store", "Nobody can say whether a run is to end: {error}"),
        }
    }

    /// A run has been paused: if somebody has asked for its end since the last look, it was not told, and is ended here.
    pub(super) fn end_paused(&mut self, run: &Recording) {
        if let Err(error) = self.database.end_paused(run.run_no, self.options.clock.now()) {
            // Whoever would go on with it looks once more.
            tracing::warn!(target: "prefect.Store", "Nobody can say whether run {} is to end: {error}", run.id);
        }
    }

    pub(crate) fn cancel(&mut self, run: RunId, by: &str) -> Result<Cancelled, CancelRefused> {
        let now = self.options.clock.now();
        self.database.cancel(run, by, now)
    }

    /// Gives this process notifications to send.
    pub(crate) fn take_notifications(&mut self, wanted: &Wanted) -> Result<Vec<ToSend>, StoreError> {
        // What was given back may be wanted.
        self.write_marks()?;
        loop {
            let lease = self.register()?;
            let now = self.options.clock.now();
            match self.database.take_notifications(wanted, now, &lease) {
                Ok(taken) => return Ok(taken),
                Err(Refusal::NotRegistered) => self.renew()?,
                Err(Refusal::Because(TakeFailed { error, perhaps })) => {
                    // Nobody sends them while this process lives: what it may have is given back, before anything is taken.
                    let fate = Fate::Untried(format!("the store's answer was lost: {error}"));
                    self.marks.extend(
                        perhaps.into_iter().map(|id| Mark { of: NotificationRef::row(id), fate: fate.clone() }),
                    );
                    return Err(error);
                }
            }
        }
    }

    /// Writes what became of notifications that this process had.
    pub(crate) fn write_marks(&mut self) -> Result<(), StoreError> {
        if self.marks.is_empty() {
            return Ok(());
        }
        let me = self.living.me();
        let now = self.options.clock.now();
        match self.database.mark(me, &self.marks, now) {
            Ok(()) => self.marks.clear(),
            Err(error) => {
                tracing::warn!(
                    target: "prefect.Store",
                    "What became of {} notifications cannot be written, which is tried again: {error}", self.marks.len()
                );
                return Err(error);
            }
        }
        Ok(())
    }

    /// The end of this process, as far as the store goes.
    pub(super) fn sign_off(&mut self) {
        // Without it some are sent twice, and none is lost.
        let _ = self.write_marks();
        // Without it they count as the end of their process.
        self.clear_doubts();
        self.abandon_all();
        if let Some(registered) = self.living.registered.take() {
            match self.database.sign_off(registered.proc_no) {
                Ok(true) => registered.presence.end(),
                // It has a run that could not be given back. The file stays, and says that nobody holds it: so whoever looks next
                // takes the run from it, and does not wait for the lease.
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(target: "prefect.Store", "The end of this process is not recorded: {error}");
                }
            }
        }
    }
}
