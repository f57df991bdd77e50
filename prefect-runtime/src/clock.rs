//! Time as a parameter of a run: the machine's clock, or one that moves only when nothing else does.
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;

use crate::block_on::Parker;
use crate::limits::ProcessGate;
use crate::lock::{assert_none_is_held, lock};
use crate::panics::quietly;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{self, Condvar, Instant, Mutex, thread_local};

/// Nanoseconds since the clock was made.
pub(crate) type Tick = u64;

/// The clock of a run.
///
/// [`system`](Self::system) is the machine's. [`virtual_from`](Self::virtual_from) stands still while
/// anything of the run is busy, and jumps to the next moment that somebody waits for when all wait: a
/// retry delay of an hour takes no time.
///
/// ```
/// use std::time::Duration;
/// use prefect::Clock;
///
/// let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
/// clock.sleep_blocking(Duration::from_secs(3600));
/// assert_eq!(clock.timestamp().to_string(), "2026-01-01T01:00:00Z");
/// ```
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    /// Added to the ticks to get the wall time.
    wall: Timestamp,
    source: Source,
    timers: Mutex<Timers>,
    changed: Condvar,
    /// Who counts what is limited in the time of this clock, if that is a virtual one.
    gate: OnceLock<Arc<ProcessGate>>,
}

enum Source {
    System(Instant),
    Virtual { now: AtomicU64, busy: AtomicUsize },
}

#[derive(Default)]
struct Timers {
    next: u64,
    waiting: BTreeMap<(Tick, u64), Arc<Slot>>,
    thread: bool,
}

/// One who waits.
struct Slot {
    state: Mutex<SlotState>,
}

struct SlotState {
    waker: Option<Waker>,
    /// Set when the moment has come; under virtual time it holds a busy token for the one who wakes.
    fired: bool,
}

impl Clock {
    /// The machine's clock. Delays follow its monotonic time, so that a change of the wall time moves none.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Timestamp::now(), Source::System(Instant::now()))
    }

    /// A clock that starts at this moment and moves only when nothing is busy.
    #[must_use]
    pub fn virtual_from(start: Timestamp) -> Self {
        Self::new(start, Source::Virtual { now: AtomicU64::new(0), busy: AtomicUsize::new(0) })
    }

    fn new(wall: Timestamp, source: Source) -> Self {
        Self(Arc::new(Inner { wall, source, timers: Mutex::default(), changed: Condvar::new(), gate: OnceLock::new() }))
    }

    #[inline]
    pub(crate) fn now(&self) -> Tick {
        match &self.0.source {
            Source::System(start) => nanos(start.elapsed()),
            Source::Virtual { now, .. } => now.load(Ordering::Acquire),
        }
    }

    /// The moment that this tick stands for.
    pub(crate) fn at(&self, tick: Tick) -> Timestamp {
        self.0.wall.checked_add(Duration::from_nanos(tick)).unwrap_or(Timestamp::MAX)
    }

    /// The tick of this moment; moments before the clock was made are tick 0.
    pub(crate) fn tick_of(&self, moment: Timestamp) -> Tick {
        Duration::try_from(moment.duration_since(self.0.wall)).map_or(0, nanos)
    }

    /// The wall time.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.at(self.now())
    }

    pub(crate) fn gate(&self) -> &OnceLock<Arc<ProcessGate>> {
        &self.0.gate
    }

    /// Whether this clock jumps.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        matches!(self.0.source, Source::Virtual { .. })
    }

    /// Keeps virtual time from moving while it lives.
    pub(crate) fn busy(&self) -> Busy {
        self.enter();
        if self.is_virtual() {
            // A jump that began before has ended after this: from here on the time stands still.
            drop(lock(&self.0.timers));
        }
        Busy(self.clone())
    }

    /// A busy token without a guard, for who holds another one meanwhile; give it back by [`leave`](Self::leave).
    pub(crate) fn enter(&self) {
        if let Source::Virtual { busy, .. } = &self.0.source {
            busy.fetch_add(1, Ordering::AcqRel);
        }
    }

    pub(crate) fn leave(&self) {
        assert_none_is_held();
        if let Source::Virtual { busy, .. } = &self.0.source
            && busy.fetch_sub(1, Ordering::AcqRel) == 1
        {
            self.jump();
        }
    }

    /// Moves virtual time to the next moment that somebody waits for, if nothing is busy.
    fn jump(&self) {
        let Source::Virtual { now, busy } = &self.0.source else { return };
        let due = {
            let mut timers = lock(&self.0.timers);
            if busy.load(Ordering::Acquire) != 0 {
                return;
            }
            let Some((&(tick, _), _)) = timers.waiting.first_key_value() else { return };
            if tick == Tick::MAX {
                return; // Nobody waits for the end of time.
            }
            now.fetch_max(tick, Ordering::AcqRel);
            let due = timers.take_due(tick);
            // The tokens first: what wakes goes on at once and could leave before the next one wakes.
            busy.fetch_add(due.len(), Ordering::AcqRel);
            due
        };
        for slot in due {
            slot.fire();
        }
    }

    /// A future that ends after this time.
    pub fn sleep(&self, time: Duration) -> Sleep {
        self.sleep_until(self.now().saturating_add(nanos(time)))
    }

    pub(crate) fn sleep_until(&self, tick: Tick) -> Sleep {
        Sleep { clock: self.clone(), tick, timer: None }
    }

    /// Holds up this thread for this time. Under virtual time the thread does not count as busy meanwhile.
    pub fn sleep_blocking(&self, time: Duration) {
        self.block_until(self.now().saturating_add(nanos(time)));
    }

    /// As [`sleep_blocking`](Self::sleep_blocking), for a thread that holds no busy token or one that it may give away meanwhile.
    pub(crate) fn block_until(&self, tick: Tick) {
        if tick <= self.now() {
            return;
        }
        match &self.0.source {
            Source::System(_) => {
                // The standard library may wake early or late, never for ever.
                while let Some(left) = tick.checked_sub(self.now()).filter(|left| *left > 0) {
                    sync::sleep(Duration::from_nanos(left));
                }
            }
            Source::Virtual { busy, .. } => {
                let held = ON_THREAD.with(std::cell::Cell::get);
                let parker = Parker::new();
                let slot = Slot::new(Waker::from(Arc::clone(&parker)));
                self.register(tick, &slot);
                if held {
                    self.leave();
                } else if busy.load(Ordering::Acquire) == 0 {
                    self.jump();
                }
                parker.park();
                // A busy token came with the wake-up.
                if !held {
                    self.leave();
                }
            }
        }
    }

    /// Wakes `waker` at this tick, unless the timer is dropped before.
    pub(crate) fn timer(&self, tick: Tick, waker: Waker) -> Timer {
        let slot = Slot::new(waker);
        let id = self.register(tick, &slot);
        Timer { clock: self.clone(), tick, id, slot }
    }

    fn register(&self, tick: Tick, slot: &Arc<Slot>) -> u64 {
        let mut timers = lock(&self.0.timers);
        let id = timers.next;
        timers.next += 1;
        timers.waiting.insert((tick, id), Arc::clone(slot));
        if !self.is_virtual() {
            let first = timers.waiting.first_key_value().is_some_and(|((_, i), _)| *i == id);
            if !timers.thread {
                timers.thread = true;
                let weak = Arc::downgrade(&self.0);
                // A timer that cannot start would hold up the run for ever: better to end here and say so.
                sync::spawn("prefect-timer".into(), move || run_timers(&weak)).expect("a thread for timers");
            } else if first {
                self.0.changed.notify_one();
            }
        }
        id
    }
}

thread_local! {
    /// Whether this thread holds a busy token that a blocking sleep may give away.
    static ON_THREAD: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// A busy token of this thread, which a blocking sleep on it may give away.
pub(crate) struct Held {
    _busy: Busy,
    _holds: HoldsToken,
}

impl Clock {
    /// Keeps virtual time from moving while this thread works.
    pub(crate) fn hold(&self) -> Held {
        Held { _busy: self.busy(), _holds: HoldsToken::new() }
    }

    /// The same, with a token that another thread has left to this one.
    pub(crate) fn inherit(&self) -> Held {
        Held { _busy: Busy(self.clone()), _holds: HoldsToken::new() }
    }
}

/// Marks this thread as one that holds a busy token, until dropped.
pub(crate) struct HoldsToken(bool);
impl HoldsToken {
    pub(crate) fn new() -> Self {
        Self(ON_THREAD.replace(true))
    }
}
impl Drop for HoldsToken {
    fn drop(&mut self) {
        ON_THREAD.set(self.0);
    }
}

fn run_timers(weak: &std::sync::Weak<Inner>) {
    loop {
        // Upgraded anew each time, so that the thread ends when the last user of the clock is gone.
        let Some(inner) = weak.upgrade() else { return };
        let clock = Clock(inner);
        let due = {
            let mut timers = lock(&clock.0.timers);
            let due = timers.take_due(clock.now());
            if due.is_empty() {
                let Some((&(tick, _), _)) = timers.waiting.first_key_value() else {
                    timers.thread = false;
                    return;
                };
                let left = Duration::from_nanos(tick.saturating_sub(clock.now())).min(Duration::from_secs(1));
                timers.give_away_for(&clock.0.changed, left);
            }
            due
        };
        for slot in due {
            slot.fire();
        }
    }
}

impl Timers {
    fn take_due(&mut self, now: Tick) -> Vec<Arc<Slot>> {
        let later = self.waiting.split_off(&(now.saturating_add(1), 0));
        std::mem::replace(&mut self.waiting, later).into_values().collect()
    }
}

impl Slot {
    fn new(waker: Waker) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(SlotState { waker: Some(waker), fired: false }) })
    }

    fn fire(&self) {
        let waker = {
            let mut state = lock(&self.state);
            state.fired = true;
            state.waker.take()
        };
        // `Sleep` can be polled by anybody, with wakers of anybody: a panic must not end the thread of the timers.
        if let Some(waker) = waker {
            quietly("a waker", || waker.wake());
        }
    }
}

/// A waker that is woken at its moment. Dropping the timer calls it off.
///
/// Under virtual time the wake-up brings a busy token, which the timer holds until it is dropped: drop it when what
/// was woken has a token of its own, and never under a lock that a waker takes.
#[must_use = "dropping a timer calls it off"]
pub(crate) struct Timer {
    clock: Clock,
    tick: Tick,
    id: u64,
    slot: Arc<Slot>,
}

impl Drop for Timer {
    fn drop(&mut self) {
        let removed = lock(&self.clock.0.timers).waiting.remove(&(self.tick, self.id)).is_some();
        // A slot that left the list was fired, or is about to be: either way its token is ours to return.
        if !removed {
            self.clock.leave();
        }
    }
}

/// Ends when its moment has come; made by [`Clock::sleep`].
#[must_use = "a future does nothing until it is awaited"]
pub struct Sleep {
    clock: Clock,
    tick: Tick,
    timer: Option<Timer>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(timer) = &self.timer {
            // Wakers are code of others: not under the lock.
            let waker = cx.waker().clone();
            let mut state = lock(&timer.slot.state);
            if !state.fired {
                let old = state.waker.replace(waker);
                drop(state);
                drop(old);
                return Poll::Pending;
            }
            drop(state);
            self.timer = None;
            return Poll::Ready(());
        }
        if self.tick <= self.clock.now() {
            return Poll::Ready(());
        }
        self.timer = Some(self.clock.timer(self.tick, cx.waker().clone()));
        Poll::Pending
    }
}

/// Keeps virtual time from moving; made by [`Clock::busy`].
pub(crate) struct Busy(Clock);

impl Busy {
    /// The token is this thread's from now on.
    #[cfg(feature = "store")]
    pub(crate) fn on_this_thread(self) -> Held {
        Held { _busy: self, _holds: HoldsToken::new() }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// How many ticks this time takes.
pub(crate) fn nanos(time: Duration) -> Tick {
    u64::try_from(time.as_nanos()).unwrap_or(Tick::MAX)
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(if self.is_virtual() { "VirtualClock" } else { "SystemClock" }).field(&self.timestamp()).finish()
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("until", &self.clock.at(self.tick)).finish()
    }
}
