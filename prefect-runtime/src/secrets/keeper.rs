//! What the command line does to the secrets database.
//!
//! All secrets of a store have one key. It is changed in three steps: the new key is put beside the old one, all secrets are
//! sealed anew in one transaction, the new key takes the place of the old one. Wherever that ends, one of the keys that are
//! there opens all secrets. No key is ever thrown away: all stores of a user have the same file, and copies of stores.
use jiff::Timestamp;
use prefect_store::{Existing, Micros, Options, Resealed, SealedSecret, SecretsChange, Store, StoreUrl};

use super::SecretString;
use super::database::{TRIES, open, open_to_look, opened, sentence, wrong_key};
use super::key::{Keys, NEXT_KEY, Place};
use super::own_file::{no_randomness, random};
use super::seal::Key;
use crate::Config;

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything.
    Text,
    /// A webhook of Slack.
    Slack,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Text, Self::Slack];

    /// As it is kept.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Slack => "slack",
        }
    }

    /// One of a later release is some text.
    fn of(secret: &SealedSecret) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == secret.kind).unwrap_or(Self::Text)
    }
}

/// A secret that is kept, without its value.
#[derive(Clone, Debug)]
pub(crate) struct KeptSecret {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The channel that a webhook posts to, as its user says.
    pub(crate) channel: Option<String>,
    pub(crate) changed: Micros,
}

impl From<SealedSecret> for KeptSecret {
    fn from(secret: SealedSecret) -> Self {
        let kind = Kind::of(&secret);
        Self { kind, name: secret.name, channel: secret.note, changed: secret.changed_at }
    }
}

/// A secret that is to be kept.
#[derive(Clone, Debug)]
pub(crate) struct NewSecret {
    pub(crate) name: String,
    pub(crate) value: SecretString,
    pub(crate) kind: Kind,
    pub(crate) channel: Option<String>,
}

/// The database as the command line sees it. All errors are sentences.
pub(crate) struct Keeper<'a> {
    config: &'a Config,
    url: StoreUrl,
}

impl<'a> Keeper<'a> {
    pub(crate) fn new(config: &'a Config, url: StoreUrl) -> Self {
        Self { config, url }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> String {
        self.url.location().to_string()
    }

    fn writable(&self) -> Result<Store, String> {
        Store::open(&self.url, Options::default()).map_err(|error| sentence(&error))
    }

    /// All of them, by their names.
    pub(crate) fn list(&self) -> Result<Vec<KeptSecret>, String> {
        let Some(store) = open_to_look(&self.url)? else { return Ok(Vec::new()) };
        let all = store.secrets().map_err(|error| sentence(&error))?;
        Ok(all.into_iter().map(KeptSecret::from).collect())
    }

    pub(crate) fn find(&self, name: &str) -> Result<Option<KeptSecret>, String> {
        let Some(store) = open_to_look(&self.url)? else { return Ok(None) };
        Ok(store.secret(name).map_err(|error| sentence(&error))?.map(KeptSecret::from))
    }

    /// The text of a secret.
    pub(crate) fn get(&self, name: &str) -> Result<Option<SecretString>, String> {
        match open_to_look(&self.url)? {
            Some(store) => open(self.config, &store, name),
            None => Ok(None),
        }
    }

    /// Has the redactor hide all secrets that can be opened.
    pub(crate) fn hide_all(&self) {
        let Ok(Some(store)) = open_to_look(&self.url) else { return };
        let Ok(secrets) = store.secrets() else { return };
        let Some(first) = secrets.first() else { return };
        let keys = Keys::read(self.config).ok();
        let Some(key) = keys.as_ref().and_then(|keys| keys.of_id(&first.key_id)) else { return };
        for secret in &secrets {
            let _ = opened(self.config, &store, key, secret);
        }
    }

    /// Keeps these secrets, all or none. Makes the database and the key if they are not there.
    pub(crate) fn put(&self, secrets: &[NewSecret], existing: Existing) -> Result<(), String> {
        // Where the key is none, no database is made.
        Keys::read(self.config)?;
        let store = self.writable()?;
        for _ in 0..TRIES {
            let key = self.key_to_seal_with(&store)?;
            let key_id = key.id();
            let changed_at = Micros(Timestamp::now().as_microsecond());
            let sealed = secrets.iter().map(|secret| {
                Ok(SealedSecret {
                    name: secret.name.clone(),
                    sealed: key.seal(&secret.name, secret.value.expose())?,
                    key_id: key_id.clone(),
                    kind: secret.kind.name().to_owned(),
                    note: secret.channel.clone(),
                    changed_at,
                })
            });
            let sealed = sealed.collect::<Result<_, _>>().map_err(no_randomness)?;
            match store.put_secrets(sealed, existing).map_err(|error| sentence(&error))? {
                SecretsChange::Done => return Ok(()),
                SecretsChange::Exists(name) => {
                    return Err(format!(
                        "there is a secret `{name}` already, and nothing was changed: remove it first with \
                         `secrets rm {name}`"
                    ));
                }
                SecretsChange::OtherKey | SecretsChange::Changed => {}
            }
        }
        Err(wrong_key(&Keys::read(self.config)?, &store))
    }

    /// The key of the secrets that are there; for the first one it may be made.
    fn key_to_seal_with(&self, store: &Store) -> Result<Key, String> {
        let mut tries = 0;
        loop {
            let first = store.secrets().map_err(|error| sentence(&error))?.into_iter().next();
            let keys = Keys::read(self.config)?;
            match (first, &keys) {
                (Some(first), keys) => match keys.of_id(&first.key_id) {
                    Some(key) => return Ok(key.clone()),
                    None if tries >= TRIES => return Err(wrong_key(keys, store)),
                    None => tries += 1,
                },
                (None, Keys { now: Some(key), .. }) => return Ok(key.clone()),
                (None, Keys { place: Place::Own(file), .. }) => return file.make(),
                (None, Keys { place: Place::Variable(name), .. }) => return Err(format!("{name} holds no key")),
            }
        }
    }

    /// Removes a secret: needs no key. Gives whether there was one.
    pub(crate) fn remove(&self, name: &str) -> Result<bool, String> {
        match self.find(name)? {
            Some(_) => self.writable()?.remove_secret(name).map_err(|error| sentence(&error)),
            None => Ok(false),
        }
    }

    /// Gives all secrets a new key: the one of the environment, else a random one in the place of our own file.
    pub(crate) fn rotate(&self) -> Result<Rotated, String> {
        if open_to_look(&self.url)?.is_none() {
            return Ok(Rotated { secrets: 0, key: NewKey::Same });
        }
        let store = self.writable()?;
        let keys = Keys::read(self.config)?;
        match &keys.place {
            Place::Variable(from) => {
                let Some(next) = &keys.next else {
                    return Err(format!(
                        "the key is given by {from}: give the new one by {NEXT_KEY} beside it. Nothing was changed"
                    ));
                };
                let secrets = self.reseal(&store, &keys, next)?;
                Ok(Rotated { secrets, key: NewKey::Given })
            }
            Place::Own(file) => {
                let _lock = file.lock()?;
                // Another process may have had the lock.
                let keys = Keys::read(self.config)?;
                let first = store.secrets().map_err(|error| sentence(&error))?.into_iter().next();
                let Some(first) = first else { return Ok(Rotated { secrets: 0, key: NewKey::Same }) };
                if keys.of_id(&first.key_id).is_none() {
                    return Err(wrong_key(&keys, &store));
                }
                let next = random()?;
                file.put_next(&next)?;
                let secrets = self.reseal(&store, &keys, &next)?;
                file.turn()?;
                Ok(Rotated { secrets, key: NewKey::InFile(file.path.display().to_string()) })
            }
        }
    }

    /// Seals all secrets anew, in one transaction. Gives how many.
    fn reseal(&self, store: &Store, keys: &Keys, new: &Key) -> Result<usize, String> {
        for _ in 0..TRIES {
            let seen = store.secrets().map_err(|error| sentence(&error))?;
            let resealed = seen.into_iter().map(|seen| {
                let key = keys.of_id(&seen.key_id).ok_or_else(|| wrong_key(keys, store))?;
                let text = opened(self.config, store, key, &seen)?;
                let sealed = new.seal(&seen.name, text.expose()).map_err(no_randomness)?;
                Ok(Resealed { seen, sealed })
            });
            let resealed: Vec<_> = resealed.collect::<Result<_, String>>()?;
            let count = resealed.len();
            // Else somebody has put a secret meanwhile.
            if store.rotate_secrets(resealed, new.id()).map_err(|error| sentence(&error))? == SecretsChange::Done {
                return Ok(count);
            }
        }
        Err("secrets are being changed all the time: try again".to_owned())
    }
}

/// What became of a change of the key.
pub(crate) struct Rotated {
    pub(crate) secrets: usize,
    pub(crate) key: NewKey,
}

/// Where the new key is.
pub(crate) enum NewKey {
    /// There was no secret, and nothing was done.
    Same,
    /// In the variable that says what comes next.
    Given,
    /// In our own file.
    InFile(String),
}
