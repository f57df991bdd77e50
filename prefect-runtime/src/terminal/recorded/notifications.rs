//! `notifications list`
use prefect_store::{Listed, NotificationRow, NotificationStatus, Store};
use serde_json::{Value as Json, json};

use super::{Asker, Said, moment, moment_json, sentence, state};
use crate::notify::what_is_told;
use crate::terminal::Format;
use crate::terminal::columns::{Columns, Room};

impl Asker<'_> {
    pub(super) fn notifications(&self, store: &Store, listed: Listed) -> Result<Said, String> {
        let rows = store.notifications(listed).map_err(|error| sentence(&error))?;
        if self.format == Format::Json {
            return Ok(self.json(&rows.iter().map(notification_json).collect()));
        }
        if rows.is_empty() {
            let nothing = match listed {
                Listed::Unsent => "nothing waits to be sent, and nothing was given up\n",
                Listed::All => "no notifications are recorded\n",
            };
            return Ok(nothing.to_owned().into());
        }
        let mut columns = Columns::new([
            ("ID", Room::Needs),
            ("RUN", Room::Spares),
            ("BY", Room::Needs),
            ("TO", Room::Gives),
            ("STATE", Room::Needs),
            ("WHAT", Room::Gives),
            ("", Room::Needs),
            ("TRIES", Room::Needs),
            ("LAST ERROR", Room::Gives),
            ("OF", Room::Spares),
        ]);
        for row in &rows {
            columns.push([
                row.id.to_string().into(),
                row.run.as_ref().map_or_else(String::new, |(id, _)| id.short().to_string()).into(),
                (&*row.message.kind).into(),
                self.shown(&row.message.to).into(),
                state(row.state),
                self.shown(&what(row).unwrap_or_default()).into(),
                status(row.status).into(),
                row.tries.to_string().into(),
                self.shown(row.last_error.as_deref().unwrap_or_default()).into(),
                self.wall.ago(moment(row.created_at)).into(),
            ]);
        }
        Ok(columns.text(self.width, self.paint).into())
    }
}

fn notification_json(row: &NotificationRow) -> Json {
    json!({
        "id": row.id,
        "run": row.run.as_ref().map(|(id, _)| id.to_string()),
        "run_name": row.run.as_ref().map(|(_, name)| name),
        "kind": row.message.kind,
        "to": row.message.to,
        "state": row.state.name(),
        "what": what(row),
        "changes": row.changes,
        "status": status(row.status),
        "tries": row.tries,
        "error": row.last_error,
        "created": moment_json(Some(row.created_at)),
        "due": (row.status == NotificationStatus::Waits).then(|| moment_json(Some(row.not_before))),
    })
}

/// What it says first; `None` if a newer release has written it.
fn what(row: &NotificationRow) -> Option<String> {
    what_is_told(&row.message.payload, row.changes)
}

fn status(status: NotificationStatus) -> &'static str {
    match status {
        NotificationStatus::Waits => "waits",
        NotificationStatus::Taken => "being sent",
        NotificationStatus::Sent => "sent",
        NotificationStatus::GivenUp => "given up",
    }
}
