//! How a configuration comes together: defaults, files, environment, in this order, later ones win.
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Config;
use super::document::{Entries, Entry, parse};
use super::environment::{Assignment, Environment};
use super::error::{ConfigError, ConfigErrorKind, ConfigOrigin, ConfigWarning};
use super::interpolate::{Expander, resolve, type_texts};
use super::key::Key;
use super::keys::{check, is_secret, moved_to_secrets};
use super::settings::{Reader, Settings};
use super::value::ConfigValue;
use crate::redact::Redactor;

/// The largest file that is read, in bytes. Configurations are written by hand.
const MAX_FILE: u64 = 1 << 20;

const DEFAULTS: &str = r#"
backend = "cloud"
debug = false
home_dir = "~/.prefect"
[cloud]
api = "https://api.prefect.io"
use_local_secrets = true
[logging]
level = "INFO"
format = "[%(asctime)s] %(levelname)s - %(name)s | %(message)s"
datefmt = "%Y-%m-%d %H:%M:%S%z"
[flows]
checkpointing = false
eager_edge_validation = false
run_on_schedule = true
[tasks.defaults]
max_retries = 0
retry_delay = false
timeout = false
"#;

/// Makes a [`Config`] from what it is given: nothing of this machine, unless it is asked for.
///
/// ```
/// use prefect::Config;
///
/// let config = Config::builder()
///     .user_config("[etl]\nregion = \"eu\"\n")
///     .environment([("PREFECT__ETL__REGION", "us"), ("PREFECT__ETL__ROWS", "12")])
///     .build()
///     .unwrap();
/// assert_eq!(config.get_as::<String>("etl.region").unwrap(), "us");
/// assert_eq!(config.get_as::<u32>("etl.rows").unwrap(), 12);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ConfigBuilder {
    user: Source,
    backend: Source,
    environment: Environment,
    secrets: Vec<(String, Hidden)>,
}

/// A text that `Debug` does not show.
#[derive(Clone)]
struct Hidden(String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    None,
    Text(Hidden),
    /// Where the environment variable says, else at this place below the home folder.
    File {
        variable: &'static str,
        below_home: &'static str,
    },
}

impl ConfigBuilder {
    /// The text of the user's file, called `config.toml` in errors.
    #[must_use]
    pub fn user_config(mut self, text: impl Into<String>) -> Self {
        self.user = Source::Text(Hidden(text.into()));
        self
    }

    /// The text of the backend's file, called `backend.toml` in errors.
    #[must_use]
    pub fn backend_config(mut self, text: impl Into<String>) -> Self {
        self.backend = Source::Text(Hidden(text.into()));
        self
    }

    /// Reads the files `~/.prefect/config.toml` and `~/.prefect/backend.toml`, or those that `PREFECT__USER_CONFIG_PATH`
    /// and `PREFECT__BACKEND_CONFIG_PATH` of the given environment name. A file that does not exist counts as empty.
    #[must_use]
    pub fn files(mut self) -> Self {
        self.user = Source::File { variable: "PREFECT__USER_CONFIG_PATH", below_home: ".prefect/config.toml" };
        self.backend = Source::File { variable: "PREFECT__BACKEND_CONFIG_PATH", below_home: ".prefect/backend.toml" };
        self
    }

    /// Adds environment variables: for `PREFECT__SECTION__KEY`, for `$NAME` in values, and for
    /// [`EnvVarSecret`](crate::EnvVarSecret) in runs with this configuration.
    #[must_use]
    pub fn environment<N: Into<OsString>, V: Into<OsString>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        for (name, value) in variables {
            self.environment.set(name.into(), value.into());
        }
        self
    }

    /// The home folder: what `~` stands for. Without it the variable `HOME` of the given environment counts.
    #[must_use]
    pub fn home(mut self, folder: impl Into<PathBuf>) -> Self {
        self.environment.set_home(folder.into());
        self
    }

    /// Adds a secret, which wins over all others of its name. The text is taken as it is.
    #[must_use]
    pub fn secret(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.secrets.push((name.into(), Hidden(text.into())));
        self
    }

    /// Hides the environment of the process from [`EnvVarSecret`](crate::EnvVarSecret) too.
    pub(crate) fn sealed(mut self) -> Self {
        self.environment.seal();
        self
    }

    /// Puts everything together and checks it.
    ///
    /// # Errors
    /// If a file cannot be read or is no TOML, if references have no end, or if a key of the library has a value
    /// that it cannot have.
    pub fn build(self) -> Result<Config, ConfigError> {
        let mut warnings = Vec::new();
        let mut entries = Entries::default();
        let defaults = [
            DEFAULTS,
            #[cfg(feature = "store")]
            super::store::DEFAULTS,
        ];
        for text in defaults {
            for (key, mut entry) in parse(text, &Arc::from(Path::new("defaults")))? {
                entry.origin = ConfigOrigin::Program;
                entries.set(key, entry);
            }
        }
        let mut expander = Expander::new(&self.environment);
        for (source, name) in [(&self.user, "config.toml"), (&self.backend, "backend.toml")] {
            for (key, entry) in read(source, name, &self.environment, &mut expander, &mut warnings)? {
                entries.set(key, entry);
            }
        }
        set_from_environment(&self.environment, &mut entries, &mut warnings)?;
        for (key, entry) in entries.iter_mut() {
            if let ConfigValue::Text(text) = &mut entry.value {
                *text = expander.expand(text, key, &entry.origin)?;
            }
        }
        type_texts(&mut entries);
        resolve(&mut entries, &mut warnings)?;
        for (name, text) in self.secrets {
            entries.set(moved_to_secrets(&name), Entry::new(ConfigValue::Text(text.0), ConfigOrigin::Program));
        }

        let mut hidden = Vec::new();
        for (key, entry) in entries.iter().filter(|(key, _)| is_secret(key)) {
            let name = key.to_string();
            let name = name.strip_prefix("context.secrets.").unwrap_or(&name);
            entry.value.visit_leaves(name, &mut |name, text| hidden.push((name.to_owned(), text.to_owned())));
            hidden.extend(entry.raw.as_ref().map(|raw| (name.to_owned(), raw.clone())));
        }
        for name in ["PREFECT__SECRETS__KEY", "PREFECT__SECRETS__NEXT_KEY"] {
            let key = self.environment.get(name)?;
            hidden.extend(key.map(|key| (name.to_owned(), key.to_owned())));
        }
        let redactor = Redactor::new();
        redactor.add_all(hidden.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        if matches!(self.user, Source::File { .. }) {
            warn_of_unread_file(&entries, &self.environment, &mut warnings);
        }
        check(&entries, &mut warnings)?;
        let settings = Settings::read(&Reader { entries: &entries, redactor: &redactor })?;
        // TOML has no null, so false stands for it in the file; what is read back is what Prefect shows.
        for (key, cleared) in [
            ("max_retries", ConfigValue::Integer(0)),
            ("retry_delay", ConfigValue::Null),
            ("timeout", ConfigValue::Null),
        ] {
            let default = entries.get_mut(&Key(["tasks", "defaults", key].map(str::to_owned).to_vec()));
            if let Some(entry) =
                default.filter(|entry| matches!(entry.value, ConfigValue::Bool(false) | ConfigValue::Null))
            {
                entry.value = cleared;
            }
        }
        Ok(Config::new(entries, settings, warnings, redactor, self.environment))
    }
}

fn set_from_environment(
    environment: &Environment,
    entries: &mut Entries,
    warnings: &mut Vec<ConfigWarning>,
) -> Result<(), ConfigError> {
    for Assignment { variable, key, value } in environment.assignments()? {
        let origin = ConfigOrigin::Environment(variable.into());
        let replaced = entries.set(key.clone(), Entry::new(ConfigValue::Text(value.to_owned()), origin.clone()));
        for (other, old) in replaced {
            if !matches!(old.origin, ConfigOrigin::Environment(_)) {
                continue;
            }
            if other == key {
                let message = format!("sets key `{key}` again, and wins over {}: unset one of them", old.origin);
                warnings.push(ConfigWarning::at(origin.clone(), message));
            } else {
                let message = format!("is a value and a section, by {}: unset one of them", old.origin);
                return Err(ConfigError::new(ConfigErrorKind::Key, origin, Some(key.to_string()), message));
            }
        }
    }
    Ok(())
}

/// `home_dir` moves what is stored, and not the file itself, as in Prefect: easy to get wrong.
fn warn_of_unread_file(entries: &Entries, environment: &Environment, warnings: &mut Vec<ConfigWarning>) {
    let Some(entry) = entries.get(&Key::dotted("home_dir")) else { return };
    let Some(file) = entry.value.as_str().map(|folder| Path::new(folder).join("config.toml")) else { return };
    let read = environment.home().map(|home| home.join(".prefect/config.toml"));
    let named = matches!(environment.get("PREFECT__USER_CONFIG_PATH"), Ok(Some(_)));
    if entry.origin != ConfigOrigin::Program && !named && read.as_ref() != Some(&file) && file.is_file() {
        let message = format!("{} is not read: set PREFECT__USER_CONFIG_PATH to it", file.display());
        warnings.push(ConfigWarning::at(entry.origin.clone(), message));
    }
}

fn read(
    source: &Source,
    name: &str,
    environment: &Environment,
    expander: &mut Expander<'_>,
    warnings: &mut Vec<ConfigWarning>,
) -> Result<Vec<(Key, Entry)>, ConfigError> {
    let (variable, below_home) = match source {
        Source::None => return Ok(Vec::new()),
        Source::Text(text) => return parse_limited(text.0.as_bytes(), &Arc::from(Path::new(name))),
        Source::File { variable, below_home } => (*variable, *below_home),
    };
    let path = match environment.get(variable)?.filter(|path| !path.is_empty()) {
        Some(path) => {
            let origin = ConfigOrigin::Environment(variable.into());
            let key = variable.trim_start_matches("PREFECT__").to_lowercase();
            let path = PathBuf::from(expander.expand(path, &Key(vec![key]), &origin)?);
            if !path.exists() {
                let message = format!("names {}, which does not exist: no such file is read", path.display());
                warnings.push(ConfigWarning::at(origin, message));
            }
            path
        }
        None => match environment.home() {
            Some(home) => home.join(below_home),
            None => return Ok(Vec::new()),
        },
    };
    let unreadable = |error: io::Error| {
        let message = format!("cannot be read: {error}");
        ConfigError::new(ConfigErrorKind::Read, file(&Arc::from(path.as_path())), None, message)
    };
    let opened = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened.map_err(unreadable)?,
    };
    let open_to_others = is_open_to_others(&opened);
    let mut bytes = Vec::new();
    opened.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let entries = parse_limited(&bytes, &Arc::from(path.as_path()))?;
    if open_to_others && entries.iter().any(|(key, _)| is_secret(key)) {
        let path = path.display();
        let message = format!("{path} holds secrets and can be read by other users: run `chmod 600 {path}`");
        warnings.push(ConfigWarning::general(message));
    }
    Ok(entries)
}

fn parse_limited(bytes: &[u8], path: &Arc<Path>) -> Result<Vec<(Key, Entry)>, ConfigError> {
    let error = |message: String| ConfigError::new(ConfigErrorKind::Read, file(path), None, message);
    if bytes.len() as u64 > MAX_FILE {
        return Err(error(format!("is larger than {} MiB: is it the right file?", MAX_FILE >> 20)));
    }
    let text = std::str::from_utf8(bytes).map_err(|wrong| {
        let line = bytes[..wrong.valid_up_to()].split(|byte| *byte == b'\n').count();
        error(format!("is no valid UTF-8 in line {line}: save it as UTF-8"))
    })?;
    parse(text.strip_prefix('\u{feff}').unwrap_or(text), path)
}

fn file(path: &Arc<Path>) -> ConfigOrigin {
    ConfigOrigin::File { path: path.clone(), line: 1, column: 1 }
}

#[cfg(unix)]
fn is_open_to_others(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.mode() & 0o044 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &File) -> bool {
    false
}
