//! The configuration: what the user's files and the environment say, checked once, never changed.
//!
//! A value goes through these files in this order: `environment` and `document` give texts and TOML values with
//! their places, `builder` merges them, `interpolate` follows references, `literal` types texts, `keys` and
//! `settings` check what is ours. Secrets are taken out of the tree at the end: only `secrets` gives them away.
mod builder;
mod document;
mod duration;
#[cfg(feature = "email")]
mod email;
mod environment;
mod error;
#[cfg(feature = "cli")]
mod in_effect;
mod interpolate;
mod key;
mod keys;
mod limits;
mod literal;
mod settings;
#[cfg(feature = "store")]
mod store;
mod value;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;

pub use builder::ConfigBuilder;
pub use error::{ConfigError, ConfigErrorKind, ConfigOrigin, ConfigWarning};
pub use settings::Settings;
#[cfg(all(feature = "cli", feature = "store"))]
pub(crate) use store::shown as shown_store;
pub use value::ConfigValue;

use crate::redact::Redactor;
use crate::secrets::{SecretError, SecretString};
use crate::sync::thread_local;
use crate::{StateKinds, TaskError};
use document::Entries;
use environment::Environment;
use key::Key;
use settings::Reader;

/// The configuration of a run: cheap to clone, and never changed.
///
/// It comes from `~/.prefect/config.toml` (or `PREFECT__USER_CONFIG_PATH`), `~/.prefect/backend.toml` (or
/// `PREFECT__BACKEND_CONFIG_PATH`) and environment variables `PREFECT__SECTION__KEY`; later ones win.
///
/// In texts `~`, `$NAME` and `${section.key}` are replaced, and a text that is a Python literal becomes that value:
/// `"true"`, `"12"`, `"[1, 'two']"`, `"None"`.
///
/// ```
/// use prefect::Config;
///
/// let config = Config::builder()
///     .user_config("[etl]\nbucket = \"$BUCKET\"\npath = \"${etl.bucket}/in\"\n")
///     .environment([("BUCKET", "raw")])
///     .build()
///     .unwrap();
/// assert_eq!(config.get("etl.path").unwrap().as_str(), Some("raw/in"));
/// assert_eq!(config.get("logging.level").unwrap().as_str(), Some("INFO"));
/// ```
#[derive(Clone)]
pub struct Config(Arc<Inner>);

struct Inner {
    entries: Entries,
    tree: ConfigValue,
    secrets: BTreeMap<String, StoredSecret>,
    /// Where each key of them came from.
    #[cfg(feature = "cli")]
    origins_of_secrets: Vec<(Key, ConfigOrigin)>,
    settings: Settings,
    warnings: Vec<ConfigWarning>,
    warned: AtomicBool,
    redactor: Redactor,
    environment: Environment,
    #[cfg(feature = "store")]
    database: crate::secrets::database::Reader,
}

/// A secret: its value, and as text. It has no `Debug` on purpose.
pub(crate) struct StoredSecret {
    pub(crate) value: ConfigValue,
    text: String,
}

/// What runs without a configuration of their own use.
static PROCESS: Mutex<Option<Config>> = Mutex::new(None);

thread_local! {
    static CURRENT: RefCell<Option<Config>> = const { RefCell::new(None) };
}

impl Config {
    /// Loads the configuration from the files and the environment of this process.
    ///
    /// # Errors
    /// As [`ConfigBuilder::build`].
    pub fn load() -> Result<Self, ConfigError> {
        let builder = Self::builder().environment(std::env::vars_os()).files();
        match std::env::home_dir() {
            Some(home) => builder.home(home).build(),
            None => builder.build(),
        }
    }

    /// Starts a configuration of its own, for tests and for programs that keep theirs elsewhere.
    #[must_use]
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder::default()
    }

    fn new(
        mut entries: Entries,
        settings: Settings,
        warnings: Vec<ConfigWarning>,
        redactor: Redactor,
        environment: Environment,
    ) -> Self {
        let taken = entries.take_below(&keys::SECRETS);
        let ConfigValue::Table(values) =
            Entries::tree(taken.iter().map(|(key, entry)| (&key.0[keys::SECRETS.len()..], &entry.value)))
        else {
            unreachable!("a tree is a table")
        };
        let mut raw: BTreeMap<_, _> = taken
            .iter()
            .filter(|(key, _)| key.0.len() == keys::SECRETS.len() + 1)
            .filter_map(|(key, entry)| Some((key.0.last()?, entry.raw.clone()?)))
            .collect();
        let secrets = values
            .into_iter()
            .map(|(name, value)| {
                let text = raw.remove(&name).unwrap_or_else(|| match &value {
                    ConfigValue::List(_) | ConfigValue::Table(_) => value.to_json().to_string(),
                    other => other.to_string(),
                });
                (name, StoredSecret { value, text })
            })
            .collect();
        let tree = Entries::tree(entries.iter().map(|(key, entry)| (&key.0[..], &entry.value)));
        let warned = AtomicBool::new(false);
        Self(Arc::new(Inner {
            entries,
            tree,
            secrets,
            #[cfg(feature = "cli")]
            origins_of_secrets: taken.into_iter().map(|(key, entry)| (key, entry.origin)).collect(),
            settings,
            warnings,
            warned,
            redactor,
            environment,
            #[cfg(feature = "store")]
            database: crate::secrets::database::Reader::default(),
        }))
    }

    /// The value of a key such as `logging.level`, or a whole section.
    ///
    /// Secrets are not found here: see [`Secret`](crate::Secret).
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&ConfigValue> {
        key.split('.').try_fold(&self.0.tree, |value, part| value.as_table()?.get(part))
    }

    /// The value of a key, or a whole section, as a type of your own. A key that is not set counts as null.
    ///
    /// ```
    /// use prefect::Config;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Etl {
    ///     rows: u32,
    ///     region: Option<String>,
    /// }
    /// let config = Config::builder().user_config("[etl]\nrows = 12\n").build().unwrap();
    /// let etl: Etl = config.get_as("etl").unwrap();
    /// assert_eq!((etl.rows, etl.region), (12, None));
    /// ```
    ///
    /// # Errors
    /// If the value does not fit the type.
    pub fn get_as<T: DeserializeOwned>(&self, key: &str) -> Result<T, ConfigError> {
        let json = self.get(key).map_or(serde_json::Value::Null, ConfigValue::to_json);
        let missing = self.get(key).is_none();
        serde_json::from_value(json).map_err(|error| {
            let origin = self.0.entries.get(&Key::dotted(key)).map_or(ConfigOrigin::Program, |e| e.origin.clone());
            let message =
                if missing { "is not set".to_owned() } else { self.0.redactor.redact(&error.to_string()).into() };
            ConfigError::new(ConfigErrorKind::Value, origin, Some(key.to_owned()), message)
        })
    }

    /// The kinds of state that a key lists, with their special cases; `None` if the key is not set.
    ///
    /// ```
    /// use prefect::{Config, StateKind};
    ///
    /// let config = Config::builder().user_config("[mail]\nstates = [\"Failed\"]\nother = [\"Faild\"]\n").build().unwrap();
    /// assert!(config.state_kinds("mail.states").unwrap().unwrap().contains(StateKind::TimedOut));
    /// let error = config.state_kinds("mail.other").unwrap_err().to_string();
    /// assert!(error.starts_with("config.toml:3:9: key `mail.other`: unknown state kind `Faild`"));
    /// ```
    ///
    /// # Errors
    /// If the value is no list of names of kinds.
    pub fn state_kinds(&self, key: &str) -> Result<Option<StateKinds>, ConfigError> {
        Reader { entries: &self.0.entries, redactor: &self.0.redactor }.state_kinds(key)
    }

    /// The settings of the library.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The level of log lines, if somebody has chosen one.
    #[cfg(feature = "cli")]
    pub(crate) fn chosen_log_level(&self) -> Option<tracing::level_filters::LevelFilter> {
        let level = self.0.settings.log_level;
        let entry = self.0.entries.get(&Key::dotted("logging.level"))?;
        // One that the program sets has the same origin as the packaged default.
        (entry.origin != ConfigOrigin::Program || level != tracing::level_filters::LevelFilter::INFO).then_some(level)
    }

    /// What is probably not meant, in the order in which it was found.
    #[must_use]
    pub fn warnings(&self) -> &[ConfigWarning] {
        &self.0.warnings
    }

    /// Logs the warnings, the first time it is called.
    pub(crate) fn log_warnings(&self) {
        if !self.0.warned.swap(true, Ordering::Relaxed) {
            for warning in &self.0.warnings {
                tracing::warn!("{warning}");
            }
        }
    }

    /// The secret of this name as it is written, without typing or parsing. It is looked for as a [`Secret`](crate::Secret)
    /// is; if the secrets database cannot be read, a warning in the log says why.
    #[must_use]
    pub fn secret_text(&self, name: &str) -> Option<SecretString> {
        self.find_secret(name).unwrap_or_else(|error| {
            tracing::warn!("{error}");
            None
        })
    }

    /// The same, or why the secrets database cannot be read.
    pub(crate) fn find_secret(&self, name: &str) -> Result<Option<SecretString>, SecretError> {
        match self.0.secrets.get(name) {
            Some(secret) => Ok(Some(SecretString::new(secret.text.clone()))),
            None => self.secret_in_database(name),
        }
    }

    /// The secrets of the file, as they are written; those of the environment are none of it.
    #[cfg(all(feature = "cli", feature = "store"))]
    pub(crate) fn secrets_of_files(&self) -> impl Iterator<Item = (&str, SecretString)> {
        self.0.secrets.iter().filter_map(|(name, secret)| {
            let mut origins = self.origins_of(name).peekable();
            origins.peek()?;
            let of_file = origins.all(|origin| matches!(origin, ConfigOrigin::File { .. }));
            of_file.then(|| (name.as_str(), SecretString::new(secret.text.clone())))
        })
    }

    /// What wins over the secrets database.
    #[cfg(all(feature = "cli", feature = "store"))]
    pub(crate) fn origins_of<'a>(&'a self, secret: &'a str) -> impl Iterator<Item = &'a ConfigOrigin> {
        let all = self.0.origins_of_secrets.iter();
        all.filter(move |(key, _)| key.0.get(keys::SECRETS.len()).is_some_and(|name| name == secret))
            .map(|(_, origin)| origin)
    }

    /// A variable of the environment that this configuration was given.
    #[cfg(feature = "store")]
    pub(crate) fn given_variable(&self, name: &str) -> Result<Option<&str>, ConfigError> {
        Ok(self.0.environment.get(name)?.filter(|text| !text.is_empty()))
    }

    #[cfg(feature = "store")]
    pub(crate) fn database(&self) -> &crate::secrets::database::Reader {
        &self.0.database
    }

    /// The folder of what the library keeps.
    ///
    /// # Errors
    /// If it lies in a home folder, and there is none.
    pub(crate) fn home_dir(&self) -> Result<PathBuf, TaskError> {
        let folder = self.get_as::<String>("home_dir")?;
        if folder.starts_with('~') {
            return Err(
                format!("`home_dir` is {folder:?}, and there is no home folder: set HOME, or `home_dir`").into()
            );
        }
        Ok(folder.into())
    }

    /// A variable of the environment: that of the process first, unless this configuration is sealed against it.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let given = || self.0.environment.get(name).ok().flatten().map(str::to_owned);
        if self.0.environment.is_sealed() { given() } else { std::env::var(name).ok().or_else(given) }
    }

    pub(crate) fn secret(&self, name: &str) -> Option<&StoredSecret> {
        self.0.secrets.get(name)
    }

    /// Hides the secrets of this configuration. Clones share what is added later.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.0.redactor
    }

    /// The configuration of the run that this thread works for, else that of the process, which is loaded when it is
    /// first needed. A failed attempt is not remembered: the next run sees a corrected file.
    pub(crate) fn current() -> Result<Self, ConfigError> {
        if let Some(config) = CURRENT.with_borrow(Clone::clone) {
            return Ok(config);
        }
        let mut process = PROCESS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = &*process {
            return Ok(config.clone());
        }
        let config = Self::load()?;
        *process = Some(config.clone());
        Ok(config)
    }

    /// Makes this the configuration that user code on this thread sees, while the guard lives.
    pub(crate) fn enter(&self) -> Entered {
        let previous = CURRENT.with_borrow_mut(|current| current.replace(self.clone()));
        Entered { previous, not_send: PhantomData }
    }
}

/// See [`Config::enter`].
pub(crate) struct Entered {
    previous: Option<Config>,
    not_send: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| *current = self.previous.take());
    }
}

/// The defaults: no file, no variable, no secret.
impl Default for Config {
    fn default() -> Self {
        Self::builder().build().expect("the defaults are valid")
    }
}

/// Names only: values of other keys can contain secrets by reference.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("secrets", &self.0.secrets.keys().collect::<Vec<_>>())
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    #[test]
    fn secrets_come_from_the_configuration_that_was_entered_last() {
        let with = |value: &str| Config::builder().secret("ENTERED", value).build().unwrap();
        let get = || Secret::new("ENTERED").get_as::<String>();
        let outer = with("outer value").enter();
        assert_eq!(get().unwrap(), "outer value");
        let inner = with("inner value").enter();
        assert_eq!(get().unwrap(), "inner value");
        drop(inner);
        assert_eq!(get().unwrap(), "outer value");
        drop(outer);
        assert!(CURRENT.with_borrow(Option::is_none));
    }
}
