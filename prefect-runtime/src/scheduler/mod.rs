//! Serving schedules: a run for each of their moments, whatever number of processes serve them.
//!
//! A [`Scheduler`] follows the schedules of flows, each on a thread of its own. Moments are decided by the store, once: who
//! else serves the same flows on it takes part in the work, or takes over.
mod bell;
mod decide;
mod error;
mod event;
mod following;
mod lane;
mod left_out;
mod outlook;
mod run;
mod sorted;
mod ticks;

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use prefect_store::{Store, StoreError};

pub use error::SchedulerError;
pub use event::{Happened, LeftBehind, SchedulerEvent, ServedRun, Skipped};

pub(crate) use outlook::Outlook;

use crate::flow::{Flow, FlowOutput, Unread, assert_may_wait};
use crate::notify::{Forwarder, Sender};
use crate::panics::{self, quietly};
use crate::run::{Prepared, notifies};
use crate::{Canceller, Clock};
use lane::{End, Lane, Shared};

/// How often it is looked for runs whose process is gone.
const REAP: Duration = Duration::from_secs(2);
/// So many moments are told of each schedule at first.
const TOLD: usize = 3;

/// Serves the schedules of flows: each moment has one run, whatever number of processes serve on the same store.
///
/// What is late or overlaps is decided by the schedule's [`catch_up`](crate::schedule::Schedule::catch_up) and
/// [`overlap`](crate::schedule::Schedule::overlap). A run that fails holds up nothing, and neither does a schedule whose code
/// panics: it is told, and not served any more. Under [`main`](crate::main) the command `serve` does all this.
///
/// ```
/// use prefect::prelude::*;
/// use prefect::schedule::CronClock;
/// use prefect::store::{Options, RunFilter, StateCode, Store, StoreUrl};
/// use prefect::{Clock, Scheduler};
///
/// #[task]
/// fn report() {}
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("runs.db");
/// let store = Store::open(&StoreUrl::sqlite(path), Options::default()).unwrap();
/// let mornings = CronClock::new("0 9 * * *").unwrap().end_date("2026-01-05").unwrap();
/// let flow = flow!("report", { report() }).schedule(mornings);
/// // In a test, the clock of the test.
/// let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
/// Scheduler::new(store.clone()).flow(&flow).clock(clock).serve().unwrap();
/// let runs = store.runs(&RunFilter::default()).unwrap();
/// assert!(runs.len() == 4 && runs.iter().all(|run| run.state == StateCode::SUCCESS));
/// ```
#[must_use = "it does nothing until it serves"]
pub struct Scheduler {
    store: Store,
    flows: Vec<Flow<Unread>>,
    clock: Clock,
    stop: Canceller,
    tell: Arc<dyn Fn(&SchedulerEvent) + Send + Sync>,
}

/// How it has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// The flows whose schedules could not be followed to their ends.
    pub broken: Vec<String>,
}

impl Scheduler {
    /// One that serves nothing yet, on this store.
    pub fn new(store: Store) -> Self {
        Self { store, flows: Vec::new(), clock: Clock::system(), stop: Canceller::new(), tell: Arc::new(|_| {}) }
    }

    /// Serves the schedule of this flow too. Its runs are as its [`RunSettings`](crate::RunSettings) say, but for the clock,
    /// the store and the schedule's own moments.
    pub fn flow<O: FlowOutput>(mut self, flow: &Flow<O>) -> Self {
        self.flows.push(flow.unread());
        self
    }

    /// The clock, of the runs too. Default: the machine's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Who stops it: no run begins any more, and those that go on are cancelled and waited for. Default: nobody.
    pub fn canceller(mut self, canceller: Canceller) -> Self {
        self.stop = canceller;
        self
    }

    /// Who hears of what happens. It is called on the threads of the schedules: be quick there.
    pub fn on_event(mut self, listener: impl Fn(&SchedulerEvent) + Send + Sync + 'static) -> Self {
        self.tell = Arc::new(move |event| quietly("who listens to a scheduler", || listener(event)));
        self
    }

    /// Serves until it is stopped, or no schedule has moments to come; then waits for the runs that go on.
    ///
    /// Every two seconds it is looked for runs on the store whose process is gone: they are `Crashed`, and can be resumed.
    ///
    /// # Errors
    /// If there is no flow, one has no schedule, two have the same name, or the store cannot be read and written. Later
    /// troubles with the store are told as events, and it is tried again.
    ///
    /// # Panics
    /// In an async context, whose thread must not wait. If a task takes something shared that its flow does not share. If
    /// the system has no thread for a schedule.
    #[track_caller]
    pub fn serve(self) -> Result<Served, SchedulerError> {
        assert_may_wait();
        panics::install_hook();
        let Self { store, flows, clock, stop, tell } = self;
        let shared = Shared { store, clock, stop, tell };
        let flows = check(flows)?;
        let mut forwarder = shared.forwarder(&flows);
        let (mut lanes, mut served) = (Vec::new(), Served::default());
        for flow in flows {
            let lane = shared.lane(flow)?;
            match lane.prepare()? {
                Ok(()) => lanes.push(lane),
                Err(why) => {
                    served.broken.push(lane.name().to_owned());
                    lane.tell(Happened::Broken(why));
                }
            }
        }
        // No time passes until all of them are under way.
        let held = shared.clock.busy();
        let (tell_end, ended) = channel();
        let mut threads = Vec::new();
        for lane in lanes {
            let (tell_end, busy) = (tell_end.clone(), shared.clock.busy());
            let thread = std::thread::Builder::new().name("prefect-schedule".into()).spawn(move || {
                let end = lane.follow(busy);
                // Whoever serves waits for all of them.
                let _ = tell_end.send((lane.name().to_owned(), end));
            });
            threads.push(thread.expect("a thread for a schedule"));
        }
        drop((held, tell_end));
        let mut reaper = Reaper { shared: &shared, in_trouble: false };
        reaper.reap();
        // Behind it: what is said of the runs that have crashed is to be sent too.
        forwarder.look();
        loop {
            match ended.recv_timeout(REAP) {
                Ok((flow, End::Broken)) => served.broken.push(flow),
                Ok((_, End::Over | End::Stopped)) => {}
                Err(RecvTimeoutError::Timeout) => {
                    reaper.reap();
                    forwarder.look();
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
        Ok(served)
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler")
            .field("store", &self.store)
            .field("flows", &self.flows.len())
            .finish_non_exhaustive()
    }
}

/// Refuses what cannot be served.
#[track_caller]
fn check(flows: Vec<Flow<Unread>>) -> Result<Vec<Flow<Unread>>, SchedulerError> {
    if flows.is_empty() {
        return Err(SchedulerError::NoFlow);
    }
    for (i, flow) in flows.iter().enumerate() {
        Prepared::check(flow);
        if flow.schedule.is_none() {
            return Err(SchedulerError::NoSchedule(flow.name().to_owned()));
        }
        if flows[..i].iter().any(|other| other.name() == flow.name()) {
            return Err(SchedulerError::Twice(flow.name().to_owned()));
        }
    }
    Ok(flows)
}

impl Shared {
    /// Sends what was left, by the notifiers and the secrets of these flows.
    fn forwarder(&self, flows: &[Flow<Unread>]) -> Forwarder {
        let sends = |flow: &&Flow<Unread>| flow.settings.outbox.is_none();
        let sender = |flow: &Flow<Unread>| {
            // A mistake in it is told by the runs of the flow.
            let config = flow.settings.config_or_current().ok()?;
            Some(Sender { config, notifies: notifies(&flow.graph) })
        };
        let senders = flows.iter().filter(sends).filter_map(sender).collect();
        Forwarder::new(self.store.clone(), self.clock.clone(), senders)
    }

    fn lane(&self, flow: Flow<Unread>) -> Result<Lane, SchedulerError> {
        let schedule = flow.schedule.clone().ok_or_else(|| SchedulerError::NoSchedule(flow.name().to_owned()))?;
        Ok(Lane::new(flow, schedule, self.clone()))
    }
}

impl Lane {
    /// Makes the schedule known, and tells what is served. The inner error is why it cannot be followed.
    fn prepare(&self) -> Result<Result<(), String>, StoreError> {
        if let Some(mistakes) = self.mistakes() {
            return Ok(Err(mistakes));
        }
        let outlook = Outlook::of(self.schedule(), self.clock(), TOLD);
        let next = match &outlook.next {
            Ok(next) => next.clone(),
            Err(why) => return Ok(Err(why.clone())),
        };
        self.store().see_schedule(outlook.seen(self.name()))?;
        self.tell(Happened::Served { policies: outlook.policies(), description: outlook.description, next });
        Ok(Ok(()))
    }
}

/// Looks for runs whose process is gone.
struct Reaper<'a> {
    shared: &'a Shared,
    in_trouble: bool,
}

impl Reaper<'_> {
    fn reap(&mut self) {
        match self.shared.store.reap() {
            Ok(reaped) => {
                self.in_trouble = false;
                for run in &reaped {
                    (self.shared.tell)(&SchedulerEvent::crashed(run));
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.in_trouble, true) {
                    tracing::warn!(target: "prefect", "Nobody can say whether runs have crashed, which is tried again: {error}");
                }
            }
        }
    }
}
