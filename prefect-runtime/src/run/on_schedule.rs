//! Runs a flow at the moments of its schedule, one run after the other, until there are no more.
use jiff::Timestamp;

use super::runtime::AsyncRuntime;
use super::{FlowRun, Prepared, Until, wall};
use crate::flow::{Flow, FlowOutput};
use crate::panics::{self, Caught, guard};
use crate::schedule::{ClockEvent, Events, Schedule};
use crate::{Clock, TaskError};

/// After so many moments that have passed, the rest of what has passed is not looked at one by one.
const PASSED: u32 = 1000;

/// Runs a flow to its end, or on its schedule: then to the end of the last run. `None` if nobody waits for a run any more,
/// which is asked between runs.
#[track_caller]
pub(crate) fn run<O: FlowOutput>(
    flow: &Flow<O>,
    runtime: impl Fn() -> AsyncRuntime,
    waited_for: impl Fn() -> bool,
) -> Option<FlowRun> {
    Prepared::check(flow);
    let Some(schedule) = to_follow(flow) else {
        return Some(Prepared::new(flow, Until::TheEnd, runtime(), None).run());
    };
    panics::install_hook();
    let clock = flow.settings.clock.clone().unwrap_or_else(Clock::system);
    if let Some(errors) = flow.given.mistakes(&flow.graph.parameters, schedule.parameter_defaults()) {
        return Some(Prepared::new(flow, Until::TheEnd, runtime(), None).refuse_parameters(errors).run());
    }
    let mut upcoming = match guard(|| Upcoming::new(schedule, wall::now(&clock))) {
        Ok(upcoming) => upcoming,
        Err(caught) => return Some(refused(flow, runtime(), caught.into_error())),
    };
    let mut last = None;
    loop {
        let event = match guard(|| upcoming.next(&clock, flow.name())).map_err(Caught::into_error) {
            Ok(Some(event)) => event,
            Ok(None) => break,
            Err(error) => return Some(refused(flow, runtime(), error)),
        };
        if event.timestamp() > wall::now(&clock) {
            let at = event.start_time().strftime("%FT%T%:z");
            tracing::info!(target: "prefect", flow = flow.name(), "Waiting for next scheduled run at {at}");
        }
        if !wall::wait(&clock, event.timestamp(), &waited_for) || !waited_for() {
            return None;
        }
        // The results of the run before are needed no longer.
        drop(last.take());
        last = Some(Prepared::new(flow, Until::TheEnd, runtime(), Some(&event)).run());
    }
    Some(last.unwrap_or_else(|| refused(flow, runtime(), "Flow has no more scheduled runs.".into())))
}

/// The schedule of a flow, if this run follows it.
fn to_follow<O>(flow: &Flow<O>) -> Option<&Schedule> {
    let schedule = flow.schedule.as_deref()?;
    let follows = flow.settings.on_schedule.unwrap_or_else(|| {
        // A configuration that cannot be loaded is an error of the run, which tells it at once.
        flow.settings.config_or_current().is_ok_and(|config| config.settings().run_on_schedule)
    });
    follows.then_some(schedule)
}

/// A run of no task, failed for this.
fn refused<O: FlowOutput>(flow: &Flow<O>, runtime: AsyncRuntime, error: TaskError) -> FlowRun {
    Prepared::new(flow, Until::TheEnd, runtime, None).refuse(error).run()
}

/// The events of a schedule that can still be run.
struct Upcoming<'a> {
    schedule: &'a Schedule,
    events: Events<'a>,
    /// The events of the last moment that was run.
    ran: Vec<ClockEvent>,
}

impl<'a> Upcoming<'a> {
    fn new(schedule: &'a Schedule, after: Timestamp) -> Self {
        Self { schedule, events: schedule.events(after), ran: Vec::new() }
    }

    /// The next event. What has passed is not made up for, but several events of one moment are all run.
    fn next(&mut self, clock: &Clock, flow: &str) -> Option<ClockEvent> {
        let (mut passed, mut more) = (0, "");
        let event = loop {
            let event = self.events.next()?;
            let (moment, now) = (event.timestamp(), wall::now(clock));
            let last = self.ran.first().map(ClockEvent::timestamp);
            if last == Some(moment) {
                if self.ran.contains(&event) {
                    continue;
                }
                break event;
            }
            if moment >= now && last.is_none_or(|last| moment > last) {
                self.ran.clear();
                break event;
            }
            if passed < PASSED {
                passed += 1;
            } else if more.is_empty() {
                // Once: adjustments may move what is to come into the past, again and again.
                more = " and more";
                self.events = self.schedule.events(now);
            }
        };
        if passed > 0 {
            tracing::warn!(target: "prefect", flow, "Skipping scheduled runs whose time has passed: {passed}{more}");
        }
        self.ran.push(event.clone());
        Some(event)
    }
}
