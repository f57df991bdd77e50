//! Secrets as they are kept: names, and bytes that only who sealed them can open.
use std::fmt;

use crate::Micros;

/// A secret as it is kept. This crate holds what was sealed elsewhere, and no key.
///
/// ```
/// use prefect_store::{Existing, Micros, Options, SealedSecret, SecretsChange, Store, StoreUrl};
///
/// let folder = tempfile::tempdir().unwrap();
/// let store = Store::open(&StoreUrl::sqlite(folder.path().join("runs.db")), Options::default()).unwrap();
/// let secret = SealedSecret {
///     name: "TOKEN".into(),
///     sealed: vec![7; 40],
///     key_id: vec![1],
///     kind: "text".into(),
///     note: None,
///     changed_at: Micros(1),
/// };
/// assert_eq!(store.put_secrets(vec![secret.clone()], Existing::Replace), Ok(SecretsChange::Done));
/// assert_eq!(store.secret("TOKEN").unwrap(), Some(secret.clone()));
///
/// // All secrets of a store have one key.
/// let other = SealedSecret { name: "OTHER".into(), key_id: vec![2], ..secret };
/// assert_eq!(store.put_secrets(vec![other], Existing::Replace), Ok(SecretsChange::OtherKey));
/// assert!(store.remove_secret("TOKEN").unwrap());
/// assert!(store.secrets().unwrap().is_empty());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// What it is found by.
    pub name: String,
    /// Its value, sealed.
    pub sealed: Vec<u8>,
    /// Tells the key that sealed it from others, and nothing else of it.
    pub key_id: Vec<u8>,
    /// What it is for, in the words of who put it there.
    pub kind: String,
    /// What is said about it, in clear.
    pub note: Option<String>,
    /// When it was put there.
    pub changed_at: Micros,
}

/// Without the bytes: they are of no use to a reader.
impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSecret")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("note", &self.note)
            .field("changed_at", &self.changed_at)
            .finish_non_exhaustive()
    }
}

/// A secret that gets another key: what was seen, and what takes its place.
#[derive(Clone, Debug)]
pub struct Resealed {
    /// As it was read.
    pub seen: SealedSecret,
    /// The same value under the new key.
    pub sealed: Vec<u8>,
}

/// What becomes of secrets that are there already, under the names of new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// The new ones take their places.
    Replace,
    /// Nothing is put: they stay.
    Keep,
}

/// What became of a change of secrets. All of it is done, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum SecretsChange {
    /// It is done.
    Done,
    /// Nothing is: the secrets that are there have another key.
    OtherKey,
    /// Nothing is: a secret of this name is there.
    Exists(String),
    /// Nothing is: the secrets are not those any more that were seen.
    Changed,
}
