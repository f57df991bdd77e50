//! Without the feature `store` there is no secrets database.
use super::{SecretError, SecretString};
use crate::Config;

#[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "the other one needs it")]
impl Config {
    pub(crate) fn secret_in_database(&self, _: &str) -> Result<Option<SecretString>, SecretError> {
        Ok(None)
    }

    pub(crate) fn is_in_database(&self, _: &str) -> bool {
        false
    }
}
