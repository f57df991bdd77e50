//! A schedule on its way: which of its ticks have come, and when to look again.
use std::collections::VecDeque;
use std::thread::JoinHandle;

use jiff::Timestamp;
use prefect_store::{Micros, RunId, ScheduleRow, StoreError};

use super::bell::{Listener, STEP};
use super::event::{Happened, ServedRun, Skipped};
use super::lane::{End, Lane};
use super::left_out::LeftOut;
use super::sorted::{Queued, Sorted};
use super::ticks::{Due, IN_TIME, Passed, Ticks};
use crate::clock::Busy;
use crate::run::wall;
use crate::schedule::CatchUp;

/// What comes next.
pub(super) enum Step {
    /// To look again.
    Again,
    /// To wait until this moment, or until something happens.
    Wait(Option<Timestamp>),
    End(End),
}

/// The tick that waits for the end of another run.
pub(super) struct Waiting {
    pub(super) at: Micros,
    /// When it was not its turn yet, as far as this process knows.
    pub(super) asked: Timestamp,
    /// Which runs were told to stop.
    pub(super) cancelled: Vec<RunId>,
}

/// A schedule on its way.
pub(super) struct Following<'a> {
    pub(super) lane: &'a Lane,
    pub(super) ticks: Ticks<'a>,
    /// When the wall was looked at last; `None` before the store was.
    looked: Option<Timestamp>,
    /// Ticks that are to be decided, in this order.
    pub(super) queue: VecDeque<Queued>,
    /// Those before them that have no run.
    pub(super) left_out: LeftOut,
    pub(super) listener: Listener,
    pub(super) waiting: Option<Waiting>,
    /// Ticks before this moment came while one waited.
    pub(super) came_meanwhile: Option<Timestamp>,
    pub(super) paused: bool,
    in_trouble: bool,
    pub(super) running: Vec<ServedRun>,
    pub(super) threads: Vec<JoinHandle<()>>,
}

impl<'a> Following<'a> {
    pub(super) fn of(lane: &'a Lane, busy: Busy) -> Self {
        Self {
            lane,
            ticks: Ticks::after(lane.schedule(), Micros(i64::MAX)),
            looked: None,
            queue: VecDeque::new(),
            left_out: LeftOut::default(),
            listener: Listener::new(lane.clock(), busy.on_this_thread()),
            waiting: None,
            came_meanwhile: None,
            paused: false,
            in_trouble: false,
            running: Vec::new(),
            threads: Vec::new(),
        }
    }
}

impl Following<'_> {
    /// Follows the schedule until it is over or stopped, and waits for its runs.
    pub(super) fn follow_to_the_end(mut self) -> End {
        let stopped = self.lane.shared.stop.wake(self.listener.waker());
        let end = self.follow();
        self.wait_for_runs();
        drop(stopped);
        end
    }

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
            self.left_out = LeftOut::default();
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
        self.sort(passed, now)?;
        self.came_meanwhile = None;
        Ok(Step::Again)
    }

    fn broken(&self, why: String) -> Step {
        self.tell(Happened::Broken(why));
        Step::End(End::Broken)
    }

    /// Which of the ticks that have passed are to have runs. What could not be sorted is looked at again.
    fn sort(&mut self, mut passed: Passed, now: Timestamp) -> Result<(), StoreError> {
        let last = passed.ticks.back().map(|last| now.duration_since(last.event.timestamp()));
        if passed.count > 1 || last.is_some_and(|late| late >= IN_TIME) {
            // Others may have served while this process did something else, or slept.
            match self.decided_by_all(now) {
                Ok(decided) => {
                    passed.after(decided);
                    self.left_out.after(decided);
                    self.ticks.decide(decided);
                }
                Err(error) => {
                    self.left_out.add_unkept(&passed);
                    self.ticks.put_back(passed.ticks.into_iter());
                    return Err(error);
                }
            }
        }
        let sorted = Sorted::of(passed, now, self.lane.schedule().policies, self.came_meanwhile);
        if let Err(error) = self.skip_all(&sorted) {
            self.left_out.add_unkept(&sorted.missed);
            self.ticks.put_back(sorted.into_ticks());
            return Err(error);
        }
        // The first that is decided says the same of what is before it.
        self.left_out.add(sorted.missed);
        self.queue.extend(sorted.queue);
        if self.queue.is_empty() {
            self.tell_of_left_out(None);
        }
        Ok(())
    }

    /// Leaves out what no tick is behind that says so when it is decided.
    fn skip_all(&self, sorted: &Sorted) -> Result<(), StoreError> {
        let Sorted { meanwhile, missed, queue } = sorted;
        if let Some(last) = self.skip(meanwhile)? {
            let last = last.event.start_time().clone();
            self.tell(Happened::Skipped { ticks: meanwhile.count, more: meanwhile.more, last, why: Skipped::Overlap });
        }
        if queue.is_empty() {
            self.skip(missed)?;
        }
        Ok(())
    }

    /// Leaves these ticks out, for all processes. Gives the last of them.
    fn skip<'p>(&self, passed: &'p Passed) -> Result<Option<&'p Due>, StoreError> {
        let Some(last) = passed.ticks.back() else { return Ok(None) };
        self.lane.shared.store.skip_tick(self.lane.name(), last.at)?;
        Ok(Some(last))
    }

    /// Tells of what was missed, now that this tick is decided; `None` is the last of what was missed itself.
    pub(super) fn tell_of_left_out(&mut self, decided: Option<&Due>) {
        if let Some(told) = self.left_out.take(decided) {
            self.tell(told);
        }
    }

    /// Up to which tick all is decided, by this process or another.
    fn decided_by_all(&self, now: Timestamp) -> Result<Micros, StoreError> {
        let until = all_of(micros(now));
        let row = self.lane.shared.store.schedule(self.lane.name(), until)?;
        Ok(row.map_or(until, |row| self.decided_in(&row)))
    }

    fn decided_in(&self, row: &ScheduleRow) -> Micros {
        let all = self.lane.schedule().policies.catch_up == CatchUp::All;
        let resumed = row.resumed_at.filter(|_| !all).map(all_of);
        let last = row.last.as_ref().map(|last| last.at);
        resumed.into_iter().chain(last).chain(row.ticks_gone).fold(all_of(row.since), Micros::max)
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

    pub(super) fn is_paused(&mut self, by: Option<String>) {
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
        // A tick that waits for its turn keeps it, however long the store is away.
        if self.waiting.is_none() {
            self.look_again();
        }
        let now = wall::now(&self.lane.shared.clock);
        self.listener.wait(later(now));
    }

    /// The queue is sorted anew, with what comes meanwhile.
    pub(super) fn look_again(&mut self) {
        self.ticks.put_back(self.queue.drain(..).map(|queued| queued.due));
    }

    pub(super) fn tell(&self, what: Happened) {
        self.lane.tell(what);
    }
}

/// The last place that a tick of this moment can have: events of one moment stand a microsecond apart.
pub(super) fn all_of(moment: Micros) -> Micros {
    Micros(moment.0.saturating_add(999))
}

pub(super) fn later(now: Timestamp) -> Option<Timestamp> {
    now.checked_add(STEP).ok()
}

pub(super) fn micros(moment: Timestamp) -> Micros {
    Micros(moment.as_microsecond())
}
