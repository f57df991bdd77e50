//! References in values: to environment variables, to the home folder and to other keys.
use super::document::Entries;
use super::environment::Environment;
use super::error::{ConfigError, ConfigErrorKind, ConfigOrigin, ConfigWarning};
use super::key::Key;
use super::literal::typed;
use super::value::ConfigValue;

/// How often references are followed, as in Prefect.
const ROUNDS: usize = 10;

/// How many bytes references may make in all. References of references grow exponentially; nobody means that.
const BUDGET: usize = 16 << 20;

struct Budget(usize);

impl Budget {
    fn spend(&mut self, size: usize, key: &Key, origin: &ConfigOrigin) -> Result<(), ConfigError> {
        self.0 = self.0.checked_sub(size).ok_or_else(|| {
            endless(key, origin, format!("references make more than {} MiB of text: refer to less", BUDGET >> 20))
        })?;
        Ok(())
    }
}

fn endless(key: &Key, origin: &ConfigOrigin, message: String) -> ConfigError {
    ConfigError::new(ConfigErrorKind::Reference, origin.clone(), Some(key.to_string()), message)
}

/// Expands environment variables and the home folder.
pub(crate) struct Expander<'a> {
    environment: &'a Environment,
    budget: Budget,
}

impl<'a> Expander<'a> {
    pub(crate) fn new(environment: &'a Environment) -> Self {
        Self { environment, budget: Budget(BUDGET) }
    }

    /// Expands `~`, `$NAME` and `${NAME}`, again and again while that changes something; unknown names stay.
    pub(crate) fn expand(&mut self, text: &str, key: &Key, origin: &ConfigOrigin) -> Result<String, ConfigError> {
        let mut text = text.to_owned();
        for _ in 0..ROUNDS {
            let expanded = self.expand_once(&text, key, origin)?;
            if expanded == text {
                return Ok(text);
            }
            text = expanded;
        }
        let message = "environment variables refer to each other without end: set one of them to a plain value";
        Err(endless(key, origin, message.to_owned()))
    }

    fn expand_once(&mut self, text: &str, key: &Key, origin: &ConfigOrigin) -> Result<String, ConfigError> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            let (name, len) = variable(&rest[1..]);
            match self.environment.get(name)? {
                Some(value) if !name.is_empty() => {
                    self.budget.spend(value.len(), key, origin)?;
                    out.push_str(value);
                }
                _ => out.push_str(&rest[..=len]),
            }
            rest = &rest[1 + len..];
        }
        out.push_str(rest);
        if let Some(tail) = out.strip_prefix('~')
            && (tail.is_empty() || tail.starts_with('/'))
            && let Some(home) = self.environment.home()
        {
            out = format!("{}{tail}", home.display().to_string().trim_end_matches('/'));
        }
        Ok(out)
    }
}

/// The name of the variable at the start of what follows a `$`, and the length of all of it.
fn variable(after: &str) -> (&str, usize) {
    if let Some(braced) = after.strip_prefix('{') {
        return braced.find('}').map_or(("", 0), |end| (&braced[..end], end + 2));
    }
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
    (&after[..end], end)
}

/// Follows `${section.key}` up to ten rounds, inner references first.
///
/// A reference alone takes over the other value with its type; within text the value is inserted as text; a key
/// that does not exist is an empty text.
pub(crate) fn resolve(entries: &mut Entries, warnings: &mut Vec<ConfigWarning>) -> Result<(), ConfigError> {
    let mut budget = Budget(BUDGET);
    let mut open: Vec<Key> =
        entries.iter().filter(|(_, e)| e.value.as_str().is_some_and(refers)).map(|(key, _)| key.clone()).collect();
    for _ in 0..ROUNDS {
        open.retain(|key| entries.get(key).is_some_and(|e| e.value.as_str().is_some_and(refers)));
        for key in &open {
            let Some(entry) = entries.get(key) else { continue };
            let Some(text) = entry.value.as_str() else { continue };
            let origin = entry.origin.clone();
            let mut value = ConfigValue::Text(String::new());
            let mut raw = None;
            let mut rest = text;
            while let Some((start, end)) = innermost(rest) {
                let name = &rest[start + 2..end - 1];
                let other = entries.get(&Key::dotted(name));
                if other.is_none() {
                    let message = format!("key `{key}` refers to `{name}`, which is not set: that gives an empty text");
                    warnings.push(ConfigWarning::at(origin.clone(), message));
                }
                if start == 0 && end == text.len() && rest.len() == text.len() {
                    if let Some(other) = other {
                        budget.spend(other.value.size(), key, &origin)?;
                        value = other.value.clone();
                        raw.clone_from(&other.raw);
                    }
                    rest = "";
                    break;
                }
                let ConfigValue::Text(out) = &mut value else { break };
                let inserted = other.map(|other| other.value.to_string()).unwrap_or_default();
                budget.spend(start + inserted.len(), key, &origin)?;
                out.push_str(&rest[..start]);
                out.push_str(&inserted);
                rest = &rest[end..];
            }
            if let ConfigValue::Text(out) = &mut value {
                out.push_str(rest);
            }
            if let Some(entry) = entries.get_mut(key) {
                entry.value = value;
                entry.raw = raw;
            }
        }
    }
    let unresolved =
        open.iter().find_map(|key| entries.get(key).filter(|e| e.value.as_str().is_some_and(refers)).map(|e| (key, e)));
    let Some((key, entry)) = unresolved else { return Ok(()) };
    let message = format!("references are circular or nested deeper than {ROUNDS}: give one of the keys a plain value");
    Err(endless(key, &entry.origin, message))
}

/// Types the texts of all entries.
pub(crate) fn type_texts(entries: &mut Entries) {
    for entry in entries.values_mut() {
        if let ConfigValue::Text(text) = &mut entry.value
            && let Some(value) = typed(text)
        {
            entry.raw = Some(std::mem::take(text));
            entry.value = value;
        }
    }
}

fn refers(text: &str) -> bool {
    innermost(text).is_some()
}

/// The first `${..}` that has no other reference in it: where it starts and ends.
fn innermost(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(start) = text[from..].find("${").map(|at| from + at) {
        let inside = start + 2;
        match text[inside..].find(['$', '{', '}']).map(|at| inside + at) {
            Some(end) if end > inside && text.as_bytes()[end] == b'}' => return Some((start, end + 1)),
            Some(end) => from = end,
            None => return None,
        }
    }
    None
}
