//! The settings that the library itself reads, checked and typed.
use std::num::NonZeroUsize;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::document::{Entries, Entry};
use super::duration::duration;
use super::error::{ConfigError, ConfigErrorKind, ConfigOrigin};
use super::key::Key;
use super::value::ConfigValue;
use crate::redact::Redactor;
use crate::{Limits, StateKind, StateKinds};

/// More threads than this are a slip of the pen.
const MAX_WORKERS: i64 = 4096;

/// The settings of the library.
///
/// ```
/// use std::time::Duration;
/// use prefect::Config;
///
/// let file = "[ui]\nurl = \"https://flows.example/\"\n[slack]\nflush_deadline = \"10s\"\n[engine]\nworkers = 4\n";
/// let config = Config::builder().user_config(file).build().unwrap();
/// let settings = config.settings();
/// assert_eq!(settings.ui_url.as_deref(), Some("https://flows.example"));
/// assert_eq!(settings.flush_deadline, Duration::from_secs(10));
/// assert_eq!(settings.workers.map(|workers| workers.get()), Some(4));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// `[slack] flush_deadline`: how long the end of a run waits for messages to be delivered. 5 seconds by default.
    pub flush_deadline: Duration,
    /// `[ui] url`: where links in messages lead, without a slash at its end. No links by default.
    pub ui_url: Option<String>,
    /// `[logging] level`, in Python's names or those of `tracing`. `INFO` by default.
    pub log_level: LevelFilter,
    /// `[engine] workers`: how many tasks run at once, at most 4096. As many as there are cores by default.
    pub workers: Option<NonZeroUsize>,
    /// `[flows] checkpointing`: whether results are kept by those tasks that say where. True unless somebody says false:
    /// what a task says is not undone by a default of Prefect 1.
    pub checkpointing: bool,
    /// `[flows] run_on_schedule`: whether a flow that has a schedule is run on it. True by default.
    pub run_on_schedule: bool,
    /// `[store] record_runs`: whether `prefect::main` records the runs that it starts. True by default; `--store` records
    /// them in any case.
    #[cfg(feature = "store")]
    pub record_runs: bool,
    /// `[logging] store_level`: which log lines of a recorded run are kept with it. `INFO` by default.
    #[cfg(feature = "store")]
    pub store_level: LevelFilter,
    /// `[logging] keep_days`: how many days after the last of them the log lines of a run are removed. 30 by default.
    #[cfg(feature = "store")]
    pub keep_log_days: u32,
    /// `[logging] keep_megabytes`: if all log lines of a store are larger, the oldest are removed. 256 by default.
    #[cfg(feature = "store")]
    pub keep_log_megabytes: u32,
    /// `[concurrency]`, `[concurrency.flows]` and `[rate_limits]`: how much may run at once, and how often tasks may start.
    /// No limits by default.
    pub limits: Limits,
    /// `[tasks.defaults] max_retries`. 0 by default.
    pub max_retries: u32,
    /// `[tasks.defaults] retry_delay`. None by default.
    pub retry_delay: Option<Duration>,
    /// `[tasks.defaults] timeout`; false and 0 mean none. None by default.
    pub timeout: Option<Duration>,
    /// `[email]`: where mails go, and how.
    #[cfg(feature = "email")]
    pub(crate) email: crate::notify::email_settings::EmailSettings,
}

impl Settings {
    pub(crate) fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        const DURATION: &str = "seconds or a duration such as \"5s\"";
        const OR_FALSE: &str = "seconds, a duration such as \"5s\", or false";
        let or_none = |value: &ConfigValue| match value {
            ConfigValue::Bool(false) => Some(None),
            value => duration(value).map(Some),
        };
        // Nothing reads these here, but a wrong name is worth an error.
        reader.state_kinds("slack.only_states")?;
        reader.state_kinds("slack.ignore_states")?;
        #[cfg(feature = "store")]
        super::store::check(reader)?;
        let levels = "CRITICAL, ERROR, WARNING, INFO, DEBUG, TRACE or OFF";
        let timeout = reader.optional("tasks.defaults.timeout", OR_FALSE, or_none)?.flatten();
        Ok(Self {
            flush_deadline: (reader.optional("slack.flush_deadline", DURATION, duration)?)
                .unwrap_or(Duration::from_secs(5)),
            ui_url: reader.optional("ui.url", "a URL that starts with https:// or http://", url)?,
            log_level: reader.optional("logging.level", levels, level)?.unwrap_or(LevelFilter::INFO),
            workers: reader.optional("engine.workers", "a whole number from 1 to 4096", workers)?,
            checkpointing: reader.written("flows.checkpointing").and_then(ConfigValue::as_bool).unwrap_or(true),
            #[cfg(feature = "store")]
            record_runs: (reader.optional("store.record_runs", "true or false", ConfigValue::as_bool)?).unwrap_or(true),
            #[cfg(feature = "store")]
            store_level: reader.optional("logging.store_level", levels, level)?.unwrap_or(LevelFilter::INFO),
            #[cfg(feature = "store")]
            keep_log_days: (reader.optional("logging.keep_days", "a whole number of days", whole)?).unwrap_or(30),
            #[cfg(feature = "store")]
            keep_log_megabytes: (reader.optional("logging.keep_megabytes", "a whole number of megabytes", whole)?)
                .unwrap_or(256),
            run_on_schedule: (reader.optional("flows.run_on_schedule", "true or false", ConfigValue::as_bool)?)
                .unwrap_or(true),
            limits: super::limits::read(reader)?,
            max_retries: (reader.optional("tasks.defaults.max_retries", "a whole number from 0, or false", retries)?)
                .unwrap_or(0),
            retry_delay: reader.optional("tasks.defaults.retry_delay", OR_FALSE, or_none)?.flatten(),
            timeout: timeout.filter(|timeout| !timeout.is_zero()),
            #[cfg(feature = "email")]
            email: super::email::read(reader)?,
        })
    }
}

/// Reads keys into types; its errors name the key and show no secret.
pub(crate) struct Reader<'a> {
    pub(crate) entries: &'a Entries,
    pub(crate) redactor: &'a Redactor,
}

impl Reader<'_> {
    /// The value of a key, `None` if it is not set or null.
    pub(super) fn optional<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&ConfigValue) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(entry) = self.entries.get(&Key::dotted(key)).filter(|entry| !entry.value.is_null()) else {
            return Ok(None);
        };
        let wrong = || self.error(key, entry, &format!("expected {expected}, found {}", self.found(&entry.value)));
        read(&entry.value).map(Some).ok_or_else(wrong)
    }

    /// The value of a key, if a file or the environment has it.
    fn written(&self, key: &str) -> Option<&ConfigValue> {
        let entry = self.entries.get(&Key::dotted(key)).filter(|entry| entry.origin != ConfigOrigin::Program)?;
        Some(&entry.value)
    }

    /// The kinds of state that a key lists, `None` if it is not set or null.
    pub(crate) fn state_kinds(&self, key: &str) -> Result<Option<StateKinds>, ConfigError> {
        let Some(entry) = self.entries.get(&Key::dotted(key)).filter(|entry| !entry.value.is_null()) else {
            return Ok(None);
        };
        let items = match &entry.value {
            ConfigValue::List(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let kind = |item: &ConfigValue| match item {
            ConfigValue::Text(name) => {
                name.parse::<StateKind>().map_err(|unknown| self.error(key, entry, &unknown.to_string()))
            }
            other => {
                let message =
                    format!("expected a list of kinds of state such as [\"Failed\"], found {}", self.found(other));
                Err(self.error(key, entry, &message))
            }
        };
        let kinds = items.iter().map(kind).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(StateKinds::of(&kinds)))
    }

    /// The value of a key does not go with the others.
    #[cfg(feature = "email")]
    pub(super) fn wrong(&self, key: &str, message: &str) -> ConfigError {
        let origin = self.entries.get(&Key::dotted(key)).map_or(ConfigOrigin::Program, |entry| entry.origin.clone());
        ConfigError::new(ConfigErrorKind::Value, origin, Some(key.to_owned()), message.to_owned())
    }

    pub(crate) fn error(&self, key: &str, entry: &Entry, message: &str) -> ConfigError {
        let message = self.redactor.redact(message).into_owned();
        ConfigError::new(ConfigErrorKind::Value, entry.origin.clone(), Some(key.to_owned()), message)
    }

    /// The error of an entry that holds something else than what is expected.
    pub(super) fn expected(&self, key: &Key, entry: &Entry, expected: &str) -> ConfigError {
        self.error(&key.to_string(), entry, &format!("expected {expected}, found {}", self.found(&entry.value)))
    }

    /// A short value itself, else its type. Redacted first, because the part of a secret would not be found any more.
    fn found(&self, value: &ConfigValue) -> String {
        match value {
            ConfigValue::List(_) | ConfigValue::Table(_) | ConfigValue::Null => value.type_name().to_owned(),
            value => {
                let text = value.to_string();
                let shown = self.redactor.redact(&text);
                if shown.chars().count() > 60 || shown.contains(char::is_control) {
                    return format!("{} of {} characters", value.type_name(), text.chars().count());
                }
                format!("`{shown}`")
            }
        }
    }
}

fn url(value: &ConfigValue) -> Option<String> {
    let text = value.as_str()?;
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let host = host.split(['/', '?', '#']).next()?;
    // What would end a link in a message, or is no part of a URL.
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '|' | '"' | '`');
    (!host.is_empty() && !text.contains(odd)).then(|| text.trim_end_matches('/').to_owned())
}

fn level(value: &ConfigValue) -> Option<LevelFilter> {
    Some(match value.as_str()?.to_ascii_uppercase().as_str() {
        "CRITICAL" | "FATAL" | "ERROR" => LevelFilter::ERROR,
        "WARNING" | "WARN" => LevelFilter::WARN,
        "INFO" => LevelFilter::INFO,
        "DEBUG" => LevelFilter::DEBUG,
        "TRACE" | "NOTSET" => LevelFilter::TRACE,
        "OFF" => LevelFilter::OFF,
        _ => return None,
    })
}

fn workers(value: &ConfigValue) -> Option<NonZeroUsize> {
    let number = value.as_i64().filter(|number| *number <= MAX_WORKERS)?;
    NonZeroUsize::new(usize::try_from(number).ok()?)
}

#[cfg(feature = "store")]
fn whole(value: &ConfigValue) -> Option<u32> {
    u32::try_from(value.as_i64()?).ok()
}

fn retries(value: &ConfigValue) -> Option<u32> {
    match value {
        ConfigValue::Bool(false) => Some(0),
        value => u32::try_from(value.as_i64()?).ok(),
    }
}
