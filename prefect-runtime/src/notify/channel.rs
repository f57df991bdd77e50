//! One destination in a running program: its law behind a lock, and the future that obeys it.
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use super::destination::{Destination, Note, Step};
use super::log;
use super::notice::Notice;
use super::queue::Message;
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
    pub(crate) fn new(route: Arc<dyn Route>, clock: Clock, seed: u64) -> Arc<Self> {
        let law = Destination::new(route.service(), seed);
        let state = State { law, signalled: false, awake: false, ended: false, driver: None, finisher: None };
        Arc::new(Self { route, carrier: OnceLock::new(), clock, state: Mutex::new(state) })
    }

    fn lock(&self) -> Locked<'_, State> {
        lock(&self.state)
    }

    /// What carries messages, made at the first use.
    pub(crate) fn carrier(&self) -> Result<Arc<dyn Carrier>, Arc<str>> {
        self.carrier.get_or_init(|| self.route.connect().map_err(Arc::from)).clone()
    }

    pub(crate) fn push(&self, message: Message) {
        let waker = {
            let mut state = self.lock();
            state.law.push(message);
            if state.ended {
                state.law.stop("the run had ended".into());
                return;
            }
            state.signal(&self.clock)
        };
        wake(waker);
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
            state.law.stop(reason.into());
        }
        self.end(state);
    }

    fn end(&self, mut state: Locked<'_, State>) {
        state.ended = true;
        let awake = std::mem::take(&mut state.awake);
        let finisher = state.finisher.take();
        drop(state);
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
                let note = self.channel.lock().law.stop(reason);
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
        let note = self.channel.lock().law.answered(clock.now(), verdict);
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

    /// Before it returns to the runtime: lets virtual time go on, unless an answer is awaited. False if there is
    /// more to do at once.
    fn rest(&self) -> bool {
        let mut state = self.channel.lock();
        if state.signalled {
            return false;
        }
        if self.sending.is_some() {
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
                Step::Idle => this.sleep = None,
                Step::Done => {
                    this.sending = None;
                    this.sleep = None;
                    this.channel.end(this.channel.lock());
                    return Poll::Ready(());
                }
            }
            if this.rest() {
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
