//! Configuration files and the environment as one flat map of keys, each value with its place.
use std::collections::BTreeMap;
use std::ops::Bound;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, ConfigErrorKind, ConfigOrigin};
use super::key::Key;
use super::value::ConfigValue;

/// A value, and how it came to be.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) value: ConfigValue,
    /// The text that `value` was read from, if it was text: a secret `1e5` is a number and still sent as it is written.
    pub(crate) raw: Option<String>,
    pub(crate) origin: ConfigOrigin,
}

impl Entry {
    pub(crate) fn new(value: ConfigValue, origin: ConfigOrigin) -> Self {
        Self { value, raw: None, origin }
    }
}

/// What is set, by key. No key is the beginning of another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entries(BTreeMap<Key, Entry>);

impl Entries {
    /// Sets a key. What it takes the place of is returned: the key itself, keys below it, or a key above it.
    pub(crate) fn set(&mut self, key: Key, entry: Entry) -> Vec<(Key, Entry)> {
        let mut replaced = Vec::new();
        for len in 1..key.0.len() {
            replaced.extend(self.0.remove_entry(&key.0[..len]));
        }
        let below: Vec<Key> = (self.0.range::<[String], _>((Bound::Excluded(&key.0[..]), Bound::Unbounded)))
            .map(|(other, _)| other)
            .take_while(|other| other.0.starts_with(&key.0))
            .cloned()
            .collect();
        replaced.extend(below.iter().filter_map(|other| self.0.remove_entry(other)));
        if let Some(old) = self.0.insert(key.clone(), entry) {
            replaced.push((key, old));
        }
        replaced
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Entry> {
        self.0.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &Key) -> Option<&mut Entry> {
        self.0.get_mut(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.0.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&Key, &mut Entry)> {
        self.0.iter_mut()
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.0.values_mut()
    }

    /// Takes out the keys below a section.
    pub(crate) fn take_below(&mut self, section: &[&str]) -> Vec<(Key, Entry)> {
        let inside = |key: &Key| key.0.len() > section.len() && key.0.iter().zip(section).all(|(a, b)| a == b);
        let keys: Vec<Key> = self.0.keys().filter(|key| inside(key)).cloned().collect();
        keys.iter().filter_map(|key| self.0.remove_entry(key)).collect()
    }

    /// The keys as sections in sections.
    pub(crate) fn tree<'a>(entries: impl Iterator<Item = (&'a [String], &'a ConfigValue)>) -> ConfigValue {
        let mut root = BTreeMap::new();
        for (key, value) in entries {
            let Some((last, sections)) = key.split_last() else { continue };
            let mut table = &mut root;
            for section in sections {
                let inner = table.entry(section.clone()).or_insert_with(|| ConfigValue::Table(BTreeMap::new()));
                let ConfigValue::Table(inner) = inner else { unreachable!("no key is the beginning of another") };
                table = inner;
            }
            table.insert(last.clone(), value.clone());
        }
        ConfigValue::Table(root)
    }
}

/// Reads the text of a configuration file.
pub(crate) fn parse(text: &str, path: &Arc<Path>) -> Result<Vec<(Key, Entry)>, ConfigError> {
    let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let document = Document { text, path, lines };
    // The parser's own rendering of an error quotes the line, which can hold a secret: only its message is used.
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().unwrap_or(0..0);
        let message = format!("is no valid TOML: {}", error.message());
        ConfigError::new(ConfigErrorKind::Syntax, document.origin(&at), document.key_before(at.start), message)
    })?;
    let mut entries = Vec::new();
    document.collect(table.get_ref(), &Key::default(), &mut entries)?;
    Ok(entries)
}

struct Document<'a> {
    text: &'a str,
    path: &'a Arc<Path>,
    /// Where each line starts.
    lines: Vec<usize>,
}

impl Document<'_> {
    fn origin(&self, span: &Range<usize>) -> ConfigOrigin {
        let line = self.lines.partition_point(|start| *start <= span.start);
        ConfigOrigin::File { path: self.path.clone(), line, column: span.start - self.lines[line - 1] + 1 }
    }

    /// The key that the line of a mistake sets, if it looks like one.
    fn key_before(&self, at: usize) -> Option<String> {
        let before = self.text.get(..at)?;
        let line = &self.text[before.rfind('\n').map_or(0, |at| at + 1)..];
        let (key, _) = line.lines().next()?.split_once('=')?;
        let key = key.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        (!key.is_empty() && key.len() <= 100 && key.chars().all(plain)).then(|| key.to_owned())
    }

    fn collect(&self, table: &DeTable<'_>, above: &Key, entries: &mut Vec<(Key, Entry)>) -> Result<(), ConfigError> {
        for (name, value) in table {
            let key = above.join(name.get_ref());
            if let DeValue::Table(inner) = value.get_ref() {
                self.collect(inner, &key, entries)?;
            } else {
                entries.push((key.clone(), Entry::new(self.value(value, &key)?, self.origin(&value.span()))));
            }
        }
        Ok(())
    }

    fn value(&self, value: &Spanned<DeValue<'_>>, key: &Key) -> Result<ConfigValue, ConfigError> {
        let out_of_range = || {
            let message = "is out of range: write a number of at most 64 bits".to_owned();
            ConfigError::new(ConfigErrorKind::Value, self.origin(&value.span()), Some(key.to_string()), message)
        };
        Ok(match value.get_ref() {
            DeValue::String(text) => ConfigValue::Text(text.to_string()),
            DeValue::Integer(number) => {
                ConfigValue::Integer(i64::from_str_radix(number.as_str(), number.radix()).map_err(|_| out_of_range())?)
            }
            DeValue::Float(number) => ConfigValue::Float(number.as_str().parse().map_err(|_| out_of_range())?),
            DeValue::Boolean(value) => ConfigValue::Bool(*value),
            DeValue::Datetime(moment) => ConfigValue::Text(moment.to_string()),
            DeValue::Array(items) => {
                ConfigValue::List(items.iter().map(|item| self.value(item, key)).collect::<Result<_, _>>()?)
            }
            DeValue::Table(entries) => ConfigValue::Table(
                entries
                    .iter()
                    .map(|(name, value)| Ok((name.get_ref().to_string(), self.value(value, key)?)))
                    .collect::<Result<_, ConfigError>>()?,
            ),
        })
    }
}
