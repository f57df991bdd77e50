//! The section `[store]`: where runs are recorded.
use std::path::Path;

use prefect_store::{BadStoreUrl, StoreUrl};

use super::Config;
use super::error::{ConfigError, ConfigErrorKind, ConfigOrigin};
use super::key::Key;
use super::settings::Reader;
use super::value::ConfigValue;

pub(super) const DEFAULTS: &str = "[store]\nurl = \"sqlite:${home_dir}/prefect.db\"\n";

const URL: &str = "store.url";

/// Refuses what can be no store, whether it is used or not. Without a home folder the default is none.
pub(super) fn check(reader: &Reader<'_>) -> Result<(), ConfigError> {
    let Some(entry) = reader.entries.get(&Key::dotted(URL)) else { return Ok(()) };
    let ConfigValue::Text(text) = &entry.value else {
        let found = format!("expected a text such as \"sqlite:runs.db\", found {}", entry.value.type_name());
        return Err(reader.error(URL, entry, &found));
    };
    match text.parse::<StoreUrl>() {
        Err(error) if error != BadStoreUrl::NoHome => Err(reader.error(URL, entry, &error.to_string())),
        _ => Ok(()),
    }
}

impl Config {
    /// Where runs are recorded.
    ///
    /// # Errors
    /// If it lies in a home folder, and there is none.
    #[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "only the command line looks at stores"))]
    pub(crate) fn store_url(&self) -> Result<StoreUrl, ConfigError> {
        let entry = self.0.entries.get(&Key::dotted(URL));
        let text = entry.and_then(|entry| entry.value.as_str()).unwrap_or_default();
        let wrong = |message: String| {
            let origin = entry.map_or(ConfigOrigin::Program, |entry| entry.origin.clone());
            ConfigError::new(ConfigErrorKind::Value, origin, Some(URL.to_owned()), message)
        };
        // The home folder is that of the configuration, and not the machine's.
        match text.strip_prefix("sqlite:").unwrap_or(text).strip_prefix("~/") {
            Some(below) => match self.0.environment.home() {
                Some(home) => Ok(StoreUrl::sqlite(Path::new(home).join(below))),
                None => Err(wrong(BadStoreUrl::NoHome.to_string())),
            },
            None => text.parse().map_err(|error: BadStoreUrl| wrong(error.to_string())),
        }
    }
}
