//! The values of a configuration.
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// A value of the configuration: what TOML has, and null, which environment variables can give (`None`).
///
/// ```
/// use prefect::Config;
///
/// let config = Config::builder().user_config("[etl]\nregions = [\"eu\", \"us\"]\n").build().unwrap();
/// let regions = config.get("etl.regions").unwrap().as_list().unwrap();
/// assert_eq!(regions[1].as_str(), Some("us"));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConfigValue {
    /// Nothing: Python's `None`.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text; also dates and times, as they are written.
    Text(String),
    /// A list.
    List(Vec<ConfigValue>),
    /// A section.
    Table(BTreeMap<String, ConfigValue>),
}

impl ConfigValue {
    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    #[must_use]
    pub const fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// The number with a fraction, if it is one. A whole number is none.
    #[must_use]
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The list, if it is one.
    #[must_use]
    pub fn as_list(&self) -> Option<&[ConfigValue]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The section, if it is one.
    #[must_use]
    pub const fn as_table(&self) -> Option<&BTreeMap<String, ConfigValue>> {
        match self {
            Self::Table(entries) => Some(entries),
            _ => None,
        }
    }

    /// Whether it is null.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The value as JSON. Infinity and "not a number", which JSON lacks, become their names as text.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Integer(value) => (*value).into(),
            Self::Float(value) if value.is_finite() => (*value).into(),
            Self::Float(value) => value.to_string().into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Table(entries) => entries.iter().map(|(key, value)| (key.clone(), value.to_json())).collect(),
        }
    }

    pub(crate) const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Table(_) => "a section",
        }
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Text(text) => text.len(),
                Self::List(items) => items.iter().map(Self::size).sum(),
                Self::Table(entries) => entries.iter().map(|(key, value)| key.len() + value.size()).sum(),
                _ => 0,
            }
    }

    /// Calls `visit` with every text and number in it, and the path that leads there.
    pub(crate) fn visit_leaves(&self, path: &str, visit: &mut dyn FnMut(&str, &str)) {
        match self {
            Self::Text(text) => visit(path, text),
            Self::Integer(_) | Self::Float(_) => visit(path, &self.to_string()),
            Self::List(items) => items.iter().for_each(|item| item.visit_leaves(path, visit)),
            Self::Table(entries) => {
                for (key, value) in entries {
                    value.visit_leaves(&format!("{path}.{key}"), visit);
                }
            }
            Self::Null | Self::Bool(_) => {}
        }
    }
}

/// As Python writes it, because that is what a reference inside a text inserts.
impl fmt::Display for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("None"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(text) => f.write_str(text),
            Self::List(items) => {
                f.write_char('[')?;
                for (i, item) in items.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { ", " })?;
                    item.fmt_quoted(f)?;
                }
                f.write_char(']')
            }
            Self::Table(entries) => {
                f.write_char('{')?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}'{key}': ", if i == 0 { "" } else { ", " })?;
                    value.fmt_quoted(f)?;
                }
                f.write_char('}')
            }
        }
    }
}

impl ConfigValue {
    fn fmt_quoted(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "'{text}'"),
            other => write!(f, "{other}"),
        }
    }
}
