//! What is wrong with a configuration: where, which key, and what to do.
use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where a value of the configuration comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigOrigin {
    /// Packaged with the library, or set by the program.
    Program,
    /// A configuration file; lines and columns count from 1, columns in bytes.
    File {
        /// As it was opened.
        path: Arc<Path>,
        /// The line of the value.
        line: usize,
        /// The column of the value.
        column: usize,
    },
    /// An environment variable, by its name.
    Environment(Arc<str>),
}

impl fmt::Display for ConfigOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program => f.write_str("configuration"),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
        }
    }
}

/// What kind of mistake a [`ConfigError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// A file cannot be read, is too large or is no UTF-8.
    Read,
    /// A file is no TOML.
    Syntax,
    /// A key that cannot be one.
    Key,
    /// A value has the wrong type or is out of range.
    Value,
    /// References between keys or environment variables have no end.
    Reference,
}

/// A mistake in the configuration. It names the file and line or the environment variable, and the key.
///
/// No value of `[context.secrets]` and no line of a file is ever shown.
///
/// ```
/// use prefect::Config;
///
/// let error = Config::builder().user_config("[slack]\nflush_deadline = \"soon\"\n").build().unwrap_err();
/// assert_eq!(error.key(), Some("slack.flush_deadline"));
/// assert_eq!(
///     error.to_string(),
///     "config.toml:2:18: key `slack.flush_deadline`: expected seconds or a duration such as \"5s\", found `soon`",
/// );
/// ```
#[derive(Clone, Debug)]
pub struct ConfigError {
    kind: ConfigErrorKind,
    origin: ConfigOrigin,
    key: Option<String>,
    message: String,
}

impl ConfigError {
    pub(crate) fn new(kind: ConfigErrorKind, origin: ConfigOrigin, key: Option<String>, message: String) -> Self {
        Self { kind, origin, key, message }
    }

    /// What kind of mistake it is.
    #[must_use]
    pub const fn kind(&self) -> ConfigErrorKind {
        self.kind
    }

    /// Where it is.
    #[must_use]
    pub const fn origin(&self) -> &ConfigOrigin {
        &self.origin
    }

    /// The key, its parts joined by dots.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if let Some(key) = &self.key {
            write!(f, "key `{key}`: ")?;
        }
        f.write_str(&self.message)
    }
}

impl Error for ConfigError {}

/// Something in the configuration that is probably not meant, and stops nothing.
///
/// ```
/// use prefect::Config;
///
/// let config = Config::builder().user_config("[contxt.secrets]\nA = \"value of a\"\n").build().unwrap();
/// assert_eq!(
///     config.warnings()[0].to_string(),
///     "config.toml:2:5: key `contxt.secrets.A` is unknown: did you mean `context.secrets.A`?",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigWarning {
    origin: Option<ConfigOrigin>,
    message: String,
}

impl ConfigWarning {
    pub(crate) fn at(origin: ConfigOrigin, message: String) -> Self {
        Self { origin: Some(origin), message }
    }

    pub(crate) fn general(message: String) -> Self {
        Self { origin: None, message }
    }

    /// Where it is, if it is about one value.
    #[must_use]
    pub const fn origin(&self) -> Option<&ConfigOrigin> {
        self.origin.as_ref()
    }
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        f.write_str(&self.message)
    }
}
