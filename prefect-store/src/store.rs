//! A store: opening it, and what can be asked of it.
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use crate::backend::Removed;
use crate::owned::OwnedRun;
use crate::schedules::NoRun;
use crate::sql::{Access, Database, Readers};
use crate::writer::{Queue, Request, Writer};
use crate::{
    CancelRefused, Cancelled, Checkup, ClaimRefused, DecidedTick, Existing, Listed, Location, LogFilter, Mark, Micros,
    NewRun, NotificationRow, Options, PauseChange, Prune, PruneStep, Pruned, Reaped, RecordedGraph, RecordedLine,
    Resealed, RunFilter, RunId, RunInput, RunRow, ScheduleRow, ScheduleSeen, SealedSecret, SecretsChange, SlotOwner,
    SlotRow, Slots, SlotsWanted, StateCode, StoreError, StoreUrl, StoredResult, Taking, TaskKey, TaskRow, Tick,
    TickAnswer, ToSend, Transition, Wanted,
};

/// Durable runs: a database, and at most one thread that writes to it.
///
/// A clone is the same store. When the last one is dropped (and the last [`OwnedRun`]), all that was recorded is written.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    url: StoreUrl,
    options: Options,
    access: Access,
    readers: Readers,
    queue: Arc<Queue>,
    /// The thread that writes, from the first time that it is needed.
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What becomes of a run that is put aside because it has ended its process too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parked {
    /// It stays where it is.
    Refuse,
    /// It starts again, and its crashes are counted anew.
    StartAgain,
}

impl Store {
    /// Opens a store, and makes it if it is not there: the folder and the file are for this user alone, and in PostgreSQL its
    /// schema belongs to the user that connects. Tables of an older release become those of this one.
    ///
    /// ```
    /// use prefect_store::{Options, Store, StoreError, StoreUrl};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let refused = Store::open(&StoreUrl::sqlite(folder.path()), Options::default()).unwrap_err();
    /// assert_eq!(refused, StoreError::IsFolder(folder.path().into()));
    /// ```
    ///
    /// # Errors
    ///
    /// If what is there is no store, a newer release's, or cannot be read and written.
    pub fn open(url: &StoreUrl, options: Options) -> Result<Self, StoreError> {
        Self::with_access(url, options, Access::ReadWrite)
    }

    /// Opens a store that is there, to look at it. It is never written to; what would write is refused.
    ///
    /// # Errors
    ///
    /// If there is none, it is of another release, or it cannot be read.
    pub fn open_read_only(url: &StoreUrl, options: Options) -> Result<Self, StoreError> {
        Self::with_access(url, options, Access::ReadOnly)
    }

    fn with_access(url: &StoreUrl, options: Options, access: Access) -> Result<Self, StoreError> {
        let options = options.sensible();
        let readers = url.open(access, &options)?;
        let (url, queue) = (url.clone(), Arc::default());
        Ok(Self(Arc::new(Inner { url, options, access, readers, queue, writer: Mutex::default() })))
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &StoreUrl {
        &self.0.url
    }

    /// Records a new run, which belongs to this process.
    ///
    /// # Errors
    ///
    /// If the store cannot be written. Nothing is recorded then; or, if only the answer was lost, a run that is `Crashed` when
    /// the store answers again, as nobody runs it.
    pub fn begin(&self, run: NewRun) -> Result<OwnedRun, StoreError> {
        let id = RunId::new();
        let recording = self.0.call(move |writer| writer.begin(id, &run))??;
        Ok(OwnedRun::new(recording, Arc::clone(&self.0)))
    }

    /// Decides a tick of a schedule, and records its run, which belongs to this process: in one transaction. Of several that
    /// ask for one tick, one gets it.
    ///
    /// ```
    /// use prefect_store::{IfBusy, Micros, NewRun, Options, RecordedGraph, StateCode, Store, StoreUrl, Tick, TickAnswer};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(&StoreUrl::sqlite(folder.path().join("runs.db")), Options::default()).unwrap();
    /// let run = NewRun {
    ///     flow: "etl".into(),
    ///     name: "brave-otter".into(),
    ///     parameters: "{}".into(),
    ///     graph: RecordedGraph { hash: vec![1], text: "extract".into(), slugs: vec!["extract-1".into()] },
    ///     state: StateCode::SCHEDULED,
    ///     at: Micros(1),
    /// };
    /// let tick = Tick { schedule: "etl".into(), at: Micros(1), next: None, if_busy: IfBusy::Skip };
    /// let begun = store.begin_tick(run.clone(), tick.clone()).unwrap();
    /// assert!(matches!(begun, TickAnswer::Begun(_)));
    /// assert!(matches!(store.begin_tick(run.clone(), tick.clone()), Ok(TickAnswer::Taken)));
    /// // The run of the first tick has not ended.
    /// let second = Tick { at: Micros(2), ..tick };
    /// assert!(matches!(store.begin_tick(run, second), Ok(TickAnswer::Skipped(_))));
    /// ```
    ///
    /// # Errors
    ///
    /// If the store cannot be written. Nothing is decided then, unless only the answer was lost: see [`begin`](Self::begin).
    pub fn begin_tick(&self, run: NewRun, tick: Tick) -> Result<TickAnswer, StoreError> {
        let id = RunId::new();
        Ok(match self.0.call(move |writer| writer.begin_tick(id, &run, &tick))? {
            Ok(recording) => TickAnswer::Begun(OwnedRun::new(recording, Arc::clone(&self.0))),
            Err(NoRun::Taken) => TickAnswer::Taken,
            Err(NoRun::Skipped(runs)) => TickAnswer::Skipped(runs),
            Err(NoRun::Busy(runs)) => TickAnswer::Busy(runs),
            Err(NoRun::Paused) => TickAnswer::Paused,
            Err(NoRun::Store(error)) => return Err(error),
        })
    }

    /// Leaves a tick out, unless it is decided. Those before it that are not decided are not looked for any more.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn skip_tick(&self, schedule: &str, at: Micros) -> Result<(), StoreError> {
        let schedule = schedule.to_owned();
        self.0.call(move |writer| writer.database.skip_tick(&schedule, at))?
    }

    /// Makes a schedule known, and what it is now. Whether it is paused stays.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn see_schedule(&self, seen: ScheduleSeen) -> Result<(), StoreError> {
        self.0.call(move |writer| writer.database.see_schedule(&seen))?
    }

    /// Pauses a schedule: none of its ticks has a run until it is resumed. `by` says who asks, for people.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn pause_schedule(&self, schedule: &str, at: Micros, by: &str) -> Result<PauseChange, StoreError> {
        let (schedule, by) = (schedule.to_owned(), by.to_owned());
        self.0.call(move |writer| writer.database.pause_schedule(&schedule, at, &by))?
    }

    /// Lets a paused schedule go on.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn resume_schedule(&self, schedule: &str, at: Micros) -> Result<PauseChange, StoreError> {
        let schedule = schedule.to_owned();
        self.0.call(move |writer| writer.database.resume_schedule(&schedule, at))?
    }

    /// The schedule of this name, with the last of its ticks up to `until`.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn schedule(&self, name: &str, until: Micros) -> Result<Option<ScheduleRow>, StoreError> {
        Ok(self.0.readers.schedules(Some(name), until)?.into_iter().next())
    }

    /// All schedules that were ever served, by their names, each with its last tick.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn schedules(&self) -> Result<Vec<ScheduleRow>, StoreError> {
        self.0.readers.schedules(None, Micros(i64::MAX))
    }

    /// The ticks of a schedule that were decided, the newest first, at most so many.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn ticks(&self, schedule: &str, limit: u32) -> Result<Vec<DecidedTick>, StoreError> {
        self.0.readers.ticks(schedule, limit)
    }

    /// Takes a run that nobody has: one that crashed, failed or is paused. Of several that try, one gets it: `run` is the run
    /// as the caller saw it, and a run that has changed hands since is refused. It is `Running` then.
    ///
    /// # Errors
    ///
    /// If it ended well, was cancelled, is someone's, or is put aside: see [`ClaimRefused`].
    pub fn claim(&self, run: &RunRow, parked: Parked) -> Result<OwnedRun, ClaimRefused> {
        self.claim_as(run, parked, None)
    }

    /// As [`claim`](Self::claim), and the run has this graph from now on. The tasks that are recorded keep their numbers: their
    /// slugs have to stand where they stood.
    ///
    /// # Errors
    ///
    /// As [`claim`](Self::claim).
    pub fn claim_with_graph(
        &self,
        run: &RunRow,
        parked: Parked,
        graph: RecordedGraph,
    ) -> Result<OwnedRun, ClaimRefused> {
        self.claim_as(run, parked, Some(graph))
    }

    fn claim_as(&self, run: &RunRow, parked: Parked, graph: Option<RecordedGraph>) -> Result<OwnedRun, ClaimRefused> {
        let (id, epoch) = (run.id, run.epoch);
        let recording = self.0.call(move |writer| writer.claim(id, epoch, parked, graph.as_ref()))??;
        Ok(OwnedRun::new(recording, Arc::clone(&self.0)))
    }

    /// Ends a run that nobody has, or asks the process that has it to end it. `by` says who asks, for people.
    ///
    /// # Errors
    ///
    /// If it has ended, or was asked for already: see [`CancelRefused`].
    pub fn cancel(&self, run: RunId, by: &str) -> Result<Cancelled, CancelRefused> {
        let by = by.to_owned();
        self.0.call(move |writer| writer.cancel(run, &by))?
    }

    /// Finds runs whose process is gone: they are `Crashed` then, and their running tasks will run again. A process on this
    /// machine is seen to be gone at once, another one when its lease is over.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn reap(&self) -> Result<Vec<Reaped>, StoreError> {
        self.0.call(Writer::reap)?
    }

    /// Takes places of what is limited, over all processes of this store, all that are wanted or none. It is committed then:
    /// if this process dies, they are free when that is [found](Self::reap).
    ///
    /// Whoever is told that there is none left asks again soon, about every tenth of a second: a process that has waited for
    /// longer than another is let in before it.
    ///
    /// ```
    /// use prefect_store::{Micros, NewRun, Options, RecordedGraph, SlotsWanted, StateCode, Store, StoreUrl, Taking};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(&StoreUrl::sqlite(folder.path().join("runs.db")), Options::default()).unwrap();
    /// let graph = RecordedGraph { hash: vec![1], text: "load".into(), slugs: vec!["load-1".into()] };
    /// let (flow, name) = ("etl".into(), "brave-otter".into());
    /// let run = NewRun { flow, name, parameters: "{}".into(), graph, state: StateCode::RUNNING, at: Micros(1) };
    /// let run = store.begin(run).unwrap();
    /// let load = run.slot_owner(Some((0, None)), Some("load".into()));
    ///
    /// let wanted = SlotsWanted { places: vec![("tag:db".into(), 1)], ..SlotsWanted::default() };
    /// let Taking::Taken(slots) = store.take_slots(&load, &wanted).unwrap() else { panic!() };
    /// let Taking::Full(full) = store.take_slots(&load, &wanted).unwrap() else { panic!() };
    /// assert_eq!(full.holder.unwrap().task.as_deref(), Some("load"));
    /// store.give_back(slots, ());
    /// let Taking::Taken(slots) = store.take_slots(&load, &wanted).unwrap() else { panic!() };
    /// # store.give_back(slots, ());
    /// ```
    ///
    /// # Errors
    ///
    /// If the store cannot be written. Nothing is taken then.
    pub fn take_slots(&self, owner: &SlotOwner, wanted: &SlotsWanted) -> Result<Taking, StoreError> {
        let (owner, wanted) = (owner.clone(), wanted.clone());
        self.0.call(move |writer| writer.take_slots(&owner, &wanted))?
    }

    /// Gives places back, and does not wait for it. Then `done` is dropped, on the writer's thread.
    pub fn give_back(&self, slots: Slots, done: impl Send + 'static) {
        self.0.queue.request(Request::Call(Box::new(move |writer| {
            writer.give_back_slots(slots);
            drop(done);
        })));
    }

    /// The places that are taken, in order.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn slots(&self) -> Result<Vec<SlotRow>, StoreError> {
        self.0.readers.slots()
    }

    /// Whether both are clones of one.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The run that a person means: by its whole id, by at least four digits of the beginning or the end of it, or by its name.
    ///
    /// # Errors
    ///
    /// If no run fits, or several do.
    pub fn run(&self, reference: &str) -> Result<RunRow, StoreError> {
        self.0.readers.run(reference)
    }

    /// Runs, newest first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        self.0.readers.runs(filter)
    }

    /// The last run of each flow, newest first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn last_runs(&self) -> Result<Vec<RunRow>, StoreError> {
        self.0.readers.last_runs()
    }

    /// Looks at all of the database: how large it is, and whether something is damaged. Takes as long as reading it.
    ///
    /// ```
    /// use prefect_store::{Options, Store, StoreUrl};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(&StoreUrl::sqlite(folder.path().join("runs.db")), Options::default()).unwrap();
    /// let checkup = store.check().unwrap();
    /// assert_eq!((checkup.runs, checkup.damage.len()), (0, 0));
    /// ```
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn check(&self) -> Result<Checkup, StoreError> {
        self.0.readers.check()
    }

    /// The parameters and the graph of a run.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the store cannot be read.
    pub fn input(&self, run: RunId) -> Result<RunInput, StoreError> {
        self.0.readers.input(run)
    }

    /// The task runs of a run that have a state other than the Pending they begin in, without the children of mapped tasks.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the store cannot be read.
    pub fn task_runs(&self, run: RunId) -> Result<Vec<TaskRow>, StoreError> {
        self.0.readers.task_runs(run)
    }

    /// Children of a mapped task in their order, from `from` on, at most `limit`; those that were never started have no row.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the store cannot be read.
    pub fn children(&self, run: RunId, task: u32, from: u32, limit: u32) -> Result<Vec<TaskRow>, StoreError> {
        self.0.readers.children(run, task, from, limit)
    }

    /// How many children of a mapped task are in which state.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the store cannot be read.
    pub fn count_children(&self, run: RunId, task: u32) -> Result<Vec<(StateCode, u64)>, StoreError> {
        self.0.readers.count_children(run, task)
    }

    /// All task runs with their results, children too, page by page: what who goes on with a run needs. `after` is the last of
    /// the page before.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the store cannot be read.
    pub fn recorded(
        &self,
        run: RunId,
        after: Option<TaskKey>,
        limit: u32,
    ) -> Result<Vec<(TaskRow, Option<StoredResult>)>, StoreError> {
        self.0.readers.recorded(run, after, limit)
    }

    /// The result of a task run, if it has one.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the store cannot be read.
    pub fn result(&self, run: RunId, task: u32, index: Option<u32>) -> Result<Option<StoredResult>, StoreError> {
        self.0.readers.result(run, task, index)
    }

    /// The changes of state of a run in their order, behind the one with this number (0: from the first), at most `limit`.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the store cannot be read.
    pub fn transitions(&self, run: RunId, after: u64, limit: u32) -> Result<Vec<Transition>, StoreError> {
        self.0.readers.transitions(run, after, limit)
    }

    /// Log lines of a run, in the order in which they came.
    ///
    /// ```
    /// use prefect_store::{LogFilter, LogLevel, LogLine, LogPage, Micros, NewRun, Options, RecordedGraph, StateCode};
    /// # use prefect_store::{FlowChange, Store, StoreUrl};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let store = Store::open(&StoreUrl::sqlite(folder.path().join("runs.db")), Options::default()).unwrap();
    /// # let graph = RecordedGraph { hash: vec![1], text: "a".into(), slugs: vec!["a-1".into()] };
    /// # let new = NewRun { flow: "etl".into(), name: "one".into(), parameters: "{}".into(), graph, state: StateCode::RUNNING, at: Micros(1) };
    /// # let run = store.begin(new).unwrap();
    /// let line = |level, message: &str| LogLine {
    ///     task: None,
    ///     attempt: 0,
    ///     at: Micros(5),
    ///     level,
    ///     target: "etl".into(),
    ///     message: message.to_owned(),
    /// };
    /// run.log(line(LogLevel::Info, "begins"));
    /// run.log(line(LogLevel::Error, "no rows"));
    /// # let end = FlowChange { state: StateCode::FAILED, version: 2, at: Micros(6), message: None, notifications: Vec::new() };
    /// # run.wait(run.record_run(end)).unwrap();
    /// let filter = LogFilter { level: LogLevel::Warn, page: LogPage::Last(10), ..LogFilter::default() };
    /// let lines = store.logs(run.id(), &filter).unwrap();
    /// assert_eq!(lines.len(), 1);
    /// assert_eq!((lines[0].number, lines[0].line.message.as_str()), (2, "no rows"));
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no such run, or the store cannot be read.
    pub fn logs(&self, run: RunId, filter: &LogFilter) -> Result<Vec<RecordedLine>, StoreError> {
        self.0.readers.logs(run, filter)
    }

    /// How many runs [`prune`](Self::prune) would remove.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn count_prunable(&self, prune: &Prune) -> Result<u64, StoreError> {
        self.0.readers.count_prunable(prune)
    }

    /// Removes runs that ended long ago, with all that is recorded of them, and the graphs that no run has any more; then gives
    /// the space back to the system. Runs that somebody has, that wait for somebody or that have crashed stay: they go on some
    /// time, or are cancelled.
    ///
    /// Others write meanwhile: it is done a little at a time. `tell` hears how far it is. If it is interrupted, whoever prunes
    /// next goes on with it.
    ///
    /// ```
    /// # use prefect_store::{FlowChange, Micros, NewRun, Options, Prune, RecordedGraph, StateCode, Store, StoreUrl};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let store = Store::open(&StoreUrl::sqlite(folder.path().join("runs.db")), Options::default()).unwrap();
    /// # let graph = RecordedGraph { hash: vec![1], text: "a".into(), slugs: vec!["a-1".into()] };
    /// # let new = NewRun { flow: "etl".into(), name: "one".into(), parameters: "{}".into(), graph, state: StateCode::RUNNING, at: Micros(1) };
    /// # let run = store.begin(new).unwrap();
    /// # let end = FlowChange { state: StateCode::SUCCESS, version: 2, at: Micros(6), message: None, notifications: Vec::new() };
    /// # run.wait(run.record_run(end)).unwrap();
    /// let old = Prune { ended_before: Micros(1_000_000), keep: 0 };
    /// assert_eq!(store.count_prunable(&old).unwrap(), 1);
    /// let pruned = store.prune(&old, |_| {}).unwrap();
    /// assert_eq!((pruned.runs, pruned.graphs), (1, 1));
    /// assert!(store.runs(&Default::default()).unwrap().is_empty());
    /// ```
    ///
    /// # Errors
    ///
    /// If the store cannot be written. What was removed before is gone.
    pub fn prune(&self, prune: &Prune, mut tell: impl FnMut(PruneStep)) -> Result<Pruned, StoreError> {
        let prune = *prune;
        let source = self.0.readers.source();
        let mut pruned = Pruned { bytes: (source.size()?, 0), ..Pruned::default() };
        loop {
            let runs = self.0.call(move |writer| writer.database.prune_runs(&prune))??;
            if runs == 0 {
                break;
            }
            pruned.runs += runs;
            tell(PruneStep::Runs(pruned.runs));
        }
        loop {
            let (rows, removed) = self.0.call(|writer| writer.database.prune_rows())??;
            pruned.rows += rows;
            tell(PruneStep::Rows(pruned.rows));
            if removed == Removed::All {
                break;
            }
        }
        pruned.graphs = self.0.call(|writer| writer.database.prune_graphs())??;
        loop {
            let left = self.0.call(|writer| writer.database.shrink())??;
            tell(PruneStep::Space(left));
            if left == 0 {
                break;
            }
        }
        pruned.bytes.1 = source.size()?;
        Ok(pruned)
    }

    /// Copies the store into a new file, for this user alone, as it is at this moment: others write meanwhile. Gives the size of
    /// the copy. `tell` hears how many bytes are copied, and of how many.
    ///
    /// # Errors
    ///
    /// If there is such a file, it cannot be written, or the store cannot be read. There is no copy then.
    pub fn backup(&self, file: &Path, mut tell: impl FnMut(u64, u64)) -> Result<u64, StoreError> {
        self.0.readers.source().backup(file, &mut tell)
    }

    /// Notifications, the oldest first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn notifications(&self, listed: Listed) -> Result<Vec<NotificationRow>, StoreError> {
        self.0.readers.notifications(listed)
    }

    /// For whom notifications wait that are due: their services, and to whom those send.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn due_notifications(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.0.readers.due_notifications(self.0.options.clock.now())
    }

    /// Gives this process notifications that nobody has, to send them. It says what became of them by [`mark`](Self::mark);
    /// those of which it says nothing wait again when it ends.
    ///
    /// # Errors
    ///
    /// If the store cannot be written. Nothing is taken then.
    pub fn take_notifications(&self, wanted: Wanted) -> Result<Vec<ToSend>, StoreError> {
        self.0.call(move |writer| writer.take_notifications(&wanted))?
    }

    /// Says what became of notifications that this process had. Does not wait: what comes while the writer is busy is one
    /// transaction. What is not written when this process ends is sent once more by another one.
    pub fn mark(&self, marks: Vec<Mark>) {
        self.0.queue.request(Request::Mark(marks));
    }

    /// Waits until all is written that was [marked](Self::mark) before.
    ///
    /// # Errors
    ///
    /// If it cannot be: then those notifications are sent once more by another process.
    pub fn wait_for_marks(&self) -> Result<(), StoreError> {
        self.0.call(Writer::write_marks)?
    }

    /// The secret of this name, sealed.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn secret(&self, name: &str) -> Result<Option<SealedSecret>, StoreError> {
        self.0.readers.secret(name)
    }

    /// All secrets by their names, sealed.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn secrets(&self) -> Result<Vec<SealedSecret>, StoreError> {
        self.0.readers.secrets()
    }

    /// Puts secrets, all or none. All secrets of a store have one key: those of another one are refused.
    ///
    /// # Errors
    ///
    /// If the store cannot be written. Nothing has changed then.
    pub fn put_secrets(&self, secrets: Vec<SealedSecret>, existing: Existing) -> Result<SecretsChange, StoreError> {
        self.0.call(move |writer| writer.database.put_secrets(&secrets, existing))?
    }

    /// Removes a secret. Gives whether there was one.
    ///
    /// # Errors
    ///
    /// If the store cannot be written. Nothing has changed then.
    pub fn remove_secret(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.0.call(move |writer| writer.database.remove_secret(&name))?
    }

    /// Gives all secrets another key, in one transaction. They have to be all that there are, as they were read:
    /// what somebody else puts meanwhile is not lost.
    ///
    /// # Errors
    ///
    /// If the store cannot be written. All secrets have their old key then, or, if only the answer was lost, all the new one.
    pub fn rotate_secrets(&self, secrets: Vec<Resealed>, key_id: Vec<u8>) -> Result<SecretsChange, StoreError> {
        self.0.call(move |writer| writer.database.rotate_secrets(&secrets, &key_id))?
    }
}

impl Inner {
    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    fn at(&self) -> Location {
        self.readers.source().location().clone()
    }

    /// Has the writer do this, in its place among what is recorded.
    pub(crate) fn call<R: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Writer) -> R + Send + 'static,
    ) -> Result<R, StoreError> {
        self.start_writer()?;
        let (answer, answered) = mpsc::sync_channel(1);
        self.queue.request(Request::Call(Box::new(move |writer| {
            let _ = answer.send(ask(writer));
        })));
        answered.recv().map_err(|_| StoreError::WriterGone(self.at()))
    }

    fn start_writer(&self) -> Result<(), StoreError> {
        if self.access == Access::ReadOnly {
            return Err(StoreError::ReadOnly(self.at()));
        }
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.is_none() {
            let source = self.readers.source();
            let database = Database::new(source.writer()?, &self.options);
            let work = Writer::new(database, self.options.clone(), Arc::clone(&self.queue), source.locks());
            let thread = std::thread::Builder::new().name("prefect-store".into()).spawn(move || work.work());
            *writer = Some(thread.map_err(|error| StoreError::CannotOpen {
                at: self.at(),
                reason: format!("no thread for it: {error}"),
            })?);
        }
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            // The last one may be dropped by who listens to commits: on that very thread.
            && writer.thread().id() != std::thread::current().id()
            && writer.join().is_err()
        {
            tracing::error!(target: "prefect.Store", "The thread that writes {} has panicked", self.at());
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.0.url).finish()
    }
}
