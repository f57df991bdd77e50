//! What the workers of one run share: the engine behind one lock, their desks, and who sleeps.
use std::future::poll_fn;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Poll, Wake, Waker};

use super::accounted::Accounted;
use super::attempt::Attempt;
use super::commits::Commits;
use super::desk::Desk;
use super::threads;
use crate::State;
use crate::clock::{Tick, Timer};
use crate::context::Context;
use crate::engine::{Batch, Engine};
use crate::flow::TaskFuture;
use crate::flow::graph::TaskId;
use crate::limits::{Places, RunLimits};
use crate::lock::lock;
use crate::quiet::Quiet;
use crate::run::{RunCore, Until};
use crate::sync::{Condvar, Mutex, spawn_on};
use crate::task_run::{self, Ended, Started};

/// How many bodies may have outlived their timeouts at once, in the whole process: each keeps a thread.
const MAX_STUCK: isize = 512;
/// Below zero when a body comes back before it is counted.
static STUCK: AtomicIsize = AtomicIsize::new(0);

pub(crate) struct Pool {
    pub(crate) core: Arc<RunCore>,
    pub(super) until: Until,
    pub(super) sched: Mutex<Sched>,
    /// For workers that sleep.
    pub(super) wake: Condvar,
    /// For the caller, when the last worker has ended.
    pub(super) ended: Condvar,
    pub(super) desks: Vec<Mutex<Desk>>,
}

pub(super) struct Sched {
    pub(super) engine: Engine,
    /// The running mean of the time that one task takes, in nanoseconds.
    pub(super) mean: u64,
    /// Workers that have not ended.
    pub(super) live: usize,
    /// Workers that sleep, those that are being woken included.
    pub(super) waiting: usize,
    /// How many of them were given leave to go on (and a busy token each).
    pub(super) granted: usize,
    /// Bodies on the async runtime.
    pub(super) away: usize,
    /// Bodies that have ended elsewhere: the steps after them are a worker's work.
    pub(super) back: Vec<Back>,
    /// What has ended and is not recorded yet, if the run is recorded.
    pub(super) commits: Commits,
    pub(super) stop: bool,
    /// Whether a busy token was left for the caller.
    pub(super) token_left: bool,
    pub(super) broken: Option<State>,
    alarm: Option<(Tick, Timer)>,
}

/// A task run whose body has ended elsewhere.
pub(super) struct Back {
    pub(super) started: Started,
    pub(super) ended: Ended,
}

impl Pool {
    pub(super) fn new(core: &Arc<RunCore>, engine: Engine, workers: usize, until: Until) -> Arc<Self> {
        let sched = Sched {
            engine,
            // At first a batch is one task: nobody knows yet how long they take.
            mean: 1_000_000,
            live: workers,
            waiting: 0,
            granted: 0,
            away: 0,
            back: Vec::new(),
            commits: Commits::default(),
            stop: false,
            token_left: false,
            broken: None,
            alarm: None,
        };
        let pool = Arc::new(Self {
            core: Arc::clone(core),
            until,
            sched: Mutex::new(sched),
            wake: Condvar::new(),
            ended: Condvar::new(),
            desks: (0..workers).map(|_| Mutex::default()).collect(),
        });
        pool.follow_commits();
        pool
    }

    /// Lets one sleeping worker go on.
    pub(super) fn grant(&self, sched: &mut Sched) {
        if sched.waiting > sched.granted {
            sched.granted += 1;
            self.core.services.clock.enter();
            self.wake.notify_one();
        }
    }

    /// All has been done: a busy token is left for the caller, so that no time passes before it goes on.
    pub(super) fn is_over(&self, sched: &mut Sched) {
        if !sched.stop {
            sched.token_left = true;
            self.core.services.clock.enter();
        }
        self.stop(sched);
    }

    pub(super) fn stop(&self, sched: &mut Sched) {
        sched.stop = true;
        self.wake.notify_all();
    }

    /// Sees to it that the next scheduled task run is woken at its tick. What comes back is to be dropped outside the lock.
    #[must_use]
    pub(super) fn set_alarm(self: &Arc<Self>, sched: &mut Sched) -> Option<Timer> {
        if self.until == Until::OnePass {
            return None;
        }
        let due = sched.engine.next_due()?;
        if sched.alarm.as_ref().is_some_and(|(tick, _)| *tick <= due) {
            return None;
        }
        let waker = Waker::from(Arc::new(Alarm(Arc::downgrade(self))));
        let timer = self.core.services.clock.timer(due, waker);
        sched.alarm.replace((due, timer)).map(|(_, old)| old)
    }

    fn ring(self: &Arc<Self>) {
        let (old, older) = {
            let mut sched = lock(&self.sched);
            let old = sched.alarm.take();
            sched.engine.wake(self.core.services.clock.now());
            let older = self.set_alarm(&mut sched);
            if sched.engine.ready() > 0 {
                self.grant(&mut sched);
            }
            (old, older)
        };
        drop((old, older));
    }

    /// Makes those ready that have waited for places, and have got them.
    pub(super) fn let_in(&self, sched: &mut Sched) {
        if let Some(limits) = &self.core.limits {
            limits.let_in(&mut sched.engine);
        }
    }

    /// Whether something waits for places. Nobody waits for it in a single pass, nor once the run is cancelled.
    pub(super) fn waits_for_places(&self) -> bool {
        let waits = self.until == Until::TheEnd && !self.core.is_cancelled();
        waits && self.core.limits.as_ref().is_some_and(RunLimits::is_any_waiting)
    }

    /// One more body is on the async runtime, or soon will be.
    pub(super) fn goes_away(&self) {
        lock(&self.sched).away += 1;
    }

    /// A body that waits, and was counted as one that goes away, goes to the async runtime.
    pub(super) fn send_away(
        self: &Arc<Self>,
        task: TaskId,
        body: Away,
        future: Quiet<TaskFuture>,
        context: Context,
        places: Option<Places>,
    ) {
        let pool = Arc::clone(self);
        let attempt = match &body {
            Away::Timed(attempt) => Some(Arc::clone(attempt)),
            Away::Plain(_) => None,
        };
        let run = async move {
            // When it takes too long, it may be dropped later than its end is told.
            let _places = places;
            let (mut future, mut cancelled) = (Some(future), pool.core.stopped(task));
            let ended = poll_fn(|cx| {
                if let Some(cancelled) = &mut cancelled
                    && cancelled.poll_cancelled(cx.waker()).is_ready()
                {
                    // What the body holds goes before its end is told.
                    future = None;
                    return Poll::Ready(Ended::Cancelled);
                }
                task_run::caught_poll(&mut future, &context, cx).map(Ended::Body)
            });
            let ended = ended.await;
            pool.has_ended(body, ended);
        };
        let clock = &self.core.services.clock;
        let handle = self.core.services.runtime.handle();
        let abort =
            if clock.is_virtual() { spawn_on(&handle, Accounted::new(clock, run)) } else { spawn_on(&handle, run) };
        if let Some(attempt) = attempt {
            attempt.set_abort(abort);
        }
    }

    fn has_ended(&self, body: Away, ended: Ended) {
        let started = match body {
            Away::Plain(started) => started,
            Away::Timed(attempt) => match attempt.claim() {
                Some(started) => started,
                None => return,
            },
        };
        self.come_back(Back { started, ended });
    }

    /// A body has ended on the runtime, or was given up there.
    pub(super) fn come_back(&self, back: Back) {
        let mut sched = lock(&self.sched);
        sched.away -= 1;
        sched.back.push(back);
        self.grant(&mut sched);
    }

    /// The body that a worker is in took too long: another thread takes the worker's place, and the old one is left behind.
    pub(super) fn replace_worker(self: &Arc<Self>, worker: usize, back: Back) {
        self.core.left_behind.add(back.started.body.run);
        // The thread counts itself off when it comes back, whether it was replaced or not.
        if STUCK.fetch_add(1, Ordering::AcqRel) >= MAX_STUCK {
            return self.give_up(&format!(
                "{MAX_STUCK} task bodies have outlived their timeouts and still run, each on a thread that cannot be stopped: \
                 no more are replaced"
            ));
        }
        if let Err(error) = threads::spawn(self, worker, Some(back)) {
            self.give_up(&format!("no thread to take the place of one whose task has timed out: {error}"));
        }
    }

    /// The thread of a body that took too long has come back after all.
    pub(super) fn stuck_no_more() {
        STUCK.fetch_sub(1, Ordering::AcqRel);
    }

    /// The run cannot go on.
    pub(super) fn give_up(&self, why: &str) {
        let mut sched = lock(&self.sched);
        sched.broken.get_or_insert_with(|| State::failed(format!("Unexpected error: {why}")));
        sched.live -= 1;
        self.stop(&mut sched);
        self.ended.notify_all();
    }

    /// What is left after the last worker has ended. What comes back is to be dropped outside the lock.
    #[must_use]
    pub(super) fn take_done(&self, sched: &mut Sched) -> Vec<Batch> {
        let mut left = Vec::new();
        for desk in &self.desks {
            let Desk { mut batch, mut done } = std::mem::take(&mut *lock(desk));
            self.complete(sched, &mut done);
            sched.engine.take_back(&mut batch);
            left.push(batch);
        }
        left
    }
}

/// A body on the async runtime, with or without a timeout.
pub(super) enum Away {
    Plain(Started),
    Timed(Arc<Attempt>),
}

/// Wakes the workers when the run is cancelled.
pub(super) struct Stop(pub(super) Weak<Pool>);
impl Wake for Stop {
    fn wake(self: Arc<Self>) {
        if let Some(pool) = self.0.upgrade() {
            let mut sched = lock(&pool.sched);
            for _ in 0..sched.waiting {
                pool.grant(&mut sched);
            }
        }
    }
}

/// Wakes the workers when something that has waited for places has got them.
pub(super) struct LetIn(pub(super) Weak<Pool>);
impl Wake for LetIn {
    fn wake(self: Arc<Self>) {
        let Some(pool) = self.0.upgrade() else { return };
        let mut sched = lock(&pool.sched);
        pool.let_in(&mut sched);
        if sched.engine.ready() > 0 {
            pool.grant(&mut sched);
        }
    }
}

/// Wakes the run when the next scheduled task run is due.
struct Alarm(Weak<Pool>);
impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        if let Some(pool) = self.0.upgrade() {
            pool.ring();
        }
    }
}
