//! `runs list`
use std::fmt::Write as _;

use prefect_store::{RunFilter, RunRow, StateCode, Store};

use super::{Asker, Listing, Said, moment, none_yet, run_json, sentence, state};
use crate::near::hint;
use crate::terminal::Format;
use crate::terminal::columns::{Columns, Room};
use crate::terminal::text::plain;

impl Asker<'_> {
    pub(super) fn runs(&self, store: &Store, listing: &Listing) -> Result<Said, String> {
        let Listing { flow, states, limit } = listing;
        // One more tells whether there are more.
        let filter =
            RunFilter { flow: flow.clone(), states: states.clone(), limit: limit.saturating_add(1), before: None };
        let mut runs = store.runs(&filter).map_err(|error| sentence(&error))?;
        if let Some(flow) = flow.as_deref().filter(|_| runs.is_empty()) {
            self.must_be_known(flow, store)?;
        }
        let more = runs.len() > *limit as usize;
        runs.truncate(*limit as usize);
        if self.format == Format::Json {
            return Ok(self.json(&runs.iter().map(run_json).collect()));
        }
        if runs.is_empty() {
            let any = flow.is_none() && states.is_empty();
            return Ok(if any { none_yet(store.url()) + "\n" } else { "no recorded run fits\n".to_owned() }.into());
        }
        let mut text = self.table(&runs);
        if more {
            let _ = writeln!(text, "older runs are left out: `--limit {}` lists more", limit.saturating_mul(2));
        }
        Ok(text.into())
    }

    fn table(&self, runs: &[RunRow]) -> String {
        let mut columns = Columns::new([
            ("ID", Room::Needs),
            ("NAME", Room::Gives),
            ("FLOW", Room::Gives),
            ("STATE", Room::Needs),
            ("CREATED", Room::Needs),
            ("", Room::Spares),
            ("TOOK", Room::Needs),
            ("TASKS", Room::Spares),
        ]);
        for run in runs {
            let created = moment(run.created_at);
            columns.push([
                run.id.short().to_string().into(),
                self.shown(&run.name).into(),
                self.shown(&run.flow).into(),
                state(run.state),
                self.wall.local(created).into(),
                self.wall.ago(created).into(),
                self.took(run.state, run.started_at, run.ended_at).unwrap_or_default().into(),
                tasks(run).into(),
            ]);
        }
        let mut text = columns.text(self.width, self.paint);
        for run in runs.iter().filter(|run| run.state == StateCode::QUEUED) {
            if let Some(why) = &run.message {
                let _ = writeln!(text, "{}: {}", run.id.short(), self.shown(why));
            }
        }
        text
    }

    /// Refuses the name of a flow that neither the program nor the store knows.
    fn must_be_known(&self, flow: &str, store: &Store) -> Result<(), String> {
        let recorded = store.last_runs().map_err(|error| sentence(&error))?;
        let known = || recorded.iter().map(|run| run.flow.as_str()).chain(self.flows.into_iter().flatten().copied());
        if known().any(|name| name == flow) {
            return Ok(());
        }
        let place = store.url().location();
        Err(plain(&format!("no run of a flow `{flow}` is recorded in {place}{}", hint(flow, known()))))
    }
}

/// `3 ok, 1 failed`
fn tasks(run: &RunRow) -> String {
    match (run.n_ok, run.n_failed) {
        (0, 0) => String::new(),
        (ok, 0) => format!("{ok} ok"),
        (0, failed) => format!("{failed} failed"),
        (ok, failed) => format!("{ok} ok, {failed} failed"),
    }
}
