//! The gate of a store: places are rows there, and processes share them.
//!
//! Who finds no place waits in the line of this process, and a thread asks for the first ones in it: when something was given
//! back here, else about every 75 ms, for what other processes give back. It ends when nobody waits.
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex as StdMutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use prefect_store::{Full, SlotOwner, Slots, SlotsWanted, Store, StoreError, Taking};

use super::demand::{Demand, Limited};
use super::gate::{Asks, taken};
use super::line::Line;
use super::of_run::Answer;
use super::places::{Holder, Places, Taken};
use super::waiting::{Key, Waiting};
use crate::lock::{Locked, lock};
use crate::plain::plain;
use crate::quiet::drop_quietly;
use crate::random::{bits, fraction};
use crate::record::look_for_the_dead;
use crate::sync::{Condvar, Mutex, spawn};
use crate::{Clock, Redactor};

/// How long at least until other processes are looked at again, and how much longer at most: by chance, so that two never
/// keep step.
const LOOK: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(50));

/// How often it is looked whether one who holds a place is dead.
const LOOK_FOR_THE_DEAD: Duration = Duration::from_secs(1);

pub(crate) struct StoreGate {
    store: Store,
    redactor: Redactor,
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    line: Line,
    /// Whether the thread is there.
    is_watched: bool,
    /// Whether something has changed since it looked last.
    has_changed: bool,
    /// Virtual time waits for the next look.
    held_up: HeldUp,
}

/// A busy token of each of these clocks. It is dropped under no lock.
#[derive(Default)]
struct HeldUp(Vec<Clock>);

impl Drop for HeldUp {
    fn drop(&mut self) {
        self.0.iter().for_each(Clock::leave);
    }
}

/// The gates of this process, one for each store.
static GATES: StdMutex<Vec<Weak<StoreGate>>> = StdMutex::new(Vec::new());

impl StoreGate {
    pub(super) fn of(store: Store, redactor: &Redactor) -> Arc<Self> {
        // Declared first, and so dropped last: the last hold on a store waits for its writer.
        let there: Vec<_>;
        let mut gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
        gates.retain(|gate| gate.strong_count() > 0);
        there = gates.iter().filter_map(Weak::upgrade).collect();
        if let Some(gate) = there.iter().find(|gate| gate.store.is_same(&store)) {
            return Arc::clone(gate);
        }
        let (inner, changed) = (Mutex::default(), Condvar::new());
        let gate = Arc::new(Self { store, redactor: redactor.clone(), inner, changed });
        gates.push(Arc::downgrade(&gate));
        gate
    }

    pub(super) fn ask(self: &Arc<Self>, asks: Asks<'_>) -> Answer {
        let Asks { demand, waiting, key, resumed, holder } = asks;
        let others = lock(&self.inner).line.is_for(demand);
        let message = if others {
            demand.others_came_before()
        } else {
            match self.take(demand, holder.owner.as_ref(), &[]) {
                Ok(Ok(places)) => return Answer::Places(places),
                Ok(Err(lack)) => message(demand, &lack, holder.owner.as_ref()),
                Err(error) => format!("Waiting for {}: {}", demand.first(), self.redactor.redact(&error.to_string())),
            }
        };
        {
            let mut inner = lock(&self.inner);
            waiting.add(key, resumed);
            inner.line.push(demand, waiting, key, holder);
            // Until the thread has looked, virtual time stands still.
            waiting.clock.enter();
            inner.held_up.0.push(waiting.clock.clone());
            inner.has_changed = true;
        }
        self.watch();
        Answer::Waits(message)
    }

    pub(super) fn forget(self: &Arc<Self>, run: &Arc<Waiting>, only: Option<Key>) {
        let gone = lock(&self.inner).line.forget(run, only);
        let Some(one) = gone.waiters.first() else { return };
        self.leave_lines(&one.holder, gone.demands.iter().flat_map(|demand| demand.of_places()));
        self.has_changed(HeldUp::default());
    }

    /// This process holds up no other where nobody of it waits any more.
    fn leave_lines<'d>(&self, holder: &Holder, lines: impl Iterator<Item = &'d Limited>) {
        let Some(owner) = &holder.owner else { return };
        let left: BTreeSet<String> = {
            let inner = lock(&self.inner);
            lines.filter(|limited| inner.line.count(limited) == 0).map(Limited::in_store).collect()
        };
        if !left.is_empty() {
            self.store.leave_lines(owner, left.into_iter().collect());
        }
    }

    /// Gives places back. Virtual time stands still until those who wait have been looked at.
    pub(super) fn give_back(self: &Arc<Self>, slots: Slots) {
        let clocks = lock(&self.inner).line.clocks();
        clocks.iter().for_each(Clock::enter);
        let done = Done { gate: Arc::clone(self), held_up: HeldUp(clocks) };
        self.store.give_back(slots, done);
    }

    fn has_changed(self: &Arc<Self>, mut held_up: HeldUp) {
        let somebody_waits = {
            let mut inner = lock(&self.inner);
            inner.has_changed = true;
            let somebody_waits = !inner.line.is_empty();
            if somebody_waits || inner.is_watched {
                inner.held_up.0.append(&mut held_up.0);
            }
            somebody_waits
        };
        if somebody_waits { self.watch() } else { self.changed.notify_all() }
    }

    /// Sees to it that somebody looks at the line.
    fn watch(self: &Arc<Self>) {
        {
            let mut inner = lock(&self.inner);
            if std::mem::replace(&mut inner.is_watched, true) {
                drop(inner);
                self.changed.notify_all();
                return;
            }
        }
        let gate = Arc::clone(self);
        if let Err(error) = spawn("prefect-limits".into(), move || gate.look_after_the_line()) {
            // The next one who comes, or gives something back, tries again.
            tracing::error!(target: "prefect", "No thread for those that wait for a place: {error}");
            drop(Self::is_not_watched(lock(&self.inner)));
        }
    }

    /// What comes back is to be dropped under no lock.
    #[must_use]
    fn is_not_watched(mut inner: Locked<'_, Inner>) -> HeldUp {
        inner.is_watched = false;
        std::mem::take(&mut inner.held_up)
    }

    /// The thread.
    fn look_after_the_line(self: Arc<Self>) {
        let mut looked_for_the_dead = Instant::now();
        loop {
            // A fault of ours, at one of those that wait: the others go on waiting for their places all the same.
            let looked = catch_unwind(AssertUnwindSafe(|| self.look(&mut looked_for_the_dead)));
            let mut pause = LOOK.0 + LOOK.1.mul_f64(fraction(bits()));
            match looked {
                Ok(Some(next)) => pause = pause.min(next),
                Ok(None) => {}
                Err(payload) => {
                    drop_quietly(payload);
                    tracing::error!(target: "prefect", "Who looks after those that wait for a place panicked; please report it");
                }
            }
            let inner = lock(&self.inner);
            if inner.line.is_empty() && inner.held_up.0.is_empty() {
                drop(Self::is_not_watched(inner));
                return;
            }
            if !inner.has_changed {
                inner.give_away_for(&self.changed, pause);
            }
        }
    }

    /// One look at the line. Gives how long it is until the next start.
    fn look(self: &Arc<Self>, looked_for_the_dead: &mut Instant) -> Option<Duration> {
        let held_up = {
            let mut inner = lock(&self.inner);
            inner.has_changed = false;
            std::mem::take(&mut inner.held_up)
        };
        let next = self.let_in();
        drop(held_up);
        if looked_for_the_dead.elapsed() >= LOOK_FOR_THE_DEAD {
            *looked_for_the_dead = Instant::now();
            look_for_the_dead(&self.store);
        }
        next
    }

    /// Lets in who may, in order. Gives how long it is until the next start.
    fn let_in(self: &Arc<Self>) -> Option<Duration> {
        let mut next_start: Option<Duration> = None;
        let mut held_up: BTreeSet<Limited> = BTreeSet::new();
        loop {
            let (ticket, demand, holder, more) = {
                let inner = lock(&self.inner);
                let Some((demand, first)) = inner.line.next(&held_up) else { return next_start };
                let more: Vec<_> =
                    demand.of_places().filter(|limited| inner.line.count(limited) > 1).cloned().collect();
                (first.ticket(), demand, Arc::clone(&first.holder), more)
            };
            match self.take(&demand, holder.owner.as_ref(), &more) {
                Ok(Ok(places)) => {
                    let waiter = lock(&self.inner).line.pop(&demand, ticket);
                    // Those behind it may have gone meanwhile.
                    self.leave_lines(&holder, more.iter());
                    match waiter {
                        Some(waiter) => waiter.waiting.give(waiter.key, places),
                        // It has gone itself.
                        None => drop(places),
                    }
                    continue;
                }
                Ok(Err(Taking::Lost)) => {
                    // It is to see for itself, and holds up nobody.
                    let waiter = lock(&self.inner).line.pop(&demand, ticket);
                    if let Some(waiter) = waiter {
                        waiter.waiting.give(waiter.key, Places::of_a_lost_run());
                    }
                    continue;
                }
                Ok(Err(lack)) => {
                    if let Taking::NotBefore { wait, .. } = lack {
                        next_start = Some(next_start.map_or(wait, |next| next.min(wait)));
                    }
                    // It may have gone while it was put into the lines of the store.
                    self.leave_lines(&holder, demand.of_places());
                }
                Err(error) => tracing::debug!(target: "prefect", "No places can be taken for now: {error}"),
            }
            held_up.extend(demand.all().cloned());
        }
    }

    fn take(
        self: &Arc<Self>,
        demand: &Demand,
        owner: Option<&SlotOwner>,
        more: &[Limited],
    ) -> Result<Result<Places, Taking>, StoreError> {
        let wanted = SlotsWanted {
            places: demand.places.iter().map(|(limited, limit)| (limited.in_store(), *limit)).collect(),
            starts: demand.rates.iter().map(|(limited, rate)| (limited.in_store(), rate.interval())).collect(),
            more: more.iter().map(Limited::in_store).collect(),
        };
        // Only what is recorded comes here.
        let Some(owner) = owner else { return Ok(Err(Taking::Lost)) };
        Ok(match self.store.take_slots(owner, &wanted)? {
            Taking::Taken(slots) => Ok(Places::new(Taken::Store(Arc::clone(self), slots))),
            lack => Err(lack),
        })
    }
}

/// What somebody waits for, for people.
fn message(demand: &Demand, lack: &Taking, who: Option<&SlotOwner>) -> String {
    match lack {
        Taking::Full(Full { name, limit, taken: count, holder }) => {
            let limited = demand.all().find(|limited| limited.in_store() == *name).unwrap_or_else(|| demand.first());
            if count < limit {
                return format!("Waiting for {limited}: others came before");
            }
            let by = holder.as_ref().map(|holder| {
                let run = format!("run {}", plain(&holder.run_name));
                match &holder.task {
                    Some(task) if who.is_some_and(|who| who.is_of(&holder.run)) => format!("`{}`", plain(task)),
                    Some(task) => format!("`{}` in {run}", plain(task)),
                    None => run,
                }
            });
            format!("Waiting for {limited}: {}", taken(*count as usize, *limit, by))
        }
        Taking::NotBefore { name, .. } => {
            let limited = demand.rates.iter().find(|(limited, _)| limited.in_store() == *name);
            limited.map_or_else(String::new, |(limited, rate)| format!("Waiting for {limited}: {rate} may start"))
        }
        Taking::Lost | Taking::Taken(_) => {
            format!("Waiting for {}: this run is another process's now", demand.first())
        }
    }
}

/// Tells a gate, where it is dropped, that places have been given back.
struct Done {
    gate: Arc<StoreGate>,
    held_up: HeldUp,
}

impl Drop for Done {
    fn drop(&mut self) {
        self.gate.has_changed(std::mem::take(&mut self.held_up));
    }
}

#[cfg(test)]
#[path = "shared_tests.rs"]
mod tests;
