//! Runs a flow at the moments of its schedule, one run after the other, until there are no more.
use jiff::Timestamp;

use super::runtime::AsyncRuntime;
use super::{FlowRun, Prepared, Until, wall};
use crate::flow::{Flow, FlowOutput, ParameterErrors};
use crate::panics::{self, guard};
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
    let mut following = match Following::new(flow, schedule) {
        Ok(following) => following,
        Err(why) => return Some(why.refuse(flow, runtime())),
    };
    let mut last = None;
    loop {
        match following.wait(&waited_for) {
            // The results of the run before are needed no longer.
            Next::Due(event) => {
                drop(last.take());
                last = Some(Prepared::new(flow, Until::TheEnd, runtime(), Some(&event)).run());
            }
            Next::Over => break,
            Next::NobodyWaits => return None,
            Next::Wrong(error) => return Some(refused(flow, runtime(), error)),
        }
    }
    Some(last.unwrap_or_else(|| refused(flow, runtime(), "Flow has no more scheduled runs.".into())))
}

/// The next so many runs of a flow on its schedule, fewer if it has no more; each is shown to `each` when it has ended.
#[track_caller]
pub(crate) fn run_next<O: FlowOutput>(
    flow: &Flow<O>,
    schedule: &Schedule,
    runtime: impl Fn() -> AsyncRuntime,
    count: usize,
    mut each: impl FnMut(FlowRun),
) {
    Prepared::check(flow);
    let mut following = match Following::new(flow, schedule) {
        Ok(following) => following,
        Err(why) => return each(why.refuse(flow, runtime())),
    };
    for _ in 0..count {
        match following.wait(&|| true) {
            Next::Due(event) => each(Prepared::new(flow, Until::TheEnd, runtime(), Some(&event)).run()),
            Next::Over | Next::NobodyWaits => return,
            Next::Wrong(error) => return each(refused(flow, runtime(), error)),
        }
    }
}

/// Why a schedule cannot be followed at all.
enum Unfit {
    Parameters(ParameterErrors),
    Error(TaskError),
}

impl Unfit {
    fn refuse<O: FlowOutput>(self, flow: &Flow<O>, runtime: AsyncRuntime) -> FlowRun {
        match self {
            Self::Parameters(errors) => {
                Prepared::new(flow, Until::TheEnd, runtime, None).refuse_parameters(errors).run()
            }
            Self::Error(error) => refused(flow, runtime, error),
        }
    }
}

/// What comes next on a schedule.
enum Next {
    /// The moment of a run has come.
    Due(ClockEvent),
    Over,
    NobodyWaits,
    /// The code of the schedule failed.
    Wrong(TaskError),
}

/// A flow on its way through its schedule.
struct Following<'a> {
    name: &'a str,
    clock: Clock,
    upcoming: Upcoming<'a>,
}

impl<'a> Following<'a> {
    fn new<O>(flow: &'a Flow<O>, schedule: &'a Schedule) -> Result<Self, Unfit> {
        panics::install_hook();
        let clock = flow.settings.clock.clone().unwrap_or_else(Clock::system);
        if let Some(errors) = flow.given.mistakes(&flow.graph.parameters, schedule.parameter_defaults()) {
            return Err(Unfit::Parameters(errors));
        }
        let upcoming = guard(|| Upcoming::new(schedule, wall::now(&clock)));
        let upcoming = upcoming.map_err(|caught| Unfit::Error(caught.into_error()))?;
        Ok(Self { name: flow.name(), clock, upcoming })
    }

    /// Holds up this thread until the moment of the next run.
    fn wait(&mut self, waited_for: &impl Fn() -> bool) -> Next {
        let event = match guard(|| self.upcoming.next(&self.clock, self.name)) {
            Ok(Some(event)) => event,
            Ok(None) => return Next::Over,
            Err(caught) => return Next::Wrong(caught.into_error()),
        };
        if event.timestamp() > wall::now(&self.clock) {
            let (flow, at) = (self.name, event.start_time().strftime("%FT%T%:z"));
            tracing::info!(target: "prefect", flow, "Waiting for next scheduled run at {at}");
        }
        if !wall::wait(&self.clock, event.timestamp(), waited_for) || !waited_for() {
            return Next::NobodyWaits;
        }
        Next::Due(event)
    }
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
