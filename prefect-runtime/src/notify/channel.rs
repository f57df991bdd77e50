//! One destination in a running program: its law behind a lock, and the future that obeys it.
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

#[cfg(feature = "store")]
use super::destination::Lost;
use super::destination::{Destination, Look, Note, Rest, Step};
use super::fold::{Group, Way};
use super::ledger::{Ledger, Row};
use super::log;
use super::notice::Notice;
use super::queue::{Message, Origin, Outcome};
use super::report::NotificationReport;
use super::route::{Carrier, Carrying, Form, Route};
use crate::Clock;
use crate::clock::{Sleep, Tick};
use crate::lock::{Locked, lock};
use crate::sync::Mutex;

/// A destination to which there is a way. Messages are pushed from any thread; one [`Drive`] sends them.
pub(crate) struct Channel {
    pub(crate) route: Arc<dyn Route>,
    carrier: OnceLock<Result<Arc<dyn Carrier>, Arc<str>>>,
    clock: Clock,
    ledger: Option<Arc<Ledger>>,
    state: Mutex<State>,
}

struct State {
    law: Destination,
    /// Something was pushed or begun since the drive looked last.
    signalled: bool,
    /// Whether virtual time is kept from moving for this destination: it has, or is about to have, work at hand.
    awake: bool,
    ended: bool,
    driver: Option<Waker>,
    finisher: Option<Waker>,
}

impl State {
    /// Tells the drive to look again. The waker must be woken after the lock is released.
    fn signal(&mut self, clock: &Clock) -> Option<Waker> {
        self.signalled = true;
        if !self.awake && !self.ended {
            self.awake = true;
            clock.enter();
        }
        self.driver.take()
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Channel {
    pub(crate) fn new(route: Arc<dyn Route>, clock: Clock, seed: u64, ledger: Option<Arc<Ledger>>) -> Arc<Self> {
        let law = Destination::new(route.service(), seed);
        let state = State { law, signalled: false, awake: false, ended: false, driver: None, finisher: None };
        Arc::new(Self { route, carrier: OnceLock::new(), clock, ledger, state: Mutex::new(state) })
    }

    fn lock(&self) -> Locked<'_, State> {
        lock(&self.state)
    }

    /// What carries messages, made at the first use.
    pub(crate) fn carrier(&self) -> Result<Arc<dyn Carrier>, Arc<str>> {
        self.carrier.get_or_init(|| self.route.connect().map_err(Arc::from)).clone()
    }

    /// Does something to the law; what became of messages then is told to the store.
    fn obey<R>(&self, change: impl FnOnce(&mut Destination) -> R) -> R {
        let (done, settled) = {
            let mut state = self.lock();
            let done = change(&mut state.law);
            (done, state.law.take_settled())
        };
        self.settle(settled);
        done
    }

    fn settle(&self, settled: Vec<(Origin, Outcome)>) {
        if let Some(ledger) = &self.ledger
            && !settled.is_empty()
        {
            ledger.settle(settled);
        }
    }

    /// The same, and tells the drive to look again if there is something to see.
    fn change(&self, change: impl FnOnce(&mut Destination) -> Look) {
        let waker = {
            let mut state = self.lock();
            let look = change(&mut state.law);
            if state.ended {
                state.law.stop("the run had ended".into(), Rest::Waits);
            }
            let settled = state.law.take_settled();
            let waker = if state.ended || look == Look::Later { None } else { state.signal(&self.clock) };
            drop(state);
            self.settle(settled);
            waker
        };
        wake(waker);
    }

    pub(crate) fn push(&self, message: Message) {
        self.change(|law| {
            law.push(message);
            Look::Again
        });
    }

    /// What others have left is what this process is here for.
    #[cfg(all(feature = "cli", feature = "store"))]
    pub(crate) fn wait_for_others(&self) {
        self.lock().law.wait_for_others();
    }

    #[cfg(feature = "store")]
    pub(crate) fn is_forwarding(&self) -> bool {
        self.lock().law.is_forwarding()
    }

    /// How one more message of this group goes out.
    pub(crate) fn admit(&self, group: &Group) -> Way {
        self.lock().law.admit(group)
    }

    /// Counts one more of those that are told together. `open` runs no code of others.
    pub(crate) fn add(
        &self,
        group: &Group,
        notice: Notice,
        cause: &str,
        open: impl FnOnce(&Notice) -> (u32, Option<Row>),
    ) -> (u32, Option<Row>, Arc<str>) {
        let now = self.clock.now();
        self.lock().law.add(group, now, notice, cause, open)
    }

    /// One that was added is on its way to the store, where this position is its.
    pub(crate) fn handed_over(&self, ticket: u32, upto: u64) {
        self.change(|law| law.handed_over(ticket, upto));
    }

    /// The store is so far.
    #[cfg(feature = "store")]
    pub(crate) fn committed(&self, position: u64) {
        self.change(|law| law.committed(position));
    }

    /// The store will come no further.
    #[cfg(feature = "store")]
    pub(crate) fn lose(&self, lost: Lost) {
        self.change(|law| {
            law.lose(lost);
            Look::Again
        });
    }

    pub(crate) fn begin_flush(&self, run_end: Tick) {
        let deadline = self.route.flush_deadline();
        let waker = {
            let mut state = self.lock();
            state.law.begin_flush(self.clock.now(), run_end, deadline);
            state.signal(&self.clock)
        };
        wake(waker);
    }

    /// Whether all is over; if not, `waker` will be woken when it is.
    pub(crate) fn has_ended(&self, waker: &Waker) -> bool {
        let mut state = self.lock();
        if !state.ended {
            state.finisher = Some(waker.clone());
        }
        state.ended
    }

    /// How many messages are left, and when the flush ends.
    pub(crate) fn remaining(&self) -> (usize, Option<Tick>) {
        let state = self.lock();
        (state.law.remaining(), state.law.deadline())
    }

    pub(crate) fn report(&self) -> NotificationReport {
        self.lock().law.report().clone()
    }

    /// Gives up all that is left and takes no more, for this reason.
    pub(crate) fn abandon(&self, reason: &str) {
        let mut state = self.lock();
        if !state.ended {
            state.law.stop(reason.into(), Rest::Waits);
        }
        self.end(state);
    }

    fn end(&self, mut state: Locked<'_, State>) {
        state.ended = true;
        let settled = state.law.take_settled();
        let awake = std::mem::take(&mut state.awake);
        let finisher = state.finisher.take();
        drop(state);
        self.settle(settled);
        // The clock and the waker run code of others: not under the lock.
        wake(finisher);
        if awake {
            self.clock.leave();
        }
    }

    fn note(&self, note: &Note) {
        match note {
            Note::Stopped(reason) => log::stopped(&*self.route, reason),
            Note::Dropped(reason) => log::dropped(&*self.route, reason),
            Note::Left(reason) => log::left(&*self.route, reason),
        }
    }
}

/// Sends what is pushed to a channel, until the flush is over. Run by the thread that delivers.
pub(crate) struct Drive {
    channel: Arc<Channel>,
    sending: Option<Carrying>,
    sleep: Option<(Tick, Sleep)>,
}

impl Drive {
    pub(crate) fn new(channel: Arc<Channel>) -> Self {
        Self { channel, sending: None, sleep: None }
    }

    fn send(&mut self, notice: &Notice, form: Form) {
        match self.channel.carrier() {
            Ok(carrier) => self.sending = Some(carrier.carry(notice, form)),
            Err(reason) => {
                let note = self.channel.obey(|law| law.stop(reason, Rest::Waits));
                self.channel.note(&note);
            }
        }
    }

    fn poll_sending(&mut self, cx: &mut Context<'_>) {
        let Some(sending) = &mut self.sending else { return };
        let Poll::Ready(answer) = sending.as_mut().poll(cx) else { return };
        self.sending = None;
        let clock = &self.channel.clock;
        let verdict = answer.verdict(clock.timestamp());
        let now = clock.now();
        let note = self.channel.obey(|law| law.answered(now, verdict));
        if let Some(note) = note {
            self.channel.note(&note);
        }
    }

    fn poll_sleep(&mut self, until: Tick, cx: &mut Context<'_>) -> Poll<()> {
        if self.sleep.as_ref().is_none_or(|(tick, _)| *tick != until) {
            self.sleep = Some((until, self.channel.clock.sleep_until(until)));
        }
        let Some((_, sleep)) = &mut self.sleep else { return Poll::Pending };
        Pin::new(sleep).poll(cx)
    }

    /// Before it returns to the runtime: lets virtual time go on, unless an answer or a commit is awaited. False if there is
    /// more to do at once.
    fn rest(&self, waits: Waits) -> bool {
        let mut state = self.channel.lock();
        if state.signalled {
            return false;
        }
        if self.sending.is_some() || waits == Waits::ForTheStore {
            return true;
        }
        let awake = std::mem::take(&mut state.awake);
        drop(state);
        if awake {
            self.channel.clock.leave();
        }
        true
    }
}

/// What the drive waits for, if it is no answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    ForTime,
    ForTheStore,
}

impl Future for Drive {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        {
            // First a token of our own: a timer that fired returns its token as soon as it is polled, and time
            // would move on before we acted.
            let mut state = this.channel.lock();
            if !state.awake {
                state.awake = true;
                this.channel.clock.enter();
            }
        }
        loop {
            this.poll_sending(cx);
            let step = {
                let mut state = this.channel.lock();
                state.signalled = false;
                state.driver = Some(cx.waker().clone());
                state.law.next(this.channel.clock.now())
            };
            let mut waits = Waits::ForTime;
            match step {
                Step::Send(notice, form) => {
                    this.send(&notice, form);
                    continue;
                }
                Step::Wait(tick) => {
                    if this.poll_sleep(tick, cx).is_ready() {
                        this.sleep = None;
                        continue;
                    }
                }
                Step::Unrecorded => waits = Waits::ForTheStore,
                Step::Idle => this.sleep = None,
                Step::Done => {
                    this.sending = None;
                    this.sleep = None;
                    this.channel.end(this.channel.lock());
                    return Poll::Ready(());
                }
            }
            if this.rest(waits) {
                return Poll::Pending;
            }
        }
    }
}

/// The runtime can end before the drive does, when a run is dropped halfway; nobody may wait for it then.
impl Drop for Drive {
    fn drop(&mut self) {
        if !self.channel.lock().ended {
            self.channel.abandon("the run was dropped");
        }
    }
}
