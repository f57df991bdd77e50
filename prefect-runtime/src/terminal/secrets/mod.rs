//! `secrets` and `slack`: what is kept in the store, encrypted.
mod import;
mod list;
mod value;
mod webhooks;

use prefect_store::Existing;

use super::Format;
use super::live::Stream;
use super::recorded::Said;
use super::text::{Paint, counted, plain};
use super::wall::Wall;
use crate::Config;
use crate::near::hint;
use crate::notify::check_webhook;
use crate::secrets::keeper::{Keeper, Kind, NewKey, NewSecret};

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Errand {
    Set(String),
    Get(String),
    List,
    Remove(String),
    ImportConfig,
    Rotate,
    AddWebhook { name: String, channel: Option<String> },
    Webhooks,
    TestWebhook(String),
}

/// Names are parts of the names of environment variables too.
const LONGEST_NAME: usize = 128;

/// The name, if it can be one. The error does not repeat it: it may be a value in the wrong place.
pub(super) fn checked_name(name: &str) -> Result<&str, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(allowed) || name.contains("__") {
        return Err(format!(
            "that is no name for a secret: a name has letters, digits, `_` (not two of them together), `-` and `.`, and at most \
             {LONGEST_NAME} of them; its value is asked for, or read from a pipe"
        ));
    }
    Ok(name)
}

/// The channel, as it is shown later.
pub(super) fn checked_channel(channel: &str) -> Result<String, String> {
    let channel = channel.trim();
    if channel.is_empty() || channel.chars().count() > 100 || channel.chars().any(char::is_control) {
        return Err("--channel: expected the name of a channel such as `#alerts`".to_owned());
    }
    if check_webhook("", channel).is_ok() {
        return Err("--channel: that is a URL, and expected is the name of a channel such as `#alerts`".to_owned());
    }
    Ok(channel.to_owned())
}

/// Who looks after secrets, and how it answers.
pub(super) struct Secretary<'a> {
    pub(super) config: &'a Config,
    pub(super) format: Format,
    pub(super) paint: Paint,
    pub(super) wall: Wall,
    /// The columns of the terminal, if there is one.
    pub(super) width: Option<usize>,
    /// The name of the program, for what to do next.
    pub(super) program: &'a str,
}

impl Secretary<'_> {
    /// Does it. The error is a sentence that says what to do; nothing has changed then.
    pub(super) fn run(&self, errand: &Errand, store: Option<&str>) -> Result<Said, String> {
        let url = super::durable::place(self.config, store)?;
        let keeper = Keeper::new(self.config, url);
        match errand {
            Errand::Set(name) => self.set(&keeper, name).map(Said::from),
            Errand::Get(name) => get(&keeper, name).map(Said::from),
            Errand::List => self.list(&keeper).map(Said::from),
            Errand::Remove(name) => remove(&keeper, name).map(Said::from),
            Errand::ImportConfig => self.import(&keeper).map(Said::from),
            Errand::Rotate => rotate(&keeper).map(Said::from),
            Errand::AddWebhook { name, channel } => self.add_webhook(&keeper, name, channel.clone()).map(Said::from),
            Errand::Webhooks => self.webhooks(&keeper).map(Said::from),
            Errand::TestWebhook(name) => self.test_webhook(&keeper, name),
        }
    }

    fn set(&self, keeper: &Keeper<'_>, name: &str) -> Result<String, String> {
        let value = value::read(&format!("value of `{name}` (it is not shown): "))?;
        let (kind, channel) = match keeper.find(name)? {
            Some(there) => (there.kind, there.channel),
            None => (Kind::Text, None),
        };
        if kind == Kind::Slack {
            check_webhook(name, value.expose()).map_err(|error| error.to_string())?;
        }
        keeper.put(&[NewSecret { name: name.to_owned(), value, kind, channel }], Existing::Replace)?;
        self.tell_what_wins(name);
        Ok(format!("kept `{name}` in {}\n", plain(&keeper.path())))
    }

    /// A secret that something else wins over is not read.
    fn tell_what_wins(&self, name: &str) {
        if let Some(origin) = self.config.origins_of(name).next() {
            let origin = plain(&origin.to_string());
            Stream::Err.write(&format!("warning: {origin} has `{name}` too, and wins over the store\n"));
        }
    }
}

fn get(keeper: &Keeper<'_>, name: &str) -> Result<String, String> {
    use std::io::IsTerminal as _;
    let value = keeper.get(name)?.ok_or_else(|| not_there(keeper, name))?;
    // As it is: a file or a variable that is made of it has nothing more.
    let end = if std::io::stdout().is_terminal() { "\n" } else { "" };
    Ok(format!("{}{end}", value.expose()))
}

fn remove(keeper: &Keeper<'_>, name: &str) -> Result<String, String> {
    if keeper.remove(name)? { Ok(format!("removed `{name}`\n")) } else { Err(not_there(keeper, name)) }
}

fn rotate(keeper: &Keeper<'_>) -> Result<String, String> {
    let rotated = keeper.rotate()?;
    let secrets = counted(rotated.secrets, "secret");
    Ok(match rotated.key {
        NewKey::Same => none_yet(keeper) + ": there is nothing to do\n",
        NewKey::Given => {
            format!("{secrets} encrypted with the next key: give it by PREFECT__SECRETS__KEY from now on\n")
        }
        NewKey::InFile(path) => {
            format!(
                "{secrets} encrypted with a new key, which is in {}: keep a copy of that elsewhere. The old key stays beside \
                 it, for other stores and copies of this one\n",
                plain(&path)
            )
        }
    })
}

fn not_there(keeper: &Keeper<'_>, name: &str) -> String {
    let names = keeper.list().unwrap_or_default();
    let hint = hint(name, names.iter().map(|secret| secret.name.as_str()));
    format!("there is no secret `{name}` in {}{}", plain(&keeper.path()), plain(&hint))
}

fn none_yet(keeper: &Keeper<'_>) -> String {
    format!("no secrets are kept yet in {}", plain(&keeper.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_of_a_variable_too() {
        for good in ["SLACK_WEBHOOK_URL", "a", "db.password", "x-1"] {
            assert_eq!(checked_name(good), Ok(good));
        }
        let long = "n".repeat(LONGEST_NAME + 1);
        for bad in ["", "A=hunter2", "a b", "A__B", "https://x/y", "ä", "a\n", &long] {
            let refused = checked_name(bad).unwrap_err();
            assert!(bad.is_empty() || bad.len() < 3 || !refused.contains(bad), "{refused}");
        }
    }

    #[test]
    fn a_channel_is_a_short_name() {
        assert_eq!(checked_channel(" #alerts ").unwrap(), "#alerts");
        for bad in ["", " ", "a\u{1b}b", "https://hooks.slack.com/services/T0/B0/x", &"c".repeat(101)] {
            assert!(!checked_channel(bad).unwrap_err().contains("services"), "{bad}");
        }
    }
}
