//! The configuration in effect, and where each of its keys came from.
use serde_json::{Value as Json, json};

use super::Format;
use super::columns::{Columns, Room, width};
use super::json;
use super::text::Paint;
use crate::{Config, ConfigOrigin};

/// What is printed. A value of the command line is put in the place of what it replaces.
pub(super) fn text(config: &Config, store: Option<&str>, format: Format, paint: Paint) -> String {
    let settings: Vec<(String, Json, String)> = config
        .in_effect()
        .into_iter()
        .map(|setting| match store.filter(|_| setting.key == "store.url") {
            Some(url) => (setting.key, shown(config, url).into(), "--store".to_owned()),
            None => (setting.key, setting.value, origin(setting.origin)),
        })
        .collect();
    match format {
        Format::Json => {
            let all =
                settings.into_iter().map(|(key, value, from)| json!({ "key": key, "value": value, "from": from }));
            json::text(&all.collect(), config.redactor())
        }
        Format::Table => {
            let mut columns = Columns::new([("KEY", Room::Needs), ("VALUE", Room::Gives), ("FROM", Room::Needs)]);
            for (key, value, from) in settings {
                let shown = match value {
                    Json::String(text) => text,
                    other => other.to_string(),
                };
                columns.push([key.into(), shown.into(), from.into()]);
            }
            columns.text(width(), paint)
        }
    }
}

/// A store's URL without its password. Without the feature `store` there is none.
#[cfg(feature = "store")]
fn shown(config: &Config, url: &str) -> String {
    // The redactor hears of the password: it may stand elsewhere too.
    let place = super::durable::place(config, Some(url));
    match place.ok().and_then(|_| crate::config::shown_store(url)) {
        Some(shown) => config.redactor().redact(&shown).into_owned(),
        // Nobody knows what in it is a password.
        None => "(no URL of a store)".to_owned(),
    }
}

#[cfg(not(feature = "store"))]
fn shown(_: &Config, url: &str) -> String {
    url.to_owned()
}

fn origin(origin: &ConfigOrigin) -> String {
    match origin {
        ConfigOrigin::Program => "default".to_owned(),
        other => other.to_string(),
    }
}
