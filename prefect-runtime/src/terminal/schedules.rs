//! `schedules pause` and `schedules resume`.
use jiff::Timestamp;
use prefect_store::{Micros, PauseChange, ScheduleSeen, Store};

use super::arguments::quoted;
use super::durable;
use super::recorded::moment;
use super::text::plain;
use super::wall::Wall;
use crate::Config;
use crate::near::hint;

/// What is to become of a schedule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ScheduleErrand {
    /// The flow whose schedule it is.
    pub(super) flow: String,
    pub(super) to: Pausing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pausing {
    Pause,
    Resume,
}

/// Does it; what is told of that. `own` are the schedules of the program: they need not have been served. The error is a
/// sentence.
pub(super) fn change(
    errand: &ScheduleErrand,
    own: &[ScheduleSeen],
    config: &Config,
    url: Option<&str>,
    program: &str,
) -> Result<String, String> {
    // A schedule of the program can be paused before it is served.
    let open = if own.is_empty() { durable::open_there } else { durable::open };
    let store = open(config, url, program)?;
    let flow = errand.flow.as_str();
    let mut change = ask(&store, errand)?;
    if change == PauseChange::Unknown
        && let Some(seen) = own.iter().find(|seen| seen.schedule == flow)
    {
        store.see_schedule(seen.clone()).map_err(|error| error.to_string())?;
        change = ask(&store, errand)?;
    }
    let shown = plain(flow);
    Ok(match (change, errand.to) {
        (PauseChange::Done, Pausing::Pause) => format!(
            "the schedule of `{shown}` is paused: no run of it begins until `{program} schedules resume {}` lets it go on\n",
            quoted(flow)
        ),
        (PauseChange::Done, Pausing::Resume) => format!("the schedule of `{shown}` goes on\n"),
        (PauseChange::Already(Some((at, by))), _) => {
            let since = Wall::of_this_machine().local(moment(at));
            return Err(format!("the schedule of `{shown}` is paused already, since {since}, by {}", plain(&by)));
        }
        (PauseChange::Already(None), _) => return Err(format!("the schedule of `{shown}` is not paused")),
        (PauseChange::Unknown, _) => {
            let known = store.schedules().map_err(|error| error.to_string())?;
            let names =
                known.iter().map(|row| row.schedule.as_str()).chain(own.iter().map(|seen| seen.schedule.as_str()));
            let hint = plain(&hint(flow, names));
            let path = plain(&store.url().location().to_string());
            return Err(format!("no schedule of a flow `{shown}` was ever served on {path}{hint}"));
        }
    })
}

fn ask(store: &Store, errand: &ScheduleErrand) -> Result<PauseChange, String> {
    let now = Micros(Timestamp::now().as_microsecond());
    let change = match errand.to {
        Pausing::Pause => store.pause_schedule(&errand.flow, now, &durable::asker()),
        Pausing::Resume => store.resume_schedule(&errand.flow, now),
    };
    change.map_err(|error| error.to_string())
}
