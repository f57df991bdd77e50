//! `schedules pause` and `schedules resume`.
use jiff::Timestamp;
use prefect_store::{Location, Micros, PauseChange, ScheduleSeen, Store};

use super::arguments::quoted;
use super::durable::{self, Found};
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
    let flow = errand.flow.as_str();
    let seen = own.iter().find(|seen| seen.schedule == flow);
    // One of the program can be paused before it is served: nothing else is said of a schedule that a store does not know.
    let begun = seen.filter(|_| errand.to == Pausing::Pause);
    let store = match begun {
        Some(_) => durable::open(config, url, program)?,
        None => match durable::find(config, url, program)? {
            Found::There(store) => store,
            Found::Missing(why) if own.is_empty() => return Err(why),
            Found::Missing(_) if seen.is_some() => return Err(not_paused(flow)),
            Found::Missing(_) => return Err(unknown(flow, &durable::place(config, url)?.location(), names(own))),
        },
    };
    let mut change = ask(&store, errand)?;
    if change == PauseChange::Unknown
        && let Some(seen) = begun
    {
        store.see_schedule(seen.clone()).map_err(|error| error.to_string())?;
        change = ask(&store, errand)?;
    }
    let shown = plain(flow);
    match (change, errand.to) {
        (PauseChange::Done, Pausing::Pause) => Ok(format!(
            "the schedule of `{shown}` is paused: no run of it begins until `{program} schedules resume {}` lets it go on\n",
            quoted(flow)
        )),
        (PauseChange::Done, Pausing::Resume) => Ok(format!("the schedule of `{shown}` goes on\n")),
        (PauseChange::Already(Some((at, by))), _) => {
            let since = Wall::of_this_machine().local(moment(at));
            Err(format!("the schedule of `{shown}` is paused already, since {since}, by {}", plain(&by)))
        }
        (PauseChange::Already(None), _) => Err(not_paused(flow)),
        (PauseChange::Unknown, _) if seen.is_some() => Err(not_paused(flow)),
        (PauseChange::Unknown, _) => {
            let known = store.schedules().map_err(|error| error.to_string())?;
            let known = known.iter().map(|row| row.schedule.as_str());
            Err(unknown(flow, &store.url().location(), known.chain(names(own))))
        }
    }
}

fn names(own: &[ScheduleSeen]) -> impl Iterator<Item = &str> {
    own.iter().map(|seen| seen.schedule.as_str())
}

fn not_paused(flow: &str) -> String {
    format!("the schedule of `{}` is not paused", plain(flow))
}

fn unknown<'a>(flow: &str, at: &Location, known: impl Iterator<Item = &'a str>) -> String {
    let (shown, path, hint) = (plain(flow), plain(&at.to_string()), plain(&hint(flow, known)));
    format!("no schedule of a flow `{shown}` was ever served on {path}{hint}")
}

fn ask(store: &Store, errand: &ScheduleErrand) -> Result<PauseChange, String> {
    let now = Micros(Timestamp::now().as_microsecond());
    let change = match errand.to {
        Pausing::Pause => store.pause_schedule(&errand.flow, now, &durable::asker()),
        Pausing::Resume => store.resume_schedule(&errand.flow, now),
    };
    change.map_err(|error| error.to_string())
}
