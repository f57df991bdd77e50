//! `serve`: the schedules of the program's flows, with a line for each thing that happens.
use std::sync::Arc;

use super::screen::Screen;
use super::text::plain;
use super::{AnyFlow, durable, log, signals};
use crate::scheduler::{Happened, LeftBehind, Scheduler, SchedulerEvent};
use crate::{Canceller, Clock, Config, StateKind};

/// Serves these flows of the program, or all that have schedules. Gives the exit code; the error is a sentence.
pub(super) fn serve(
    flows: &[AnyFlow],
    named: &[usize],
    config: &Config,
    url: Option<&str>,
    program: &str,
) -> Result<u8, String> {
    let served: Vec<&AnyFlow> = if named.is_empty() {
        flows.iter().filter(|flow| flow.0.has_schedule()).collect()
    } else {
        named.iter().map(|place| &flows[*place]).collect()
    };
    if served.is_empty() {
        return Err("no flow of this program has a schedule: give one its schedule by `flow.schedule(..)`".to_owned());
    }
    if let Some(flow) = served.iter().find(|flow| !flow.0.has_schedule()) {
        return Err(format!("the flow `{}` has no schedule: give it one by `flow.schedule(..)`", plain(flow.0.name())));
    }
    let store = durable::open_needed("serve schedules", config, url, program)?;
    let screen = Arc::new(Screen::of_lines(Clock::system(), config.redactor().clone()));
    log::install(&screen, config);
    let canceller = Canceller::new();
    signals::cancel(&canceller);
    let scheduler = served.into_iter().fold(Scheduler::new(store), |scheduler, flow| flow.0.served_by(scheduler));
    let (lines, name) = (Arc::clone(&screen), program.to_owned());
    let scheduler =
        scheduler.canceller(canceller.clone()).on_event(move |event| lines.print(line(&lines, event, &name)));
    let served = scheduler.serve().map_err(|error| error.to_string())?;
    // Whoever ends it knows what he has seen.
    Ok(u8::from(!served.broken.is_empty() && !canceller.is_cancelled()))
}

fn line(screen: &Screen, event: &SchedulerEvent, program: &str) -> String {
    let hint = match event.what() {
        Happened::Ended { run, state } if state.is_none_or(StateKind::is_failed) => {
            format!(", `{program} runs show {}` tells why", run.short)
        }
        Happened::Ended { run, state: Some(state) } if !state.is_finished() => {
            format!(": `{program} resume {}` lets it go on", run.short)
        }
        Happened::Crashed { run, then: LeftBehind::CanGoOn, .. } => {
            format!(": `{program} resume {run}` goes on with it")
        }
        Happened::Crashed { run, then: LeftBehind::PutAside, .. } => {
            format!(": `{program} retry {run}` starts it again")
        }
        _ => String::new(),
    };
    let text = plain(&screen.redactor.redact(&format!("{event}{hint}")));
    format!("{} {text}\n", screen.time())
}
