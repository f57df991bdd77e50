//! A schedule as it is told to people, and to the store.
use jiff::ZonedDateTime;
use prefect_store::{Micros, ScheduleSeen};

use super::following::{all_of, micros};
use super::ticks::Ticks;
use crate::Clock;
use crate::plain::human;
use crate::run::wall;
use crate::schedule::{CatchUp, Policies, Schedule};

/// How often it is looked on behind many moments that no filter lets pass, before fewer ticks are told.
const SEARCHES: u32 = 50;

/// What a schedule is, and which ticks come next.
#[derive(Clone, Debug)]
pub(crate) struct Outlook {
    pub(crate) description: String,
    pub(crate) policies: Policies,
    /// The next ticks; or how the code of the schedule failed.
    pub(crate) next: Result<Vec<ZonedDateTime>, String>,
    first: Option<Micros>,
    now: Micros,
}

impl Outlook {
    /// The next so many ticks from now on.
    pub(crate) fn of(schedule: &Schedule, clock: &Clock, count: usize) -> Self {
        let now = micros(wall::now(clock));
        let mut ticks = Ticks::after(schedule, all_of(now));
        let mut first = None;
        let mut searches = SEARCHES;
        let next = std::iter::from_fn(|| {
            loop {
                match ticks.next().map(|tick| tick.map(|tick| (tick.at, tick.event.start_time().clone()))) {
                    Ok(Some((at, start))) => {
                        first = first.or(Some(at));
                        ticks.decide(at);
                        return Some(Ok(start));
                    }
                    Ok(None) if ticks.is_over() || searches == 0 => return None,
                    Ok(None) => searches -= 1,
                    Err(why) => return Some(Err(why)),
                }
            }
        });
        let next = next.take(count).collect();
        Self { description: schedule.description(), policies: schedule.policies, next, first, now }
    }

    /// `catch up: latest within 24h 00m, overlap: skip`
    pub(crate) fn policies(&self) -> String {
        format!("catch up: {}, overlap: {}", self.catch_up(), self.policies.overlap)
    }

    /// `latest within 24h 00m`
    pub(crate) fn catch_up(&self) -> String {
        match self.policies {
            Policies { catch_up: CatchUp::Skip, .. } => CatchUp::Skip.to_string(),
            Policies { catch_up, window, .. } => format!("{catch_up} within {}", human(window)),
        }
    }

    /// What the store is told, of the schedule of this flow.
    pub(crate) fn seen(&self, flow: &str) -> ScheduleSeen {
        ScheduleSeen {
            schedule: flow.to_owned(),
            description: self.description.clone(),
            catch_up: self.catch_up(),
            overlap: self.policies.overlap.to_string(),
            next: self.first,
            at: self.now,
        }
    }
}
