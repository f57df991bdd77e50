//! Workers on threads, which step the engine in batches.
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use super::attempt::Attempt;
use super::pool::{Away, Back, LetIn, Pool, Sched, Stop};
use crate::clock::{Held, HoldsToken, Tick};
use crate::context::{Context, Working};
use crate::engine::{Alike, Batch, Done, Engine, Garbage, Job, Work};
use crate::flow::{BodyKind, Passed, TaskFuture};
use crate::lock::{Locked, lock};
use crate::quiet::{Quiet, drop_quietly};
use crate::run::{Ran, RunCore, Until};
use crate::sync;
use crate::task_run::{self, Call, Ended, FirstPoll, Prepared, Started};
use crate::{State, TaskError, Value};

pub(crate) fn run(core: &Arc<RunCore>, engine: Engine, workers: Option<NonZeroUsize>, until: Until, held: Held) -> Ran {
    if engine.is_over() {
        return Ran { engine, broken: None, held };
    }
    let workers = workers.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let pool = Pool::new(core, engine, workers, until);
    // A worker whose body takes too long is left behind with its thread, and the caller must come back: then it only waits.
    let caller_works = !core.has_timeouts();
    let stop = Waker::from(Arc::new(Stop(Arc::downgrade(&pool))));
    let _stops = core.services.canceller.as_ref().map(|canceller| canceller.wake(&stop));
    if let Some(limits) = &core.limits {
        limits.wakes(Some(Waker::from(Arc::new(LetIn(Arc::downgrade(&pool))))));
    }
    for worker in usize::from(caller_works)..workers {
        if let Err(error) = spawn(&pool, worker, None) {
            // Fewer will do, if there is one at all.
            let mut sched = lock(&pool.sched);
            sched.live -= 1;
            if sched.live == 0 {
                sched.broken = Some(State::failed(format!("Unexpected error: no thread to run tasks on: {error}")));
            }
        }
    }
    if caller_works {
        core.services.clock.enter();
        drop(held);
        work(&pool, 0, None);
    } else {
        drop(held);
    }
    let mut sched = lock(&pool.sched);
    while sched.live > 0 {
        sched = sched.wait(&pool.ended);
    }
    if let Some(limits) = &core.limits {
        // What comes now is for the next pool of the run, not for one without an engine.
        limits.wakes(None);
    }
    let (left, back) = (pool.take_done(&mut sched), std::mem::take(&mut sched.back));
    // Threads that were left behind may hold the pool for ever: the engine is taken out of it.
    let (engine, broken) = (sched.engine.take_out(), sched.broken.take());
    let clock = &core.services.clock;
    let held = if sched.token_left { clock.inherit() } else { clock.hold() };
    drop(sched);
    drop((left, back));
    Ran { engine, broken, held }
}

/// Starts a worker's thread. `first` is work that it finds already there.
pub(super) fn spawn(pool: &Arc<Pool>, worker: usize, first: Option<Back>) -> std::io::Result<()> {
    let theirs = Arc::clone(pool);
    let clock = pool.core.services.clock.clone();
    clock.enter();
    let spawned = sync::spawn(format!("prefect-worker-{worker}"), move || work(&theirs, worker, first));
    if let Err(error) = spawned {
        clock.leave();
        return Err(error);
    }
    Ok(())
}

/// Why a worker's thread ends.
enum Over {
    /// The run is over; the thread holds no busy token.
    Run,
    /// The body that it was in took too long: another thread has its place.
    Replaced,
}

fn work(pool: &Arc<Pool>, worker: usize, first: Option<Back>) {
    let over = catch_unwind(AssertUnwindSafe(|| Worker::new(pool, worker).run(first)));
    match over {
        Ok(Over::Run) => {
            let mut sched = lock(&pool.sched);
            sched.live -= 1;
            pool.ended.notify_all();
        }
        Ok(Over::Replaced) => {
            Pool::stuck_no_more();
            pool.core.services.clock.leave();
        }
        // A fault of ours: the run must end all the same.
        Err(payload) => {
            drop_quietly(payload);
            pool.give_up("a worker of the executor panicked; please report it");
            pool.core.services.clock.leave();
        }
    }
}

struct Worker<'p> {
    pool: &'p Arc<Pool>,
    me: usize,
    batch: Batch,
    /// What the children have in common that are in the batch, or on the desk.
    alike: Option<Arc<Alike>>,
    done: Vec<Done>,
    passed: Vec<Passed>,
    inputs: Vec<Option<Value>>,
    garbage: Garbage,
    /// The end of one task is the start of the next: one reading of the clock serves both.
    now: Tick,
}

/// Work that a worker has taken.
struct Fetched {
    /// The first of it, in hand.
    work: Work,
    /// Whether there is more, on the desk.
    on_desk: bool,
}

/// What became of a job.
enum Outcome {
    Done(Done),
    /// Its body waits elsewhere.
    Away,
    /// It took too long; this thread is not needed any more.
    Replaced,
}

impl<'p> Worker<'p> {
    fn new(pool: &'p Arc<Pool>, me: usize) -> Self {
        Self {
            pool,
            me,
            batch: Batch::default(),
            alike: None,
            done: Vec::new(),
            passed: Vec::new(),
            inputs: Vec::new(),
            garbage: Garbage::default(),
            now: pool.core.services.clock.now(),
        }
    }

    fn run(&mut self, first: Option<Back>) -> Over {
        let core = &self.pool.core;
        let _holds = HoldsToken::new();
        let _working = Working::new(&core.services, &core.graph);
        let handle = core.has_async().then(|| core.services.runtime.handle());
        let _entered = handle.as_ref().map(sync::Handle::enter);
        let mut found = first.and_then(|back| {
            // In the place of another thread, with what is left on its desk.
            self.finish(back);
            let mut desk = lock(&self.pool.desks[self.me]);
            self.done.append(&mut desk.done);
            std::mem::swap(&mut desk.batch, &mut self.batch);
            drop(desk);
            self.take_up()
        });
        loop {
            if found.is_none() {
                // What children had in common may be the user's to drop, so not under a lock.
                self.batch.stretch = None;
                self.alike = None;
                found = self.fetch();
            }
            let Some(Fetched { work, on_desk }) = found.take() else { return Over::Run };
            let mut current = Some(work);
            while let Some(work) = current.take() {
                let done = match self.one(work) {
                    Outcome::Done(done) => Some(done),
                    Outcome::Away => None,
                    Outcome::Replaced => return Over::Replaced,
                };
                if !on_desk {
                    self.done.extend(done);
                    break;
                }
                let mut desk = lock(&self.pool.desks[self.me]);
                desk.done.append(&mut self.done);
                desk.done.extend(done);
                // Once it is cancelled, nothing starts: what is left lies there for the end.
                current = if self.pool.core.is_cancelled() { None } else { desk.batch.next(&mut self.passed) };
                if current.is_none() {
                    std::mem::swap(&mut desk.done, &mut self.done);
                    if !self.pool.core.is_cancelled() {
                        // Its stretch is over, and must not hold a list until the next one comes.
                        std::mem::swap(&mut desk.batch, &mut self.batch);
                    }
                }
            }
        }
    }

    /// Takes the first task run of the batch in hand; the rest goes on the desk. `None` if there is nothing in it.
    fn take_up(&mut self) -> Option<Fetched> {
        self.alike = self.batch.alike();
        let work = self.batch.next(&mut self.passed)?;
        // The first of a batch never touches the desk.
        let on_desk = !self.batch.is_empty();
        if on_desk {
            std::mem::swap(&mut lock(&self.pool.desks[self.me]).batch, &mut self.batch);
        }
        Some(Fetched { work, on_desk })
    }

    /// One task run, outside every lock.
    #[inline]
    fn one(&mut self, work: Work) -> Outcome {
        let core = &self.pool.core;
        let job = match work {
            Work::Job(job) => job,
            Work::Child(child) => match self.child(child) {
                Ok(outcome) => return outcome,
                Err(job) => job,
            },
        };
        let started = match task_run::prepare(core, job, &mut self.passed, &mut self.inputs, self.now) {
            Prepared::Done(done) => {
                self.now = done.ended;
                return Outcome::Done(done);
            }
            Prepared::Run(started) => started,
        };
        if let Some(limit) = core.timeout(started.body.run.task) {
            return self.timed(started, limit);
        }
        match task_run::call(core, &started.body, &mut self.inputs, FirstPoll::InPlace) {
            Call::Ended(result) => self.ended(started, result),
            Call::Waits(future, context) => self.waits(started, future, context),
        }
    }

    /// A child of the stretch. The error is its job, if it has to have one.
    #[inline(never)]
    fn child(&mut self, child: u32) -> Result<Outcome, Job> {
        let core = &self.pool.core;
        let alike = self.alike.as_deref().expect("held as long as one of its children is left");
        let Some(started) = task_run::prepare_alike(core, alike, child, self.now) else {
            self.passed.extend_from_slice(&alike.passed);
            return Err(alike.job(child));
        };
        Ok(match task_run::call_alike(core, &started.body, alike) {
            Ok(Call::Ended(result)) => self.ended(started, result),
            Ok(Call::Waits(future, context)) => self.waits(started, future, context),
            Err(error) => {
                let done = task_run::no_inputs(core, &started, error, self.now);
                self.now = done.ended;
                Outcome::Done(done)
            }
        })
    }

    #[inline]
    fn ended(&mut self, started: Started, result: Result<Value, TaskError>) -> Outcome {
        let core = &self.pool.core;
        self.now = core.services.clock.now();
        let done = task_run::finish(core, started, Ended::Body(result), self.now);
        self.now = done.ended;
        Outcome::Done(done)
    }

    fn waits(&mut self, started: Started, future: Quiet<TaskFuture>, context: Context) -> Outcome {
        self.pool.goes_away();
        self.pool.send_away(started.body.run.task, Away::Plain(started), future, context, None);
        self.now = self.pool.core.services.clock.now();
        Outcome::Away
    }

    /// One whose body has so much time.
    fn timed(&mut self, started: Started, limit: Duration) -> Outcome {
        let core = &self.pool.core;
        let body = started.body.clone();
        let attempt = Attempt::new(self.pool, self.me, started, limit);
        let first = match core.graph.kind(body.run.task).code.kind() {
            BodyKind::Sync => FirstPoll::InPlace,
            // A first poll that never ends would take the worker along.
            BodyKind::Async => FirstPoll::Later,
        };
        match task_run::call(core, &body, &mut self.inputs, first) {
            Call::Ended(result) => match attempt.claim() {
                Some(started) => self.ended(started, result),
                None => {
                    core.left_behind.remove(body.run);
                    Outcome::Replaced
                }
            },
            Call::Waits(future, context) => {
                if !attempt.leave_worker() {
                    core.left_behind.remove(body.run);
                    return Outcome::Replaced;
                }
                self.pool.send_away(body.run.task, Away::Timed(attempt), future, context, body.places);
                self.now = core.services.clock.now();
                Outcome::Away
            }
        }
    }

    fn finish(&mut self, back: Back) {
        let core = &self.pool.core;
        self.now = core.services.clock.now();
        let done = task_run::finish(core, back.started, back.ended, self.now);
        self.now = done.ended;
        self.done.push(done);
    }

    /// Reports what is done, and takes what comes next. `None` when the run is over.
    fn fetch(&mut self) -> Option<Fetched> {
        let pool = self.pool;
        let mut sched = lock(&pool.sched);
        let mut left = Left::Nothing;
        loop {
            self.report(&mut sched);
            let timer = pool.set_alarm(&mut sched);
            if timer.is_some() {
                drop(sched);
                drop(timer);
                sched = lock(&pool.sched);
            }
            if sched.stop {
                self.leave(sched);
                return None;
            }
            if let Some(back) = take_fair(&mut sched, pool.desks.len()) {
                drop(sched);
                self.clear_garbage();
                for back in back {
                    self.finish(back);
                }
                sched = lock(&pool.sched);
                continue;
            }
            let cancelled = pool.core.is_cancelled();
            let room = if cancelled { 0 } else { sched.commits.room() };
            let max = batch_size(sched.mean, sched.engine.ready(), pool.desks.len()).min(room);
            sched.engine.take(max, &mut self.batch);
            if self.batch.is_empty() && !cancelled {
                left = self.take_from_others(&mut sched);
            }
            if !self.batch.is_empty() {
                break;
            }
            if (sched.engine.ready() > 0 && room > 0) || !sched.back.is_empty() {
                continue;
            }
            if self.is_over(&sched) {
                pool.is_over(&mut sched);
                self.leave(sched);
                return None;
            }
            if !self.garbage.is_empty() {
                drop(sched);
                self.clear_garbage();
                sched = lock(&pool.sched);
                continue;
            }
            sched = self.sleep(sched)?;
            self.now = pool.core.services.clock.now();
        }
        // On the desk before the lock is given back: who is woken now has to find it there.
        let fetched = self.take_up();
        let on_desk = fetched.as_ref().is_some_and(|fetched| fetched.on_desk);
        // Never leave a task behind without a worker awake for it: the next body may be a slow one.
        if on_desk || sched.engine.ready() > 0 || left == Left::More {
            pool.grant(&mut sched);
        }
        drop(sched);
        self.clear_garbage();
        fetched
    }

    fn report(&mut self, sched: &mut Sched) {
        for done in &self.done {
            sched.mean = (sched.mean * 15 + (done.ended - done.started.min(done.ended))) / 16;
        }
        self.pool.complete(sched, &mut self.done);
        self.garbage.append(&mut sched.engine.garbage);
    }

    /// Nothing is ready: what others have finished but not told, and half of what they hold.
    fn take_from_others(&mut self, sched: &mut Sched) -> Left {
        let mut left = Left::Nothing;
        for (other, desk) in self.pool.desks.iter().enumerate() {
            if other == self.me {
                continue;
            }
            let mut desk = lock(desk);
            self.pool.complete(sched, &mut desk.done);
            if self.batch.is_empty() {
                desk.batch.give_half(&mut self.batch);
            }
            if !desk.batch.is_empty() {
                left = Left::More;
            }
        }
        self.garbage.append(&mut sched.engine.garbage);
        left
    }

    /// Whether nothing will happen any more.
    fn is_over(&self, sched: &Sched) -> bool {
        let others_sleep = sched.waiting - sched.granted + 1 >= sched.live;
        let due =
            self.pool.until == Until::TheEnd && sched.engine.next_due().is_some() && !self.pool.core.is_cancelled();
        let waits = due
            || sched.away > 0
            || !sched.back.is_empty()
            || !sched.commits.is_empty()
            || self.pool.waits_for_places();
        sched.engine.is_over() || (others_sleep && !waits)
    }

    /// The worker's end: gives its busy token back.
    fn leave(&mut self, sched: Locked<'_, Sched>) {
        drop(sched);
        self.clear_garbage();
        self.pool.core.services.clock.leave();
    }

    /// Sleeps until there is work. `None` when the run is over.
    fn sleep(&self, mut sched: Locked<'p, Sched>) -> Option<Locked<'p, Sched>> {
        let pool = self.pool;
        let clock = &pool.core.services.clock;
        sched.waiting += 1;
        if clock.is_virtual() {
            // Time may move now, which wakes others, who take this lock.
            drop(sched);
            clock.leave();
            sched = lock(&pool.sched);
        }
        loop {
            if sched.granted > 0 {
                sched.granted -= 1;
                sched.waiting -= 1;
                return Some(sched);
            }
            if sched.stop {
                sched.waiting -= 1;
                return None;
            }
            sched = sched.wait(&pool.wake);
        }
    }

    fn clear_garbage(&mut self) {
        self.garbage.clear();
    }
}

/// What lies on the desks of other workers when one has taken its part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    /// Somebody else has to be woken for it.
    More,
}

/// A fair part of the bodies that have come back.
fn take_fair(sched: &mut Sched, workers: usize) -> Option<Vec<Back>> {
    let n = sched.back.len();
    (n > 0).then(|| sched.back.split_off(n - n.div_ceil(workers)))
}

/// About 20 µs of work at a time; of slow bodies never more than a fair part.
fn batch_size(mean: u64, ready: usize, workers: usize) -> usize {
    let max = usize::try_from(20_000 / (mean + 1)).unwrap_or(1).clamp(1, 256);
    if mean > 2_000 { max.min(ready / (2 * workers)).max(1) } else { max }
}
