//! The gate of a process: it counts for itself.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Wake, Waker};

use jiff::Timestamp;

use super::demand::{Demand, Limited};
use super::gate::{Asks, taken};
use super::line::{Line, Waiter};
use super::of_run::Answer;
use super::places::{Holder, Places, Taken};
use super::waiting::{Key, Waiting};
use super::{Gate, Rate};
use crate::Clock;
use crate::clock::Timer;
use crate::lock::lock;
use crate::plain::plain;
use crate::sync::Mutex;

#[derive(Default)]
pub(crate) struct ProcessGate(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    line: Line,
    held: BTreeMap<Limited, Vec<Arc<Holder>>>,
    /// When the next one may start.
    next_start: BTreeMap<Limited, Timestamp>,
    /// Set for the next one that waits for nothing but a start.
    alarm: Option<(Timestamp, Timer)>,
}

/// What is missing.
enum Lack<'a> {
    Place(&'a Limited, u32),
    /// A start, until this moment.
    Start(&'a Limited, &'a Rate, Timestamp),
}

/// Those that may go on, to be told under no lock.
#[must_use]
#[derive(Default)]
struct LetIn {
    waiters: Vec<(Waiter, Places)>,
    /// Its busy token keeps virtual time still until they have been told.
    alarm: Option<Timer>,
}

impl LetIn {
    fn tell(self) {
        for (Waiter { waiting, key, .. }, places) in self.waiters {
            waiting.give(key, places);
        }
        drop(self.alarm);
    }
}

impl Gate {
    /// The gate of this process. What has virtual time is a world of its own.
    pub(super) fn of_process(clock: &Clock) -> Self {
        static PROCESS: OnceLock<Arc<ProcessGate>> = OnceLock::new();
        let gate = if clock.is_virtual() { clock.gate() } else { &PROCESS };
        Self::Process(Arc::clone(gate.get_or_init(Arc::default)))
    }
}

impl ProcessGate {
    pub(super) fn ask(self: &Arc<Self>, asks: Asks<'_>) -> Answer {
        let Asks { demand, waiting, key, resumed, holder } = asks;
        let now = waiting.clock.timestamp();
        let (message, let_in) = {
            let mut inner = lock(&self.0);
            let others = inner.line.is_for(demand);
            let lack = inner.lack(demand, now);
            if lack.is_none() && !others {
                return Answer::Places(inner.take(self, demand, &holder, now));
            }
            let message = inner.message(demand, lack.as_ref(), &holder);
            waiting.add(key, resumed);
            inner.line.push(demand, waiting, key, holder);
            // It may be the first one that waits for a start.
            (message, inner.let_in(self))
        };
        let_in.tell();
        Answer::Waits(message)
    }

    pub(super) fn forget(self: &Arc<Self>, run: &Arc<Waiting>, only: Option<Key>) {
        let (gone, let_in) = {
            let mut inner = lock(&self.0);
            (inner.line.forget(run, only), inner.let_in(self))
        };
        drop(gone);
        let_in.tell();
    }

    pub(super) fn give_back(self: &Arc<Self>, demand: &Demand, holder: &Arc<Holder>) {
        let let_in = {
            let mut inner = lock(&self.0);
            for (limited, _) in &demand.places {
                let Some(held) = inner.held.get_mut(limited) else { continue };
                held.retain(|other| !Arc::ptr_eq(other, holder));
                if held.is_empty() {
                    inner.held.remove(limited);
                }
            }
            inner.let_in(self)
        };
        let_in.tell();
    }
}

impl Inner {
    /// What is missing of this, if something is.
    fn lack<'a>(&self, demand: &'a Demand, now: Timestamp) -> Option<Lack<'a>> {
        for (limited, limit) in &demand.places {
            if self.held.get(limited).map_or(0, Vec::len) >= *limit as usize {
                return Some(Lack::Place(limited, *limit));
            }
        }
        let starts = demand.rates.iter().filter_map(|(limited, rate)| {
            let next = *self.next_start.get(limited)?;
            // Somebody may have set the time back.
            let is_near = now.checked_add(rate.interval()).is_ok_and(|last| next <= last);
            (next > now && is_near).then_some((next, limited, rate))
        });
        let last = starts.max_by_key(|(next, ..)| *next);
        last.map(|(next, limited, rate)| Lack::Start(limited, rate, next))
    }

    fn take(&mut self, gate: &Arc<ProcessGate>, demand: &Arc<Demand>, holder: &Arc<Holder>, now: Timestamp) -> Places {
        for (limited, _) in &demand.places {
            self.held.entry(limited.clone()).or_default().push(Arc::clone(holder));
        }
        for (limited, rate) in &demand.rates {
            let next = now.checked_add(rate.interval()).unwrap_or(Timestamp::MAX);
            self.next_start.insert(limited.clone(), next);
        }
        Places::new(Taken::Process(Arc::clone(gate), Arc::clone(demand), Arc::clone(holder)))
    }

    /// Lets in who may, in order, and sets the alarm for the next start that somebody waits for.
    fn let_in(&mut self, gate: &Arc<ProcessGate>) -> LetIn {
        let mut let_in = Vec::new();
        let mut wanted: Option<(Timestamp, Clock)> = None;
        let mut line = std::mem::take(&mut self.line);
        let mut held_up: BTreeSet<Limited> = BTreeSet::new();
        while let Some((demand, first)) = line.next(&held_up) {
            let clock = &first.waiting.clock;
            let now = clock.timestamp();
            match self.lack(&demand, now) {
                None => {
                    let places = self.take(gate, &demand, &first.holder, now);
                    let ticket = first.ticket();
                    let_in.extend(line.pop(&demand, ticket).map(|waiter| (waiter, places)));
                    continue;
                }
                Some(Lack::Place(..)) => {}
                Some(Lack::Start(_, _, next)) => {
                    if wanted.as_ref().is_none_or(|(wanted, _)| next < *wanted) {
                        wanted = Some((next, clock.clone()));
                    }
                }
            }
            held_up.extend(demand.all().cloned());
        }
        self.line = line;
        LetIn { waiters: let_in, alarm: self.set_alarm(gate, wanted) }
    }

    /// What comes back is to be dropped under no lock.
    #[must_use]
    fn set_alarm(&mut self, gate: &Arc<ProcessGate>, wanted: Option<(Timestamp, Clock)>) -> Option<Timer> {
        let old = match (&self.alarm, &wanted) {
            (Some((set, _)), Some((wanted, _))) if set == wanted => return None,
            _ => self.alarm.take(),
        };
        if let Some((moment, clock)) = wanted {
            let waker = Waker::from(Arc::new(Alarm(Arc::downgrade(gate))));
            self.alarm = Some((moment, clock.timer(clock.tick_of(moment), waker)));
        }
        old.map(|(_, timer)| timer)
    }

    fn message(&self, demand: &Demand, lack: Option<&Lack<'_>>, who: &Holder) -> String {
        match lack {
            Some(Lack::Place(limited, limit)) => {
                let held = self.held.get(limited).map_or(&[][..], Vec::as_slice);
                let by = held.first().map(|holder| holder.shown_to(who));
                format!("Waiting for {limited}: {}", taken(held.len(), *limit, by))
            }
            Some(Lack::Start(limited, rate, _)) => format!("Waiting for {limited}: {rate} may start"),
            None => demand.others_came_before(),
        }
    }
}

impl Holder {
    fn shown_to(&self, who: &Self) -> String {
        match &self.task {
            Some(task) if Arc::ptr_eq(&self.run, &who.run) => format!("`{}`", plain(task)),
            Some(task) => format!("`{}` in {}", plain(task), self.run),
            None => self.run.to_string(),
        }
    }
}

/// Lets in who may, when the time for the next start has come.
struct Alarm(Weak<ProcessGate>);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        let Some(gate) = self.0.upgrade() else { return };
        let (rung, let_in) = {
            let mut inner = lock(&gate.0);
            (inner.alarm.take(), inner.let_in(&gate))
        };
        let_in.tell();
        // Only now: its busy token has kept virtual time still so far.
        drop(rung);
    }
}
