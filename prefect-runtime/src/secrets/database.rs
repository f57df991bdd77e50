//! Looking into the secrets database: the store's table of secrets, and the key that opens them.
use std::sync::{Mutex, MutexGuard, PoisonError};

use prefect_store::{Options, SealedSecret, Store, StoreError, StoreUrl};

use super::key::{KEY, Keys, Place};
use super::seal::Key;
use super::{SecretError, SecretString};
use crate::Config;

/// How often something is tried again because somebody else has changed the key meanwhile.
pub(super) const TRIES: usize = 5;

/// The database as a configuration sees it: opened when a secret is first looked for there, and never made.
#[derive(Default)]
pub(crate) struct Reader(Mutex<Look>);

#[derive(Default)]
struct Look {
    /// Where somebody has said that it is, who wins over the configuration.
    at: Option<StoreUrl>,
    open: Option<Store>,
}

impl Reader {
    /// From here on the secrets are those of this store.
    #[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "only the command line has an option for it"))]
    pub(crate) fn look_in(&self, url: &StoreUrl) {
        *self.look() = Look { at: Some(url.clone()), open: None };
    }

    fn look(&self) -> MutexGuard<'_, Look> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` if there is no database, or one that never had secrets.
    fn store(&self, config: &Config) -> Result<Option<Store>, String> {
        let mut look = self.look();
        if look.open.is_none() {
            let url = match &look.at {
                Some(url) => url.clone(),
                // Without a home folder the default is no place.
                None => match config.store_url() {
                    Ok(url) => url,
                    Err(_) => return Ok(None),
                },
            };
            look.open = open_to_look(&url)?;
        }
        Ok(look.open.clone())
    }
}

/// Opens a store for reading, if it is there and may have secrets.
pub(super) fn open_to_look(url: &StoreUrl) -> Result<Option<Store>, String> {
    match Store::open_read_only(url, Options::default()) {
        Ok(store) => Ok(Some(store)),
        // Tables of a release that had no secrets.
        Err(StoreError::Missing(_) | StoreError::Older(_)) => Ok(None),
        Err(error) => Err(sentence(&error)),
    }
}

impl Config {
    /// The text of a secret of the database. From here on the redactor hides it.
    pub(crate) fn secret_in_database(&self, name: &str) -> Result<Option<SecretString>, SecretError> {
        let found = self.database().store(self).and_then(|store| match store {
            Some(store) => open(self, &store, name),
            None => Ok(None),
        });
        found.map_err(|why| SecretError::Database(self.redactor().redact(&why).into_owned()))
    }

    pub(crate) fn is_in_database(&self, name: &str) -> bool {
        let store = self.database().store(self).ok().flatten();
        store.is_some_and(|store| store.secret(name).is_ok_and(|secret| secret.is_some()))
    }
}

/// The text of a secret. The redactor of the configuration knows it before anybody else does.
pub(super) fn open(config: &Config, store: &Store, name: &str) -> Result<Option<SecretString>, String> {
    for _ in 0..TRIES {
        let Some(secret) = store.secret(name).map_err(|error| sentence(&error))? else { return Ok(None) };
        let keys = Keys::read(config)?;
        if let Some(key) = keys.of_id(&secret.key_id) {
            return opened(config, store, key, &secret).map(Some);
        }
    }
    Err(wrong_key(&Keys::read(config)?, store))
}

pub(super) fn opened(config: &Config, store: &Store, key: &Key, secret: &SealedSecret) -> Result<SecretString, String> {
    let name = &secret.name;
    let text = key.open(name, &secret.sealed).ok_or_else(|| {
        format!(
            "the secret `{name}` in {} is damaged: remove it with `secrets rm {name}`, and set it again",
            store.url().location()
        )
    })?;
    hide(config, name, &text);
    Ok(SecretString::new(text.as_str()))
}

/// Also what is in it, if it is JSON: a task may use a part alone.
fn hide(config: &Config, name: &str, text: &str) {
    fn leaves(json: &serde_json::Value, found: &mut Vec<String>) {
        match json {
            serde_json::Value::String(text) => found.push(text.clone()),
            serde_json::Value::Number(number) => found.push(number.to_string()),
            serde_json::Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
            serde_json::Value::Object(map) => map.values().for_each(|item| leaves(item, found)),
            _ => {}
        }
    }
    let mut found = vec![text.to_owned()];
    if let Ok(json) = serde_json::from_str(text) {
        leaves(&json, &mut found);
    }
    config.redactor().add_all(found.iter().map(|text| (name, text.as_str())));
}

pub(super) fn wrong_key(keys: &Keys, store: &Store) -> String {
    let database = store.url().location();
    let from = match &keys.place {
        Place::Variable(name) => (*name).to_owned(),
        Place::Own(file) if keys.now.is_none() => {
            return format!(
                "the key of the secrets in {database} is not there: put back {} from a copy, or set {KEY}; without it they \
                 cannot be read, and only `secrets rm` can be done to them",
                file.path.display()
            );
        }
        Place::Own(file) => file.path.display().to_string(),
    };
    format!(
        "the key in {from} is the wrong one for the secrets in {database}: they have another key. Nothing was changed; give \
         the key that they were kept with"
    )
}

pub(super) fn sentence(error: &StoreError) -> String {
    error.to_string()
}
