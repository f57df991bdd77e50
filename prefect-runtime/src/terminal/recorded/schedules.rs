//! `schedules list`: those of the program, and those that were served on the store.
use jiff::{Timestamp, ZonedDateTime};
use prefect_store::ScheduleRow;
use serde_json::{Value as Json, json};

use super::{Asker, moment, moment_json, state};
use crate::scheduler::Outlook;
use crate::terminal::Format;
use crate::terminal::columns::{Cell, Columns, Room};
use crate::terminal::json;

/// A schedule, as the program has it and as the store knows it: one of both at least.
struct Line<'a> {
    flow: &'a str,
    own: Option<&'a Outlook>,
    row: Option<&'a ScheduleRow>,
}

impl Line<'_> {
    fn description(&self) -> &str {
        self.own
            .map(|own| own.description.as_str())
            .or(self.row.map(|row| row.description.as_str()))
            .unwrap_or_default()
    }

    fn catch_up(&self) -> String {
        self.own.map(Outlook::catch_up).or(self.row.map(|row| row.catch_up.clone())).unwrap_or_default()
    }

    fn overlap(&self) -> String {
        let own = self.own.map(|own| own.policies.overlap.to_string());
        own.or(self.row.map(|row| row.overlap.clone())).unwrap_or_default()
    }

    /// The next moments: the program knows them, the store what was told it. The error is how the schedule failed.
    fn next(&self) -> Result<Vec<Timestamp>, &str> {
        match (self.own.map(|own| &own.next), self.row) {
            (Some(Ok(next)), _) => Ok(next.iter().map(ZonedDateTime::timestamp).collect()),
            (Some(Err(why)), _) => Err(why),
            (None, row) => Ok(row.and_then(|row| row.next_at).map(moment).into_iter().collect()),
        }
    }
}

impl Asker<'_> {
    pub(super) fn schedules(&self, known: &[ScheduleRow]) -> String {
        let own = self.schedules.iter().map(|(flow, outlook)| Line {
            flow,
            own: Some(outlook),
            row: known.iter().find(|row| row.schedule == *flow),
        });
        let others = known.iter().filter(|row| !self.schedules.iter().any(|(flow, _)| *flow == row.schedule));
        let others = others.map(|row| Line { flow: &row.schedule, own: None, row: Some(row) });
        let lines: Vec<Line<'_>> = own.chain(others).collect();
        match self.format {
            Format::Json => json::text(&lines.iter().map(line_json).collect::<Json>(), self.config.redactor()),
            Format::Table if lines.is_empty() => "no schedule was served yet\n".to_owned(),
            Format::Table => self.table_of_schedules(&lines),
        }
    }

    fn table_of_schedules(&self, lines: &[Line<'_>]) -> String {
        let mut columns = Columns::new([
            ("FLOW", Room::Gives),
            ("SCHEDULE", Room::Gives),
            ("NEXT", Room::Needs),
            ("LAST", Room::Spares),
            ("RUN", Room::Needs),
            ("STATE", Room::Needs),
            ("CATCH UP", Room::Spares),
            ("OVERLAP", Room::Spares),
            ("", Room::Spares),
        ]);
        for line in lines {
            let paused = line.row.and_then(|row| row.paused.as_ref());
            let (next, note) = match (paused, line.next()) {
                (Some((_, by)), _) => ("paused".to_owned(), format!("paused by {}", self.shown(by))),
                (None, Ok(next)) => {
                    (next.first().map_or_else(|| "none".to_owned(), |next| self.wall.local(*next)), String::new())
                }
                (None, Err(why)) => ("broken".to_owned(), self.shown(why)),
            };
            let last = line.row.and_then(|row| row.last.as_ref());
            let run = last.and_then(|last| last.run.as_ref());
            columns.push([
                self.shown(line.flow).into(),
                self.shown(line.description()).into(),
                next.into(),
                last.map_or_else(String::new, |last| self.wall.local(moment(last.at))).into(),
                match (last, run) {
                    (_, Some((id, ..))) => id.short().to_string().into(),
                    (Some(_), None) => "skipped".into(),
                    (None, None) => "".into(),
                },
                run.map_or_else(|| Cell::from(""), |(_, _, code)| state(*code)),
                line.catch_up().into(),
                line.overlap().into(),
                note.into(),
            ]);
        }
        columns.text(self.width, self.paint)
    }
}

fn line_json(line: &Line<'_>) -> Json {
    let next = line.next();
    let last = line.row.and_then(|row| row.last.as_ref());
    json!({
        "flow": line.flow,
        "in_program": line.own.is_some(),
        "schedule": line.description(),
        "catch_up": line.catch_up(),
        "overlap": line.overlap(),
        "next": next.as_ref().map_or_else(|_| Vec::new(), |next| next.iter().map(ToString::to_string).collect()),
        "broken": next.err(),
        "paused": line.row.and_then(|row| row.paused.as_ref()).map(|(at, by)| {
            json!({ "at": moment_json(Some(*at)), "by": by })
        }),
        "served": moment_json(line.row.map(|row| row.seen_at)),
        "last_tick": moment_json(last.map(|last| last.at)),
        "last_run": last.and_then(|last| last.run.as_ref()).map(|(id, name, state)| {
            json!({ "id": id.to_string(), "name": name, "state": state.name() })
        }),
    })
}
