//! `flows`: those of the program, and those that have runs.
use prefect_store::RunRow;
use serde_json::{Value as Json, json};

use super::{Asker, moment, run_json, state};
use crate::terminal::Format;
use crate::terminal::columns::{Columns, Room};
use crate::terminal::json;

impl Asker<'_> {
    /// `last` has the last run of each flow that was ever recorded.
    pub(super) fn flows(&self, last: &[RunRow]) -> String {
        let own = self.flows.unwrap_or_default();
        let of = |flow: &str| last.iter().find(|run| run.flow == flow);
        let others = last.iter().filter(|run| !own.contains(&run.flow.as_str()));
        let flows: Vec<(&str, Option<&RunRow>)> =
            own.iter().map(|flow| (*flow, of(flow))).chain(others.map(|run| (&*run.flow, Some(run)))).collect();
        if self.format == Format::Json {
            let flows = flows.iter().enumerate().map(
                |(i, (flow, run))| json!({ "flow": flow, "in_program": i < own.len(), "last_run": run.map(run_json) }),
            );
            return json::text(&flows.collect::<Json>(), self.config.redactor());
        }
        let mut columns = Columns::new([
            ("FLOW", Room::Gives),
            ("LAST RUN", Room::Needs),
            ("NAME", Room::Gives),
            ("STATE", Room::Needs),
            ("CREATED", Room::Needs),
            ("", Room::Spares),
            ("", Room::Spares),
        ]);
        for (i, (flow, run)) in flows.into_iter().enumerate() {
            let elsewhere = if i < own.len() || self.flows.is_none() { "" } else { "not in this program" };
            let Some(run) = run else {
                columns.push([
                    self.shown(flow).into(),
                    "never".into(),
                    "".into(),
                    "".into(),
                    "".into(),
                    "".into(),
                    "".into(),
                ]);
                continue;
            };
            let created = moment(run.created_at);
            columns.push([
                self.shown(flow).into(),
                run.id.short().to_string().into(),
                self.shown(&run.name).into(),
                state(run.state),
                self.wall.local(created).into(),
                self.wall.ago(created).into(),
                elsewhere.into(),
            ]);
        }
        columns.text(self.width, self.paint)
    }
}
