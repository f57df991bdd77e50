//! Secrets: values that tasks can read and nothing prints. Those that are kept in the store are sealed (`seal`) with a `key`
//! that is elsewhere (`own_file` makes one); `database` brings both together, for the `keeper` too: what the command line does.
#[cfg(feature = "store")]
pub(crate) mod database;
#[cfg(all(feature = "store", feature = "cli"))]
pub(crate) mod keeper;
#[cfg(feature = "store")]
mod key;
#[cfg(not(feature = "store"))]
mod none;
#[cfg(all(feature = "store", feature = "cli"))]
mod own_file;
#[cfg(feature = "store")]
#[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "only the command line keeps secrets"))]
mod seal;

use std::error::Error;
use std::fmt;

use serde::de::DeserializeOwned;

use crate::config::{Config, ConfigError};
use crate::flow::scope::is_building;

/// A text that is not shown by accident: neither `Debug` nor `Display` give it away, and it cannot be serialised.
///
/// ```
/// use prefect::SecretString;
///
/// let token = SecretString::new("xyz-123");
/// assert_eq!(format!("{token} {token:?}"), "SecretString(..) SecretString(..)");
/// assert_eq!(token.expose(), "xyz-123");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SecretString(Box<str>);

impl SecretString {
    /// Hides a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into_boxed_str())
    }

    /// The text itself. What is done with it is in the caller's hands.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretString(..)")
    }
}

impl fmt::Display for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The value of a secret: a text, or what its text is as JSON. It is not shown by accident either.
#[derive(Clone, PartialEq)]
pub struct SecretValue(serde_json::Value);

impl SecretValue {
    /// The value itself. What is done with it is in the caller's hands.
    #[must_use]
    pub const fn expose(&self) -> &serde_json::Value {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(..)")
    }
}

impl fmt::Display for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Why a secret cannot be read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SecretError {
    /// There is none of this name.
    NotFound(String),
    /// A flow is being built: its tasks read secrets when they run, so that no secret becomes part of the flow.
    WhileBuilding,
    /// The environment variable of an [`EnvVarSecret`] is not set, or no UTF-8.
    VariableNotSet(String),
    /// The secret of this name is of another type.
    WrongType(String),
    /// The configuration cannot be loaded.
    Config(ConfigError),
    /// The secrets database cannot be read, or not with this key: a sentence that says why, and what to do.
    Database(String),
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(name) => write!(f, "Local Secret \"{name}\" was not found."),
            Self::WhileBuilding => {
                f.write_str("Secrets should only be retrieved during a Flow run, not while building a Flow.")
            }
            Self::VariableNotSet(name) => write!(f, "Environment variable not set: {name}"),
            Self::WrongType(name) => {
                write!(f, "secret `{name}` has another type than asked for: look at how it is written")
            }
            Self::Config(error) => write!(f, "{error}"),
            Self::Database(why) => f.write_str(why),
        }
    }
}

impl Error for SecretError {}

/// A secret of the configuration, by its name.
///
/// It is found in the environment, `PREFECT__CONTEXT__SECRETS__NAME`, else in the section `[context.secrets]` of
/// `~/.prefect/config.toml`, else in the secrets database (with the feature `store`): the store that `--store` names under
/// `prefect::main`, else the one that `[store] url` does, if it is there. From there on the redactor of the configuration hides it.
///
/// ```
/// use prefect::{Config, Secret};
///
/// let config = Config::builder().user_config("[context.secrets]\nPORT = \"5432\"\nUSER = \"etl\"\n").build().unwrap();
/// let port: u16 = Secret::new("PORT").get_from(&config).unwrap().expose().to_string().parse().unwrap();
/// assert_eq!(port, 5432);
/// assert_eq!(Secret::new("PORT").get_as_from::<u16>(&config).unwrap(), 5432);
/// let missing = Secret::new("NOPE").get_from(&config).unwrap_err();
/// assert_eq!(missing.to_string(), "Local Secret \"NOPE\" was not found.");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Secret {
    name: String,
}

impl Secret {
    /// The secret of this name; it is looked up when it is read.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, from the configuration of the run that this is called in, else from that of the process.
    ///
    /// A text that is JSON is returned as what it stands for: `"12"` as the number 12, `"null"` as null.
    ///
    /// # Errors
    /// If there is no such secret, while a flow is being built, or if the configuration cannot be loaded.
    pub fn get(&self) -> Result<SecretValue, SecretError> {
        if is_building() {
            return Err(SecretError::WhileBuilding);
        }
        self.get_from(&Config::current().map_err(SecretError::Config)?)
    }

    /// The value as a type of your own.
    ///
    /// # Errors
    /// As [`get`](Self::get), and if the value does not fit the type.
    pub fn get_as<T: DeserializeOwned>(&self) -> Result<T, SecretError> {
        self.typed(self.get()?)
    }

    /// The value, from this configuration.
    ///
    /// # Errors
    /// If there is no such secret, or if it is in the secrets database and that cannot be read.
    pub fn get_from(&self, config: &Config) -> Result<SecretValue, SecretError> {
        if let Some(secret) = config.secret(&self.name) {
            let parsed = secret.value.as_str().and_then(|text| serde_json::from_str(text).ok());
            return Ok(SecretValue(parsed.unwrap_or_else(|| secret.value.to_json())));
        }
        let text = config.secret_in_database(&self.name)?.ok_or_else(|| SecretError::NotFound(self.name.clone()))?;
        let text = text.expose();
        Ok(SecretValue(serde_json::from_str(text).unwrap_or_else(|_| text.into())))
    }

    /// The value as a type of your own, from this configuration.
    ///
    /// # Errors
    /// As [`get_from`](Self::get_from), and if the value does not fit the type.
    pub fn get_as_from<T: DeserializeOwned>(&self, config: &Config) -> Result<T, SecretError> {
        self.typed(self.get_from(config)?)
    }

    /// The error of serde shows the value, so it is not passed on.
    fn typed<T: DeserializeOwned>(&self, value: SecretValue) -> Result<T, SecretError> {
        serde_json::from_value(value.0).map_err(|_| SecretError::WrongType(self.name.clone()))
    }

    /// Whether there is such a secret.
    ///
    /// # Errors
    /// If the configuration cannot be loaded.
    pub fn exists(&self) -> Result<bool, SecretError> {
        Ok(self.exists_in(&Config::current().map_err(SecretError::Config)?))
    }

    /// Whether there is such a secret in this configuration.
    #[must_use]
    pub fn exists_in(&self, config: &Config) -> bool {
        config.secret(&self.name).is_some() || config.is_in_database(&self.name)
    }
}

/// A secret in an environment variable of any name. Its text is never parsed.
///
/// ```
/// use prefect::EnvVarSecret;
///
/// let secret = EnvVarSecret::new("NO_SUCH_VARIABLE");
/// assert!(secret.get().is_none());
/// assert_eq!(secret.required().unwrap_err().to_string(), "Environment variable not set: NO_SUCH_VARIABLE");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EnvVarSecret {
    variable: String,
}

impl EnvVarSecret {
    /// The secret in this variable; it is looked up when it is read.
    #[must_use]
    pub fn new(variable: impl Into<String>) -> Self {
        Self { variable: variable.into() }
    }

    /// The text, or `None` if the variable is not set or no UTF-8.
    ///
    /// A variable that the process has not is looked for in the environment that the configuration of the run was given.
    /// From here on the redactor of the current run hides it.
    #[must_use]
    pub fn get(&self) -> Option<SecretString> {
        // The standard library panics on these names.
        if self.variable.is_empty() || self.variable.contains(['=', '\0']) {
            return None;
        }
        let Ok(config) = Config::current() else { return std::env::var(&self.variable).ok().map(SecretString::new) };
        let text = config.variable(&self.variable)?;
        config.redactor().add(&self.variable, &text);
        Some(SecretString::new(text))
    }

    /// The text.
    ///
    /// # Errors
    /// If the variable is not set or no UTF-8.
    pub fn required(&self) -> Result<SecretString, SecretError> {
        self.get().ok_or_else(|| SecretError::VariableNotSet(self.variable.clone()))
    }
}
