//! What the store knows: the commands that look at recorded runs, and those that look after the store.
mod check;
mod flows;
mod follow;
mod graph;
mod logs;
mod notifications;
mod runs;
mod schedules;
mod show;
mod upkeep;
mod watch;

use std::time::Duration;

use jiff::Timestamp;
use prefect_store::{Listed, Micros, Options, RunRow, StateCode, Store, StoreError, StoreUrl};
use serde_json::{Value as Json, json};

pub(super) use self::logs::{Lines, Then};
pub(super) use self::upkeep::{Really, Upkeep};
use super::Format;
use super::columns::Cell;
use super::json;
use super::text::{Paint, human, plain};
use super::wall::Wall;
use crate::scheduler::Outlook;
use crate::secrets::keeper::Keeper;
use crate::{Config, StateKind};

/// What is asked of the store.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Which runs there are.
    Runs(Listing),
    /// What became of a run.
    Run(String),
    /// What it logged.
    Logs(Lines),
    /// What becomes of it, to its end.
    Watch(String),
    /// Which flows there are, and their last runs.
    Flows,
    /// Which notifications there are.
    Notifications(Listed),
    /// Which schedules there are, and when they tick next.
    Schedules,
    /// Whether the store is sound.
    Check,
    /// Old runs are removed, or a copy is made.
    LookAfter(Upkeep),
}

/// Which runs are listed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) flow: Option<String>,
    /// Empty: in any state.
    pub(super) states: Vec<StateCode>,
    pub(super) limit: u32,
}

/// What is printed on standard output, and the exit code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) code: u8,
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self { text, code: 0 }
    }
}

/// Who asks, and how it is answered.
pub(super) struct Asker<'a> {
    /// The flows of the program, if it has some of its own.
    pub(super) flows: Option<&'a [&'a str]>,
    /// The schedules of the program, by their flows.
    pub(super) schedules: &'a [(&'a str, Outlook)],
    pub(super) config: &'a Config,
    pub(super) format: Format,
    pub(super) paint: Paint,
    pub(super) wall: Wall,
    /// The columns of the terminal, if there is one.
    pub(super) width: Option<usize>,
}

impl Asker<'_> {
    /// The answer. The error is a sentence that says what to do.
    pub(super) fn answer(&self, question: &Question, store: Option<&str>) -> Result<Said, String> {
        let url = super::durable::place(self.config, store)?;
        Keeper::new(self.config, url.clone()).hide_all();
        let store = match Store::open_read_only(&url, Options::default()) {
            // To look makes no store.
            Err(missing @ StoreError::Missing(_)) => {
                return match question {
                    Question::Flows if self.flows.is_some() => Ok(self.flows(&[]).into()),
                    Question::Schedules => Ok(self.schedules(&[]).into()),
                    Question::Flows | Question::Runs(_) | Question::Notifications(_) => Ok(self.nothing(&url).into()),
                    Question::Run(_) | Question::Logs(_) | Question::Watch(_) => Err(none_yet(&url)),
                    Question::Check | Question::LookAfter(_) => Err(sentence(&missing)),
                };
            }
            // That is what is asked.
            Err(StoreError::Corrupt { reason, .. }) if *question == Question::Check => {
                return Ok(self.cannot_check(&url, reason));
            }
            opened => opened.map_err(|error| sentence(&error))?,
        };
        match question {
            Question::Runs(listing) => self.runs(&store, listing),
            Question::Run(reference) => self.run(&store, reference),
            Question::Logs(lines) => self.logs(&store, lines),
            Question::Watch(reference) => self.watch(&store, reference),
            Question::Flows => match store.last_runs().map_err(|error| sentence(&error))? {
                last if last.is_empty() && self.flows.is_none() => Ok(self.nothing(&url).into()),
                last => Ok(self.flows(&last).into()),
            },
            Question::Notifications(listed) => self.notifications(&store, *listed),
            Question::Schedules => {
                let known = store.schedules().map_err(|error| sentence(&error))?;
                Ok(self.schedules(&known).into())
            }
            Question::Check => self.check(&store),
            Question::LookAfter(upkeep) => self.look_after(&store, upkeep),
        }
    }

    /// The text of an answer that is the same whatever the store holds.
    fn nothing(&self, url: &StoreUrl) -> String {
        match self.format {
            Format::Json => "[]\n".to_owned(),
            Format::Table => none_yet(url) + "\n",
        }
    }

    fn json(&self, json: &Json) -> Said {
        json::text(json, self.config.redactor()).into()
    }

    /// A text of a user, safe to print.
    fn shown(&self, text: &str) -> String {
        plain(&self.config.redactor().redact(text))
    }

    /// How long something has taken, up to now if it is running.
    fn took(&self, state: StateCode, started: Option<Micros>, ended: Option<Micros>) -> Option<String> {
        let now = state.is_running().then_some(self.wall.now);
        let time = ended.map(moment).or(now)?.duration_since(moment(started?));
        Some(human(Duration::try_from(time).unwrap_or_default()))
    }

    /// `2026-01-01 13:00:00 (3 min ago)`
    fn when(&self, at: Micros) -> String {
        format!("{} ({})", self.wall.local(moment(at)), self.wall.ago(moment(at)))
    }
}

fn none_yet(url: &StoreUrl) -> String {
    format!("no runs are recorded yet in {}", plain(&url.location().to_string()))
}

fn sentence(error: &StoreError) -> String {
    plain(&error.to_string())
}

/// Whoever wrote it may have had no clock.
pub(super) fn moment(at: Micros) -> Timestamp {
    let far = if at.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(at.0).unwrap_or(far)
}

/// In UTC, as RFC 3339 has it.
pub(super) fn moment_json(at: Option<Micros>) -> Json {
    at.map_or(Json::Null, |at| moment(at).to_string().into())
}

/// `None` for a state that a newer release has made.
pub(super) fn kind(state: StateCode) -> Option<StateKind> {
    state.name().parse().ok()
}

/// The states that are meant by one: its special cases too.
pub(super) fn with_special_cases(wanted: StateCode) -> impl Iterator<Item = StateCode> {
    let is_meant = move |state: &StateCode| {
        let special = kind(*state).zip(kind(wanted)).is_some_and(|(kind, wanted)| kind.is(wanted));
        *state == wanted || special
    };
    StateCode::ALL.iter().copied().filter(is_meant)
}

fn state(state: StateCode) -> Cell {
    Cell::of_kind(state.name(), kind(state))
}

/// A run as JSON: what every command tells of it.
fn run_json(run: &RunRow) -> Json {
    json!({
        "id": run.id.to_string(),
        "name": run.name,
        "flow": run.flow,
        "state": run.state.name(),
        "message": run.message,
        "created": moment_json(Some(run.created_at)),
        "started": moment_json(run.started_at),
        "ended": moment_json(run.ended_at),
        "seconds": run.duration().map(|time| time.as_secs_f64()),
        "succeeded": run.n_ok,
        "failed": run.n_failed,
        "crashes": run.crashes,
        "owner": run.owner.as_ref().map(|owner| json!({ "host": owner.host, "pid": owner.pid })),
    })
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn times_are_told_by_the_wall() {
        let config = Config::default();
        let wall = Wall { now: "2026-01-01T12:00:00Z".parse().unwrap(), zone: TimeZone::fixed(jiff::tz::offset(-5)) };
        let (format, paint) = (Format::Table, Paint::Plain);
        let asker = Asker { flows: None, schedules: &[], config: &config, format, paint, wall, width: None };
        let at = |text: &str| Micros(text.parse::<Timestamp>().unwrap().as_microsecond());
        let started = at("2026-01-01T11:57:30Z");
        assert_eq!(asker.when(started), "2026-01-01 06:57:30 (2 min ago)");
        let took = |state, started, ended| asker.took(state, started, ended).unwrap_or_else(|| "?".to_owned());
        assert_eq!(took(StateCode::RUNNING, Some(started), None), "2m 30s");
        assert_eq!(took(StateCode::SUCCESS, Some(started), Some(at("2026-01-01T11:57:31.5Z"))), "1.5s");
        // It waits, or has ended without a start.
        assert_eq!(took(StateCode::PAUSED, Some(started), None), "?");
        assert_eq!(took(StateCode::FAILED, None, Some(started)), "?");
        // Clocks that were set, and numbers that are no moments.
        assert_eq!(took(StateCode::RUNNING, Some(at("2026-01-01T12:00:01Z")), None), "0s");
        for far in [i64::MIN, i64::MAX] {
            assert!(asker.when(Micros(far)).len() > 10 && moment_json(Some(Micros(far))).is_string());
        }
    }

    #[test]
    fn a_state_means_its_special_cases_too() {
        let all = |state| with_special_cases(state).map(StateCode::name).collect::<Vec<_>>();
        assert_eq!(all(StateCode::SUCCESS), ["Success", "Cached", "Mapped", "Skipped"]);
        assert_eq!(all(StateCode::FAILED), ["Failed", "TimedOut", "TriggerFailed", "ValidationFailed", "Crashed"]);
        assert_eq!(all(StateCode::CRASHED), ["Crashed"]);
        assert_eq!(all(StateCode::TIMED_OUT), ["TimedOut"]);
    }
}
