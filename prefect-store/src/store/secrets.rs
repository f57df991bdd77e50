//! Secrets that were sealed elsewhere.
use super::Store;
use crate::{Existing, Resealed, SealedSecret, SecretsChange, StoreError};

impl Store {
    /// The secret of this name, sealed.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn secret(&self, name: &str) -> Result<Option<SealedSecret>, StoreError> {
        self.0.readers.secret(name)
    }

    /// All secrets by their names, sealed.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn secrets(&self) -> Result<Vec<SealedSecret>, StoreError> {
        self.0.readers.secrets()
    }

    /// Puts secrets, all or none. All secrets of a store have one key: those of another one are refused.
    ///
    /// # Errors
    ///
    /// If the store cannot be written. Nothing has changed then.
    pub fn put_secrets(&self, secrets: Vec<SealedSecret>, existing: Existing) -> Result<SecretsChange, StoreError> {
        self.0.call(move |writer| writer.database.put_secrets(&secrets, existing))?
    }

    /// Removes a secret. Gives whether there was one.
    ///
    /// # Errors
    ///
    /// If the store cannot be written. Nothing has changed then.
    pub fn remove_secret(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.0.call(move |writer| writer.database.remove_secret(&name))?
    }

    /// Gives all secrets another key, in one transaction. They have to be all that there are, as they were read:
    /// what somebody else puts meanwhile is not lost.
    ///
    /// # Errors
    ///
    /// If the store cannot be written. All secrets have their old key then, or, if only the answer was lost, all the new one.
    pub fn rotate_secrets(&self, secrets: Vec<Resealed>, key_id: Vec<u8>) -> Result<SecretsChange, StoreError> {
        self.0.call(move |writer| writer.database.rotate_secrets(&secrets, &key_id))?
    }
}
