//! What becomes of the first tick that has come: it has a run, waits for its turn, or has none.
use jiff::Timestamp;
use prefect_store::{IfBusy, Micros, RunId, StoreError, Tick};

use super::event::{Happened, ServedRun, Skipped};
use super::following::{Following, Step, Waiting, later, micros};
use super::lane::Shared;
use super::left_out::LeftOut;
use super::run;
use super::sorted::{How, Queued};
use super::ticks::Due;
use crate::record::{Begun, begin_tick};
use crate::schedule::{CatchUp, Overlap};

impl Following<'_> {
    /// Decides the first tick of the queue.
    pub(super) fn decide(&mut self, now: Timestamp) -> Result<Step, StoreError> {
        let next = match self.queue.get(1) {
            Some(second) => Some(second.due.at),
            // How it failed, if it did, is told when its turn comes.
            None => self.ticks.next().ok().flatten().map(|next| next.at),
        };
        let Some(Queued { due, how }) = self.queue.front() else { return Ok(Step::Again) };
        let (due, how) = (due.clone(), *how);
        let Shared { store, clock, .. } = &self.lane.shared;
        let overlap = self.lane.schedule().policies.overlap;
        let if_busy = match (overlap, how) {
            (Overlap::AllowAll, _) => IfBusy::Begin,
            (Overlap::Skip, How::InTime) => IfBusy::Skip,
            _ => IfBusy::Wait,
        };
        let tick = Tick { schedule: self.lane.name().to_owned(), at: due.at, next, if_busy };
        let begun = begin_tick(store, &self.lane.flow, &due.event, tick, clock)?;
        match begun {
            Begun::Paused => {}
            // Others have decided it, and what is before it.
            Begun::Taken => {
                self.is_paused(None);
                self.left_out = LeftOut::default();
            }
            _ => {
                self.is_paused(None);
                self.tell_of_left_out(Some(&due));
            }
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
            Begun::Taken => {
                // That may have been some time ago: what has come since the store was asked last is for the store to decide.
                let waited = self.waiting.as_ref().map_or(now, |waiting| waiting.asked);
                self.decided(due.at, waited);
            }
            Begun::Skipped => {
                let last = due.event.start_time().clone();
                self.tell(Happened::Skipped { ticks: 1, more: false, last, why: Skipped::Overlap });
                self.decided(due.at, now);
            }
            Begun::Busy(runs) => {
                let cancels = overlap == Overlap::CancelOther && how == How::InTime;
                self.wait_for(&due, now, &runs, cancels);
                return Ok(Step::Wait(later(now)));
            }
            Begun::Paused => return Ok(self.leave_out(&due, now)),
        }
        Ok(Step::Again)
    }

    /// The first tick of the queue is decided. If it had to wait, it did until this moment at least.
    fn decided(&mut self, at: Micros, waited: Timestamp) {
        self.queue.pop_front();
        self.ticks.decide(at);
        if self.waiting.take().is_some() {
            self.came_meanwhile = Some(waited);
        }
    }

    /// A tick waits for the end of these runs.
    fn wait_for(&mut self, due: &Due, now: Timestamp, runs: &[RunId], cancels: bool) {
        let begins = self.waiting.as_ref().is_none_or(|waiting| waiting.at != due.at);
        if begins {
            self.waiting = Some(Waiting { at: due.at, asked: now, cancelled: Vec::new() });
            self.tell(Happened::Waits {
                tick: due.event.start_time().clone(),
                runs: runs.iter().map(|run| run.short().to_string()).collect(),
                cancelled: cancels,
            });
        }
        let Some(waiting) = &mut self.waiting else { return };
        waiting.asked = now;
        if !cancels {
            return;
        }
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
        if self.lane.schedule().policies.catch_up != CatchUp::All {
            self.decided(due.at, now);
            return Step::Again;
        }
        let next = self.ticks.next_look();
        self.look_again();
        self.waiting = None;
        if self.lane.shared.clock.is_virtual() { Step::Wait(next) } else { Step::Wait(later(now)) }
    }
}
