//! `slack`: several webhooks, one for each channel.
use prefect_store::Existing;
use serde_json::json;

use super::{Keeper, Kind, NewSecret, Said, Secretary, not_there, value};
use crate::SlackNotifier;
use crate::notify::{check_webhook, masked_webhook, try_webhook};
use crate::terminal::columns::{Columns, Room};
use crate::terminal::live::Stream;
use crate::terminal::recorded::{moment, moment_json};
use crate::terminal::text::plain;
use crate::terminal::{Format, json};

impl Secretary<'_> {
    pub(super) fn add_webhook(
        &self,
        keeper: &Keeper<'_>,
        name: &str,
        channel: Option<String>,
    ) -> Result<String, String> {
        if keeper.find(name)?.is_some() {
            return Err(format!(
                "there is a secret `{name}` already: choose another name, or remove it with `{} secrets rm {name}`",
                self.program
            ));
        }
        let value = value::read("URL of the webhook (it is not shown): ")?;
        check_webhook(name, value.expose()).map_err(|error| format!("{error}. Nothing was changed"))?;
        // Space comes with pasting.
        let value = crate::SecretString::new(value.expose().trim());
        keeper.put(&[NewSecret { name: name.to_owned(), value, kind: Kind::Slack, channel }], Existing::Keep)?;
        self.tell_what_wins(name);
        let notifier = if name == SlackNotifier::DEFAULT.webhook.secret {
            "slack_notifier".to_owned()
        } else {
            format!("slack_notifier(webhook_secret = \"{name}\")")
        };
        Ok(format!("kept `{name}`: try `{} slack test {name}`, then write `{notifier}`\n", self.program))
    }

    pub(super) fn webhooks(&self, keeper: &Keeper<'_>) -> Result<String, String> {
        let mut secrets = keeper.list()?;
        secrets.retain(|secret| secret.kind == Kind::Slack || secret.name == SlackNotifier::DEFAULT.webhook.secret);
        let mut urls = Vec::new();
        for secret in &secrets {
            let text = keeper.get(&secret.name)?;
            // One that `secrets set` has put there may be anything.
            let masked = text.map(|text| masked_webhook(&secret.name, text.expose()));
            urls.push(masked.map_or_else(String::new, |masked| masked.unwrap_or_else(|_| "no webhook URL".to_owned())));
        }
        let rows = secrets.iter().zip(urls);
        if self.format == Format::Json {
            let all = rows.map(|(secret, url)| {
                json!({
                    "name": secret.name,
                    "channel": secret.channel,
                    "webhook": url,
                    "changed": moment_json(Some(secret.changed)),
                })
            });
            return Ok(json::text(&all.collect(), self.config.redactor()));
        }
        if secrets.is_empty() {
            return Ok(format!(
                "no webhooks are kept yet in {}: `{} slack add NAME` keeps one\n",
                plain(&keeper.path()),
                self.program
            ));
        }
        let mut columns = Columns::new([
            ("NAME", Room::Gives),
            ("CHANNEL", Room::Gives),
            ("WEBHOOK", Room::Gives),
            ("CHANGED", Room::Needs),
            ("", Room::Spares),
        ]);
        for (secret, url) in rows {
            let changed = moment(secret.changed);
            columns.push([
                secret.name.as_str().into(),
                secret.channel.clone().unwrap_or_default().into(),
                url.into(),
                self.wall.local(changed).into(),
                self.wall.ago(changed).into(),
            ]);
        }
        Ok(columns.text(self.width, self.paint))
    }

    /// Posts to the webhook that a run would post to: what wins over the store wins here.
    pub(super) fn test_webhook(&self, keeper: &Keeper<'_>, name: &str) -> Result<Said, String> {
        let of_config = self.config.secret(name).and_then(|_| self.config.secret_text(name));
        let text = match of_config {
            Some(text) => text,
            None => keeper.get(name)?.ok_or_else(|| not_there(keeper, name))?,
        };
        check_webhook(name, text.expose()).map_err(|error| error.to_string())?;
        match try_webhook(name, text.expose()) {
            Ok(()) => {
                Ok(format!("delivered: look for \"Test message from prefect\" in {}\n", channel(keeper, name)).into())
            }
            Err(why) => {
                let why = self.config.redactor().redact(&why).into_owned();
                Stream::Err.write(&format!("error: not delivered: {}\n", plain(&why)));
                Ok(Said { text: String::new(), code: 1 })
            }
        }
    }
}

/// Where a message has gone to, as far as it is known.
fn channel(keeper: &Keeper<'_>, name: &str) -> String {
    let channel = keeper.find(name).ok().flatten().and_then(|secret| secret.channel);
    channel.map_or_else(|| "its channel".to_owned(), |channel| plain(&channel))
}
