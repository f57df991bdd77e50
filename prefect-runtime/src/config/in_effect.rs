//! What is in effect, and where it came from: for people to look at.
use serde_json::Value as Json;

use super::error::ConfigOrigin;
use super::keys::{SECRETS, is_secret};
use super::{Config, Key};

/// A key as it is in effect.
pub(crate) struct InEffect<'a> {
    pub(crate) key: String,
    /// Its value; of a secret nothing but its name.
    pub(crate) value: Json,
    pub(crate) origin: &'a ConfigOrigin,
}

impl Config {
    /// All keys, in order.
    pub(crate) fn in_effect(&self) -> Vec<InEffect<'_>> {
        let entries = self.0.entries.iter().map(|(key, entry)| {
            let name = key.to_string();
            let value = match name.as_str() {
                _ if is_secret(key) => masked(key),
                #[cfg(feature = "store")]
                "store.url" => {
                    let shown = entry.value.as_str().and_then(super::store::shown);
                    self.0.redactor.redact_json(&shown.map_or_else(|| entry.value.to_json(), Json::from))
                }
                // What a task says is not undone by a default of Prefect 1.
                "flows.checkpointing" => self.0.settings.checkpointing.into(),
                _ => self.0.redactor.redact_json(&entry.value.to_json()),
            };
            InEffect { key: name, value, origin: &entry.origin }
        });
        let secrets = self.0.origins_of_secrets.iter();
        let secrets = secrets.map(|(key, origin)| InEffect { key: key.to_string(), value: masked(key), origin });
        let mut all: Vec<_> = entries.chain(secrets).collect();
        all.sort_by(|a, b| a.key.cmp(&b.key));
        all
    }
}

fn masked(key: &Key) -> Json {
    let name = key.to_string();
    let name = name.strip_prefix(&format!("{}.", SECRETS.join("."))).unwrap_or(&name);
    format!("[redacted {name}]").into()
}
