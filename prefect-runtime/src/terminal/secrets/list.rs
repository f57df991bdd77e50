//! `secrets list`
use serde_json::{Value as Json, json};

use super::{Keeper, Kind, Secretary, none_yet};
use crate::secrets::keeper::KeptSecret;
use crate::terminal::columns::{Columns, Room};
use crate::terminal::recorded::{moment, moment_json};
use crate::terminal::{Format, json};

impl Secretary<'_> {
    pub(super) fn list(&self, keeper: &Keeper<'_>) -> Result<String, String> {
        let secrets = keeper.list()?;
        if self.format == Format::Json {
            return Ok(json::text(&secrets.iter().map(|secret| self.json(secret)).collect(), self.config.redactor()));
        }
        if secrets.is_empty() {
            return Ok(none_yet(keeper) + "\n");
        }
        let mut columns = Columns::new([
            ("NAME", Room::Gives),
            ("FOR", Room::Gives),
            ("CHANGED", Room::Needs),
            ("", Room::Spares),
            ("NOT READ: THIS WINS", Room::Spares),
        ]);
        for secret in &secrets {
            let changed = moment(secret.changed);
            columns.push([
                secret.name.as_str().into(),
                purpose(secret).into(),
                self.wall.local(changed).into(),
                self.wall.ago(changed).into(),
                self.wins(secret).unwrap_or_default().into(),
            ]);
        }
        Ok(columns.text(self.width, self.paint))
    }

    fn json(&self, secret: &KeptSecret) -> Json {
        json!({
            "name": secret.name,
            "kind": secret.kind.name(),
            "channel": secret.channel,
            "changed": moment_json(Some(secret.changed)),
            "hidden_by": self.wins(secret),
        })
    }

    /// What is read in its place.
    fn wins(&self, secret: &KeptSecret) -> Option<String> {
        self.config.origins_of(&secret.name).next().map(ToString::to_string)
    }
}

fn purpose(secret: &KeptSecret) -> String {
    match (secret.kind, &secret.channel) {
        (Kind::Text, _) => String::new(),
        (Kind::Slack, None) => "Slack".to_owned(),
        (Kind::Slack, Some(channel)) => format!("Slack, {channel}"),
    }
}
