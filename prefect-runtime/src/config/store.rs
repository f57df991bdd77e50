//! The section `[store]`: where runs are recorded.
use std::path::Path;

use prefect_store::{BadStoreUrl, StoreUrl};

use super::Config;
use super::error::{ConfigError, ConfigErrorKind, ConfigOrigin};
use super::key::Key;
use super::settings::Reader;
use super::value::ConfigValue;

pub(super) const DEFAULTS: &str = "[store]\nurl = \"sqlite:${home_dir}/prefect.db\"\nrecord_runs = true\n\
    [logging]\nstore_level = \"INFO\"\nkeep_days = 30\nkeep_megabytes = 256\n";

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
        Ok(url) => {
            // Shown with the rest of the configuration, but for this.
            reader.redactor.add_all(url.passwords().iter().map(|password| (URL, password.as_str())));
            Ok(())
        }
        Err(_) => Ok(()),
    }
}

/// As it was written; that of a server without its password, which may be too short for the redactor. `None` if it is no URL of
/// a store.
#[cfg(feature = "cli")]
pub(crate) fn shown(text: &str) -> Option<String> {
    match text.parse::<StoreUrl>() {
        Ok(url) if url.path().is_none() => Some(url.to_string()),
        Ok(_) | Err(BadStoreUrl::NoHome) => Some(text.to_owned()),
        Err(_) => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str, home: Option<&str>) -> Result<String, String> {
        let builder = Config::builder().user_config(text);
        let config = home.map_or_else(|| builder.clone(), |home| builder.clone().home(home)).build();
        config.and_then(|config| config.store_url()).map(|url| url.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_home_folder_is_that_of_the_configuration() {
        assert_eq!(url("", Some("/of/me")).unwrap(), "sqlite:/of/me/.prefect/prefect.db");
        assert_eq!(url("home_dir = \"/var/p\"", Some("/of/me")).unwrap(), "sqlite:/var/p/prefect.db");
        for text in ["[store]\nurl = \"~/runs.db\"", "[store]\nurl = \"sqlite:~/runs.db\""] {
            assert_eq!(url(text, Some("/of/me")).unwrap(), "sqlite:/of/me/runs.db");
        }
        let none = "configuration: key `store.url`: the store's path begins with `~/`, and the machine does not say where the \
                    home folder is: set HOME, or write the whole path";
        assert_eq!(url("", None).unwrap_err(), none);
        // Who looks at no store needs no home folder.
        assert!(Config::builder().build().is_ok());
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn the_password_of_a_server_is_hidden() {
        let text = "[store]\nurl = \"postgres://me:hunt%40er@host/db\"";
        let config = Config::builder().user_config(text).build().unwrap();
        assert_eq!(config.store_url().unwrap().to_string(), "postgres://me@host:5432/db");
        let shown = config.redactor().redact("postgres://me:hunt%40er@host/db or hunt@er").into_owned();
        assert_eq!(shown, "postgres://me:[redacted store.url]@host/db or [redacted store.url]");
    }

    #[test]
    fn what_can_be_no_store_is_refused_at_once() {
        let refused = |text: &str| Config::builder().user_config(text).build().unwrap_err().to_string();
        let error = refused("[store]\nurl = \"postgres://me:hunter2@host/db?hunter2=x\"");
        let why =
            if cfg!(feature = "postgres") { "the store's URL has an option " } else { "a store in PostgreSQL needs " };
        assert!(error.starts_with(&format!("config.toml:2:7: key `store.url`: {why}")), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        let error = refused("[store]\nurl = 5");
        assert_eq!(
            error,
            "config.toml:2:7: key `store.url`: expected a text such as \"sqlite:runs.db\", found an integer"
        );
        let warned = Config::builder().user_config("[store]\nURL = \"x\"").build().unwrap();
        assert!(warned.warnings()[0].to_string().ends_with("did you mean `store.url`?"), "{:?}", warned.warnings());
    }
}
