//! Runs that are recorded: where, which ones were left behind, and which one goes on.
use std::time::Duration;

use prefect_store::{Cancelled, Options, RunFilter, RunRow, StateCode, Store, StoreError, StoreUrl};

use super::live::Stream;
use super::text::plain;
use crate::record::IfChanged;
use crate::{Approval, Config, Retry};

/// A recorded run that is to go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GoOn {
    /// As it was written; by default the last one that has not ended well.
    pub(super) run: Option<String>,
    pub(super) how: How,
    pub(super) if_changed: IfChanged,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum How {
    Resume(Approval),
    Retry(Retry),
}

/// Where the store is, with its secrets: what `--store` says, else the configuration. The error is a sentence.
pub(super) fn place(config: &Config, url: Option<&str>) -> Result<StoreUrl, String> {
    match url {
        Some(text) => {
            let url: StoreUrl = text.parse().map_err(|error| format!("--store: {error}"))?;
            config.redactor().add_all(url.passwords().iter().map(|password| ("--store", password.as_str())));
            config.database().look_in(&url);
            Ok(url)
        }
        None => config.store_url().map_err(|error| error.to_string()),
    }
}

/// Opens the store, and looks for runs whose process is gone. The error is a sentence.
pub(super) fn open(config: &Config, url: Option<&str>, program: &str) -> Result<Store, String> {
    let url = place(config, url)?;
    let store = Store::open(&url, options(config)).map_err(|error| error.to_string())?;
    for run in store.reap().map_err(|error| error.to_string())? {
        let id = run.id.short();
        if run.state == StateCode::CANCELLED {
            continue;
        }
        let what = if run.is_parked() {
            format!("for the {}. time, so it is put aside; `{program} retry {id}` starts it again", run.crashes)
        } else {
            format!("`{program} resume {id}` goes on with it")
        };
        let (name, flow) = (plain(&run.name), plain(&run.flow));
        Stream::Err.write(&format!("run {id} ({name}) of `{flow}` has crashed, {} is gone: {what}\n", run.owner));
    }
    Ok(store)
}

/// A store that need not be there.
pub(super) enum Found {
    There(Store),
    /// What is said of one that is not.
    Missing(String),
}

/// Opens a store if it is there: whoever looks for something in one makes none.
pub(super) fn find(config: &Config, url: Option<&str>, program: &str) -> Result<Found, String> {
    match Store::open_read_only(&place(config, url)?, Options::default()) {
        Err(missing @ StoreError::Missing(_)) => Ok(Found::Missing(missing.to_string())),
        // What else is wrong, or only old, is seen to when it is opened for writing.
        _ => open(config, url, program).map(Found::There),
    }
}

/// The same, and an error if it is not there.
pub(super) fn open_there(config: &Config, url: Option<&str>, program: &str) -> Result<Store, String> {
    match find(config, url, program)? {
        Found::There(store) => Ok(store),
        Found::Missing(why) => Err(why),
    }
}

/// What the configuration says of a store.
pub(super) fn options(config: &Config) -> Options {
    let settings = config.settings();
    let days = Duration::from_hours(24) * settings.keep_log_days;
    Options::default().keep_logs(days, u64::from(settings.keep_log_megabytes) << 20)
}

/// Opens the store of who cannot do `what` he does without one. The error is a sentence.
pub(super) fn open_needed(what: &str, config: &Config, url: Option<&str>, program: &str) -> Result<Store, String> {
    if url.is_none() && !config.settings().record_runs {
        return Err(format!(
            "to {what} needs a store, and `[store] record_runs` is false: say which one by `--store URL`, or let runs be \
             recorded"
        ));
    }
    open(config, url, program)
}

/// The store of a new run. Without one that was asked for, a run goes on unrecorded.
pub(super) fn open_for_new(config: &Config, url: Option<&str>, program: &str) -> Result<Option<Store>, String> {
    if url.is_none() && !config.settings().record_runs {
        return Ok(None);
    }
    match open(config, url, program) {
        Ok(store) => Ok(Some(store)),
        Err(error) if url.is_none() => {
            let error = config.redactor().redact(&error).into_owned();
            Stream::Err.write(&format!("warning: the run is not recorded: {}\n", plain(&error)));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The last run of one of these flows that has not ended well, and that nobody has.
pub(super) fn last_left(store: &Store, flows: &[&str]) -> Result<Option<RunRow>, String> {
    let states = vec![
        StateCode::CRASHED,
        StateCode::PAUSED,
        StateCode::FAILED,
        StateCode::TIMED_OUT,
        StateCode::TRIGGER_FAILED,
        StateCode::VALIDATION_FAILED,
    ];
    let mut last: Option<RunRow> = None;
    for flow in flows {
        let filter = RunFilter { flow: Some((*flow).to_owned()), states: states.clone(), before: None, limit: 1 };
        let runs = store.runs(&filter).map_err(|error| error.to_string())?;
        last = last.into_iter().chain(runs).max_by_key(|run| (run.created_at, run.id));
    }
    Ok(last)
}

/// The last run of this flow, if it has not ended well: whoever has one that goes on is told by who wants to take it.
pub(super) fn last_of(store: &Store, flow: &str) -> Result<Option<RunRow>, String> {
    let filter = RunFilter { flow: Some(flow.to_owned()), states: Vec::new(), before: None, limit: 1 };
    let last = store.runs(&filter).map_err(|error| error.to_string())?.into_iter().next();
    Ok(last.filter(|run| !run.state.is_success() && run.state != StateCode::CANCELLED))
}

/// Ends a run, or asks its process to. What is told of that.
pub(super) fn cancel(config: &Config, url: Option<&str>, program: &str, run: &str) -> Result<String, String> {
    let store = open_there(config, url, program)?;
    let run = store.run(run).map_err(|error| error.to_string())?;
    let cancelled = store.cancel(run.id, &asker()).map_err(|error| error.to_string())?;
    let (id, name, flow) = (run.id.short(), plain(&run.name), plain(&run.flow));
    Ok(match cancelled {
        Cancelled::Ended => format!("run {id} ({name}) of `{flow}` is cancelled\n"),
        Cancelled::Asked(owner) => format!(
            "run {id} ({name}) of `{flow}` is told to stop: {owner} starts nothing of it any more, and ends it when what runs \
             has ended; `{program} runs show {id}` tells\n"
        ),
    })
}

/// Who asks, for people: the user, as far as the environment says so, and this process.
pub(super) fn asker() -> String {
    let pid = std::process::id();
    match std::env::var("USER").ok().filter(|user| !user.is_empty()) {
        Some(user) => format!("{user}, process {pid}"),
        None => format!("process {pid}"),
    }
}
