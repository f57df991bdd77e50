//! `secrets import-config`
use prefect_store::Existing;

use super::{Keeper, Kind, NewSecret, Secretary, checked_name};
use crate::terminal::text::{counted, plain};

impl Secretary<'_> {
    /// Keeps what the file has in `[context.secrets]`, all or nothing. The file is the user's, and stays as it is.
    pub(super) fn import(&self, keeper: &Keeper<'_>) -> Result<String, String> {
        let mut new = Vec::new();
        let mut there = 0;
        for (name, value) in self.config.secrets_of_files() {
            if checked_name(name).is_err() {
                return Err(format!(
                    "`{}` of `[context.secrets]` cannot be the name of a secret in the store, which has letters, digits, `_`, \
                     `-` and `.`: give it another one. Nothing was changed",
                    plain(name)
                ));
            }
            if value.expose().is_empty() {
                return Err(format!("`{name}` of `[context.secrets]` is empty: take it out. Nothing was changed"));
            }
            match keeper.get(name)? {
                Some(kept) if kept == value => there += 1,
                Some(_) => {
                    return Err(format!(
                        "`{name}` has another value in the store than in `[context.secrets]`: remove one of them, with \
                         `{} secrets rm {name}` or in the file. Nothing was changed",
                        self.program
                    ));
                }
                None => new.push(NewSecret { name: name.to_owned(), value, kind: Kind::Text, channel: None }),
            }
        }
        if new.is_empty() && there == 0 {
            return Ok("there are no secrets in `[context.secrets]` of the configuration file\n".to_owned());
        }
        if !new.is_empty() {
            keeper.put(&new, Existing::Keep)?;
        }
        let already = if there > 0 { format!(", and {there} were there already") } else { String::new() };
        Ok(format!(
            "kept {} in {}{already}\nthe file still has them, and wins: take `[context.secrets]` out of it\n",
            counted(new.len(), "secret"),
            plain(&keeper.path())
        ))
    }
}
