//! A store: opening it, and runs that begin, go on and end. What else can be asked of it is by subject.
mod notifications;
mod reading;
mod schedules;
mod secrets;
mod slots;
mod upkeep;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use crate::backend::AsSeen;
use crate::owned::OwnedRun;
use crate::sql::{Access, Database, Readers};
use crate::writer::{Queue, Request, Writer};
use crate::{
    CancelRefused, Cancelled, ClaimRefused, Location, NewRun, Options, Reaped, RecordedGraph, RunId, RunRow,
    StoreError, StoreUrl, TaskKey,
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

/// What of a run is no longer as it is recorded, from the moment on when it is taken.
#[derive(Clone, Debug, Default)]
pub struct GoesOnWith {
    /// The graph that it has from now on. The tasks that are recorded keep their numbers: their slugs have to stand where they
    /// stood.
    pub graph: Option<RecordedGraph>,
    /// Task runs that are `Pending` again, each by one more change; those that have no row stay so.
    pub anew: Vec<TaskKey>,
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

    /// Takes a run that nobody has: one that crashed, failed or is paused. Of several that try, one gets it: `run` is the run
    /// as the caller saw it, and a run that has changed hands or its state since is refused. It is `Running` then.
    ///
    /// # Errors
    ///
    /// If it ended well, was cancelled, is someone's, or is put aside: see [`ClaimRefused`].
    pub fn claim(&self, run: &RunRow, parked: Parked) -> Result<OwnedRun, ClaimRefused> {
        self.claim_with(run, parked, GoesOnWith::default())
    }

    /// As [`claim`](Self::claim), and the run goes on with something else than what is recorded of it. All of it is one
    /// transaction.
    ///
    /// # Errors
    ///
    /// As [`claim`](Self::claim).
    pub fn claim_with(&self, run: &RunRow, parked: Parked, with: GoesOnWith) -> Result<OwnedRun, ClaimRefused> {
        let (id, seen) = (run.id, AsSeen { epoch: run.epoch, version: run.version });
        let recording = self.0.call(move |writer| writer.claim(id, seen, parked, &with))??;
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

    /// Whether both are clones of one.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
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
