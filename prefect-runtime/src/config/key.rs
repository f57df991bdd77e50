//! The key of a value: the names of its sections and its own.
use std::borrow::Borrow;
use std::fmt;

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(pub(crate) Vec<String>);

impl Key {
    pub(crate) fn dotted(text: &str) -> Self {
        Self(text.split('.').map(str::to_owned).collect())
    }

    pub(crate) fn join(&self, name: &str) -> Self {
        let mut parts = self.0.clone();
        parts.push(name.to_owned());
        Self(parts)
    }

    pub(crate) fn is_below(&self, section: &[&str]) -> bool {
        self.0.len() > section.len() && self.0.iter().zip(section).all(|(part, name)| part == name)
    }
}

impl Borrow<[String]> for Key {
    fn borrow(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}
