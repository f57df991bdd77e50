//! One schedule, followed on a thread of its own: what holds it up, or what its code does, holds up no other.
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;

use jiff::Timestamp;
use prefect_store::{IfBusy, Micros, RunId, ScheduleRow, Store, StoreError, Tick};

use super::bell::{Listener, STEP};
use super::event::{Happened, SchedulerEvent, ServedRun, Skipped};
use super::run;
use super::sorted::{How, Queued, Sorted};
use super::ticks::{Due, IN_TIME, Passed, Ticks};
use crate::clock::Busy;
use crate::flow::{Flow, Unread};
use crate::panics::guard;
use crate::record::{Begun, begin_tick};
use crate::run::wall;
use crate::schedule::{CatchUp, Overlap, Schedule};
use crate::{Canceller, Clock};

/// What all schedules share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) stop: Canceller,
    pub(super) tell: Arc<dyn Fn(&SchedulerEvent) + Send + Sync>,
}

/// How the thread of a schedule has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was stopped.
    Stopped,
    /// There are no more ticks.
    Over,
    /// The code of the schedule failed.
    Broken,
}

/// What comes next.
enum Step {
    /// To look again.
    Again,
    /// To wait until this moment, or until something happens.
    Wait(Option<Timestamp>),
    End(End),
}

/// The tick that waits for the end of another run.
struct Waiting {
    at: Micros,
    /// Which runs were told to stop.
    cancelled: Vec<RunId>,
}

pub(super) struct Lane {
    flow: Flow<Unread>,
    schedule: Arc<Schedule>,
    shared: Shared,
}

impl Lane {
    pub(super) fn new(flow: Flow<Unread>, schedule: Arc<Schedule>, shared: Shared) -> Self {
        Self { flow, schedule, shared }
    }

    pub(super) fn name(&self) -> &str {
        self.flow.name()
    }

    pub(super) fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    pub(super) fn store(&self) -> &Store {
        &self.shared.store
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// What is wrong with the values that the clocks give for parameters.
    pub(super) fn mistakes(&self) -> Option<String> {
        let graph = &self.flow.graph;
        let mistakes = guard(|| self.flow.given.mistakes(&graph.parameters, self.schedule.parameter_defaults()));
        match mistakes {
            Ok(mistakes) => mistakes.map(|errors| errors.to_string()),
            Err(caught) => Some(caught.into_error().to_string()),
        }
    }

    pub(super) fn tell(&self, what: Happened) {
        (self.shared.tell)(&SchedulerEvent::new(self.name(), what));
    }

    /// Follows the schedule until it is over or stopped, and waits for its runs.
    pub(super) fn follow(&self, busy: Busy) -> End {
        let listener = Listener::new(&self.shared.clock, busy.on_this_thread());
        let stopped = self.shared.stop.wake(listener.waker());
        let mut following = Following {
            lane: self,
            ticks: Ticks::after(&self.schedule, Micros(i64::MAX)),
            looked: None,
            queue: VecDeque::new(),
            listener,
            waiting: None,
            came_meanwhile: None,
            paused: false,
            in_trouble: false,
            running: Vec::new(),
            threads: Vec::new(),
        };
        let end = following.follow();
        following.wait_for_runs();
        drop(stopped);
        end
    }
}

/// A schedule on its way.
struct Following<'a> {
    lane: &'a Lane,
    ticks: Ticks<'a>,
    /// When the wall was looked at last; `None` before the store was.
    looked: Option<Timestamp>,
    /// Ticks that are to be decided, in this order.
    queue: VecDeque<Queued>,
    listener: Listener,
    waiting: Option<Waiting>,
    /// Ticks before this moment came while one waited.
    came_meanwhile: Option<Timestamp>,
    paused: bool,
    in_trouble: bool,
    running: Vec<ServedRun>,
    threads: Vec<JoinHandle<()>>,
}

impl Following<'_> {
    fn follow(&mut self) -> End {
        loop {
            self.hear();
            if self.lane.shared.stop.is_cancelled() {
                return End::Stopped;
            }
            match self.step() {
                Ok(Step::Again) => {}
                Ok(Step::Wait(until)) => self.listener.wait(until),
                Ok(Step::End(end)) => return end,
                Err(error) => self.trouble(&error),
            }
        }
    }

    /// Waits for the runs that are left, and for their messages.
    fn wait_for_runs(&mut self) {
        self.hear();
        while !self.running.is_empty() {
            self.listener.wait(None);
            self.hear();
        }
        // Messages take their time, which goes on without this thread.
        self.listener.let_go();
        for thread in self.threads.drain(..) {
            // What it had to say it has said.
            let _ = thread.join();
        }
    }

    /// Tells of the runs that have ended.
    fn hear(&mut self) {
        for ended in self.listener.heard() {
            self.running.retain(|run| *run != ended.run);
            self.tell(Happened::Ended { run: ended.run, state: ended.state });
        }
        self.threads.retain(|thread| !thread.is_finished());
    }

    fn step(&mut self) -> Result<Step, StoreError> {
        let now = wall::now(&self.lane.shared.clock);
        let set_back = self.looked.is_some_and(|looked| now < looked);
        if self.looked.is_none() || set_back {
            // After the wall was set back: what was decided for later moments stays decided, by the store.
            self.queue.clear();
            let decided = self.decided_by_all(now)?;
            self.ticks.go_to(decided);
            self.looked = Some(now);
        }
        self.look_at_pause(now)?;
        self.looked = Some(now);
        let step = match self.queue.front() {
            Some(_) => self.decide(now)?,
            None => self.look(now)?,
        };
        self.in_trouble = false;
        Ok(step)
    }

    /// Looks which ticks have come.
    fn look(&mut self, now: Timestamp) -> Result<Step, StoreError> {
        let passed = match self.ticks.take_passed(now) {
            Ok(passed) => passed,
            Err(why) => return Ok(self.broken(why)),
        };
        if passed.count == 0 {
            return Ok(match self.ticks.next().map(|next| next.map(|next| next.event.timestamp())) {
                Ok(Some(next)) => Step::Wait(Some(next)),
                Ok(None) if self.ticks.is_over() => {
                    self.tell(Happened::Over);
                    Step::End(End::Over)
                }
                // Many moments in a row that no filter lets pass.
                Ok(None) => match self.ticks.next_look() {
                    Some(moment) if moment > now => Step::Wait(Some(moment)),
                    _ => Step::Again,
                },
                Err(why) => self.broken(why),
            });
        }
        let first = passed.ticks.front().map(|tick| tick.at);
        // What could not be sorted is looked at again.
        self.sort(passed, now).inspect_err(|_| self.ticks.go_to(before(first)))?;
        self.came_meanwhile = None;
        Ok(Step::Again)
    }

    fn broken(&self, why: String) -> Step {
        self.tell(Happened::Broken(why));
        Step::End(End::Broken)
    }

    /// Which of the ticks that have passed are to have runs.
    fn sort(&mut self, mut passed: Passed, now: Timestamp) -> Result<(), StoreError> {
        let last = passed.ticks.back().map(|last| now.duration_since(last.event.timestamp()));
        if passed.count > 1 || last.is_some_and(|late| late >= IN_TIME) {
            // Others may have served while this process did something else, or slept.
            let decided = self.decided_by_all(now)?;
            passed.after(decided);
            self.ticks.decide(decided);
        }
        let Sorted { meanwhile, missed, queue } =
            Sorted::of(passed, now, self.lane.schedule.policies, self.came_meanwhile);
        self.skip(&meanwhile, Skipped::Overlap)?;
        // The next one that is decided says the same of what is before it.
        match queue.front() {
            None => self.skip(&missed, Skipped::Missed)?,
            Some(first) => self.tell_of_skipped(&missed, &first.due, Skipped::Missed),
        }
        self.queue.extend(queue);
        Ok(())
    }

    /// Leaves these ticks out, for all processes.
    fn skip(&self, passed: &Passed, why: Skipped) -> Result<(), StoreError> {
        let Some(last) = passed.ticks.back() else { return Ok(()) };
        self.lane.shared.store.skip_tick(self.lane.name(), last.at)?;
        self.tell_of_skipped(passed, last, why);
        Ok(())
    }

    /// Tells of ticks that are left out; the last of them may not be there any more, to tell them by.
    fn tell_of_skipped(&self, passed: &Passed, or: &Due, why: Skipped) {
        if passed.count > 0 {
            let last = passed.ticks.back().unwrap_or(or).event.start_time().clone();
            self.tell(Happened::Skipped { ticks: passed.count, more: passed.more, last, why });
        }
    }

    /// Decides the first tick of the queue.
    fn decide(&mut self, now: Timestamp) -> Result<Step, StoreError> {
        let next = match self.queue.get(1) {
            Some(second) => Some(second.due.at),
            // How it failed, if it did, is told when its turn comes.
            None => self.ticks.next().ok().flatten().map(|next| next.at),
        };
        let Some(Queued { due, how }) = self.queue.front() else { return Ok(Step::Again) };
        let (due, how) = (due.clone(), *how);
        let Shared { store, clock, .. } = &self.lane.shared;
        let overlap = self.lane.schedule.policies.overlap;
        let if_busy = match (overlap, how) {
            (Overlap::AllowAll, _) => IfBusy::Begin,
            (Overlap::Skip, How::InTime) => IfBusy::Skip,
            _ => IfBusy::Wait,
        };
        let tick = Tick { schedule: self.lane.name().to_owned(), at: due.at, next, if_busy };
        let begun = begin_tick(store, &self.lane.flow, &due.event, tick, clock)?;
        if !matches!(begun, Begun::Paused) {
            self.is_paused(None);
        }
        match begun {
            Begun::Run(id, name, recorded) => {
                let run = ServedRun { id: id.to_string(), short: id.short().to_string(), name };
                let tick = due.event.start_time().clone();
                self.tell(Happened::Begun { run: run.clone(), tick, late: how == How::Late });
                self.decided(due.at, now);
                let with = (clock, &self.listener.bell, &self.lane.shared.stop);
                match run::start(&self.lane.flow, run.clone(), recorded, due.event, with) {
                    Ok(thread) => self.threads.push(thread),
                    // The bell rings all the same, and the run is left behind as one that crashed.
                    Err(error) => self.tell(Happened::Trouble(format!("no thread for {run}: {error}"))),
                }
                self.running.push(run);
            }
            Begun::Taken => self.decided(due.at, now),
            Begun::Skipped => {
                let last = due.event.start_time().clone();
                self.tell(Happened::Skipped { ticks: 1, more: false, last, why: Skipped::Overlap });
                self.decided(due.at, now);
            }
            Begun::Busy(runs) => {
                let cancels = overlap == Overlap::CancelOther && how == How::InTime;
                self.wait_for(&due, &runs, cancels);
                return Ok(Step::Wait(later(now)));
            }
            Begun::Paused => return Ok(self.leave_out(&due, now)),
        }
        Ok(Step::Again)
    }

    /// The first tick of the queue is decided.
    fn decided(&mut self, at: Micros, now: Timestamp) {
        self.queue.pop_front();
        self.ticks.decide(at);
        if self.waiting.take().is_some() {
            self.came_meanwhile = Some(now);
        }
    }

    /// A tick waits for the end of these runs.
    fn wait_for(&mut self, due: &Due, runs: &[RunId], cancels: bool) {
        let begins = self.waiting.as_ref().is_none_or(|waiting| waiting.at != due.at);
        if begins {
            self.waiting = Some(Waiting { at: due.at, cancelled: Vec::new() });
            self.tell(Happened::Waits {
                tick: due.event.start_time().clone(),
                runs: runs.iter().map(|run| run.short().to_string()).collect(),
                cancelled: cancels,
            });
        }
        let Some(waiting) = self.waiting.as_mut().filter(|_| cancels) else { return };
        for run in runs {
            if !waiting.cancelled.contains(run) {
                waiting.cancelled.push(*run);
                let by = format!("the next tick of the schedule of `{}`", self.lane.name());
                // It may have ended meanwhile, or somebody else was faster: the next look tells.
                let _ = self.lane.shared.store.cancel(*run, &by);
            }
        }
    }

    /// A tick of a schedule that is paused: it has no run, or waits until the schedule goes on.
    fn leave_out(&mut self, due: &Due, now: Timestamp) -> Step {
        if !self.paused {
            // The pause may be younger than the last look at the schedule. Who asked for it is told, not waited for.
            let row = self.lane.shared.store.schedule(self.lane.name(), micros(now)).ok().flatten();
            let by = row.and_then(|row| row.paused).map(|(_, by)| by);
            self.is_paused(Some(by.unwrap_or_default()));
        }
        if self.lane.schedule.policies.catch_up != CatchUp::All {
            self.decided(due.at, now);
            return Step::Again;
        }
        self.queue.clear();
        self.waiting = None;
        let next = self.ticks.next_look();
        // What waits is found again then.
        self.ticks.go_to(before(Some(due.at)));
        if self.lane.shared.clock.is_virtual() { Step::Wait(next) } else { Step::Wait(later(now)) }
    }

    /// Up to which tick all is decided, by this process or another.
    fn decided_by_all(&self, now: Timestamp) -> Result<Micros, StoreError> {
        let until = all_of(micros(now));
        let row = self.lane.shared.store.schedule(self.lane.name(), until)?;
        Ok(row.map_or(until, |row| self.decided_in(&row)))
    }

    fn decided_in(&self, row: &ScheduleRow) -> Micros {
        let all = self.lane.schedule.policies.catch_up == CatchUp::All;
        let resumed = row.resumed_at.filter(|_| !all).map(all_of);
        let last = row.last.as_ref().map(|last| last.at);
        resumed.into_iter().chain(last).fold(all_of(row.since), Micros::max)
    }

    /// Somebody may have paused the schedule, or resumed it: the machine's clock brings us here each second.
    fn look_at_pause(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.lane.shared.clock.is_virtual() {
            return Ok(());
        }
        let Some(row) = self.lane.shared.store.schedule(self.lane.name(), micros(now))? else { return Ok(()) };
        self.is_paused(row.paused.map(|(_, by)| by));
        Ok(())
    }

    fn is_paused(&mut self, by: Option<String>) {
        if by.is_some() != self.paused {
            self.paused = by.is_some();
            self.tell(by.map_or(Happened::Resumed, Happened::Paused));
        }
    }

    /// The store could not be read or written. What was looked at is looked at again.
    fn trouble(&mut self, error: &StoreError) {
        if !std::mem::replace(&mut self.in_trouble, true) {
            self.tell(Happened::Trouble(error.to_string()));
        }
        if let Some(first) = self.queue.drain(..).next() {
            self.ticks.go_to(before(Some(first.due.at)));
        }
        let now = wall::now(&self.lane.shared.clock);
        self.listener.wait(later(now));
    }

    fn tell(&self, what: Happened) {
        self.lane.tell(what);
    }
}

/// The place before this one.
fn before(at: Option<Micros>) -> Micros {
    Micros(at.map_or(i64::MIN, |at| at.0.saturating_sub(1)))
}

/// The last place that a tick of this moment can have: events of one moment stand a microsecond apart.
pub(super) fn all_of(moment: Micros) -> Micros {
    Micros(moment.0.saturating_add(999))
}

fn later(now: Timestamp) -> Option<Timestamp> {
    now.checked_add(STEP).ok()
}

pub(super) fn micros(moment: Timestamp) -> Micros {
    Micros(moment.as_microsecond())
}
