//! The environment of a configuration: a map, so that tests and other programs can give their own.
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::error::{ConfigError, ConfigErrorKind, ConfigOrigin};
use super::key::Key;
use super::keys::is_key_of_secrets;

const PREFIX: &str = "PREFECT__";
const SECRETS: &str = "CONTEXT__SECRETS";

/// More parts than any key has, and few enough to build sections of them without fear for the stack.
const MAX_PARTS: usize = 32;

#[derive(Clone, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
    /// Names of variables whose values are no UTF-8: an error where one is needed, and nothing elsewhere.
    unreadable: BTreeSet<String>,
    home: Option<PathBuf>,
    /// Whether the environment of the process stays out of sight.
    sealed: bool,
}

/// Names only: variables hold secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

/// A variable that sets a key.
pub(crate) struct Assignment<'a> {
    pub(crate) variable: &'a str,
    pub(crate) key: Key,
    pub(crate) value: &'a str,
}

impl Environment {
    pub(crate) fn set(&mut self, name: OsString, value: OsString) {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => {
                self.variables.insert(name, value);
            }
            (Ok(name), Err(_)) => {
                self.unreadable.insert(name);
            }
            (Err(name), _) => {
                self.unreadable.insert(name.to_string_lossy().into_owned());
            }
        }
    }

    /// What it is not given is not there, whatever the process has.
    pub(crate) fn seal(&mut self) {
        self.sealed = true;
    }

    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed
    }

    pub(crate) fn set_home(&mut self, home: PathBuf) {
        self.home = Some(home);
    }

    /// What `~` stands for.
    pub(crate) fn home(&self) -> Option<&Path> {
        let home = || self.variables.get("HOME").filter(|home| !home.is_empty()).map(Path::new);
        self.home.as_deref().or_else(home)
    }

    /// The value of a variable.
    ///
    /// # Errors
    /// If it is no UTF-8.
    pub(crate) fn get(&self, name: &str) -> Result<Option<&str>, ConfigError> {
        if self.unreadable.contains(name) {
            return Err(unreadable(name));
        }
        Ok(self.variables.get(name).map(String::as_str))
    }

    /// The variables that set a key: `PREFECT__A__B` sets `a.b`.
    ///
    /// # Errors
    /// If a name or value is no UTF-8, or names no key.
    pub(crate) fn assignments(&self) -> Result<Vec<Assignment<'_>>, ConfigError> {
        if let Some(name) = self.unreadable.iter().find(|name| name.starts_with(PREFIX)) {
            return Err(unreadable(name));
        }
        let from = self.variables.range(PREFIX.to_owned()..);
        from.map_while(|(name, value)| name.strip_prefix(PREFIX).map(|key| (name, key, value)))
            .map(|(name, key, value)| (name, parts(key), value))
            // No value of the configuration: what shows that would show the key.
            .filter(|(_, parts, _)| !is_key_of_secrets(parts))
            .map(|(name, parts, value)| {
                if parts.len() > MAX_PARTS || parts.iter().any(String::is_empty) {
                    let message = format!(
                        "names no key: write PREFECT__SECTION__KEY, with 1 to {MAX_PARTS} parts and two underscores in between"
                    );
                    let origin = ConfigOrigin::Environment(name.as_str().into());
                    return Err(ConfigError::new(ConfigErrorKind::Key, origin, None, message));
                }
                Ok(Assignment { variable: name, key: Key(parts), value })
            })
            .collect()
    }
}

/// Keys are in lower case, but names of secrets keep theirs.
///
/// As in Prefect, that holds for all that begins like `CONTEXT__SECRETS`, and a prefix in mixed case is no section
/// of ours: the checks warn of it.
fn parts(key: &str) -> Vec<String> {
    let key = if key.get(..SECRETS.len()).is_some_and(|start| start.eq_ignore_ascii_case(SECRETS)) {
        key.replacen(SECRETS, "context__secrets", 1)
    } else {
        key.to_lowercase()
    };
    key.split("__").map(str::to_owned).collect()
}

fn unreadable(name: &str) -> ConfigError {
    let origin = ConfigOrigin::Environment(name.into());
    ConfigError::new(ConfigErrorKind::Read, origin, None, "is no valid UTF-8: set it again".to_owned())
}
