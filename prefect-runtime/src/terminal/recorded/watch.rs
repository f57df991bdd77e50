//! `runs watch RUN`: what becomes of a run of any process, as it is recorded.
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use prefect_store::{Micros, RunRow, StateCode, Store, TaskKey, Transition};
use serde_json::{Value as Json, json};

use super::follow::Followed;
use super::graph::Graph;
use super::logs::task_run;
use super::{Asker, Said, kind, moment, moment_json, run_json, sentence};
use crate::terminal::live::{Answered, answer};
use crate::terminal::screen::Screen;
use crate::terminal::shown::{TOLD_ONE_BY_ONE, matters};
use crate::terminal::signals::{self, ENDED};
use crate::terminal::text::plain;
use crate::terminal::{Format, json};
use crate::{Clock, StateKind, engine};

/// So many changes are read at once.
const PAGE: u32 = 1000;

/// A run, as it is watched.
struct Watch<'a> {
    asker: &'a Asker<'a>,
    graph: Graph,
    screen: Screen,
    /// The last change that was seen.
    seen: u64,
    states: HashMap<TaskKey, StateKind>,
}

impl Asker<'_> {
    /// The exit code is that of the run.
    pub(super) fn watch(&self, store: &Store, reference: &str) -> Result<Said, String> {
        let run = store.run(reference).map_err(|error| sentence(&error))?;
        let input = store.input(run.id).map_err(|error| sentence(&error))?;
        let graph = Graph::of(&run, &input).map_err(|error| plain(&error))?;
        let left = signals::leave();
        let mut watch = Watch::new(self, graph, &run);
        let mut followed = Followed::new(store, run);
        loop {
            // Whether it was over before its changes were read: all of them are there then.
            let over = followed.is_over();
            match watch.tell_changes(store, &followed.run)? {
                Answered::Read => {}
                other => return Ok(Said { text: String::new(), code: other.or_lost(0) }),
            }
            if left.load(Ordering::SeqCst) {
                watch.screen.end();
                return Ok(Said { text: String::new(), code: ENDED });
            }
            if over {
                break;
            }
            followed.look_again()?;
        }
        watch.screen.end();
        let run = followed.run;
        let code = match run.state {
            state if state.is_success() => 0,
            StateCode::PAUSED => 3,
            _ => 1,
        };
        let text = match self.format {
            Format::Json => json::line(&run_json(&run), self.config.redactor()),
            Format::Table => self.end_of(&run),
        };
        Ok(Said { text, code })
    }

    /// `run 099a8057 (brave-otter) of etl: Failed, took 1m 05s`
    fn end_of(&self, run: &RunRow) -> String {
        let kind =
            kind(run.state).map_or_else(|| run.state.to_string(), |kind| self.paint.of_kind(kind, run.state.name()));
        let mut text =
            format!("run {} ({}) of {}: {kind}", run.id.short(), self.shown(&run.name), self.shown(&run.flow));
        if let Some(took) = self.took(run.state, run.started_at, run.ended_at) {
            let _ = write!(text, ", took {took}");
        }
        text + "\n"
    }
}

impl<'a> Watch<'a> {
    fn new(asker: &'a Asker<'a>, graph: Graph, run: &RunRow) -> Self {
        let flow: Arc<str> = run.flow.as_str().into();
        let begun = instant(run.started_at.unwrap_or(run.created_at));
        let redactor = asker.config.redactor().clone();
        let screen = Screen::watching(flow, graph.tasks.len(), (Clock::system(), begun), redactor, asker.format);
        Self { asker, graph, screen, seen: 0, states: HashMap::new() }
    }

    /// Tells what has changed since.
    fn tell_changes(&mut self, store: &Store, run: &RunRow) -> Result<Answered, String> {
        loop {
            let changes = store.transitions(run.id, self.seen, PAGE).map_err(|error| sentence(&error))?;
            let Some(last) = changes.last() else { return Ok(Answered::Read) };
            self.seen = last.seq;
            let mut text = String::new();
            for change in &changes {
                self.tell(run, change, &mut text);
            }
            if self.screen.is_live() {
                self.screen.print(text);
                continue;
            }
            match answer(&text) {
                Answered::Read => {}
                other => return Ok(other),
            }
        }
    }

    fn tell(&mut self, run: &RunRow, change: &Transition, text: &mut String) {
        let live = self.screen.is_live();
        let told = match (change.of, kind(change.state)) {
            (None, _) => !live,
            // One of a later release is told as it is.
            (Some(_), None) => true,
            (Some(key), Some(new)) => {
                let (one_by_one, tenth) = self.count(key, new, change.at);
                if let Some(progress) = tenth.filter(|_| self.asker.format == Format::Table) {
                    let _ = writeln!(text, "{} {:<16} {progress}", self.time(change.at), "");
                }
                one_by_one || matters(new)
            }
        };
        if self.asker.format == Format::Json {
            text.push_str(&json::line(&self.json(change), self.asker.config.redactor()));
        } else if told {
            let name = change.of.map_or_else(|| run.flow.clone(), |key| task_run(&self.graph, key));
            let state = kind(change.state).map_or_else(|| change.state.to_string(), |kind| self.asker.paint.kind(kind));
            let _ = write!(text, "{} {state} {}", self.time(change.at), self.asker.shown(&name));
            // The usual message of a task's state is not recorded.
            let usual = || {
                let kind = kind(change.state).filter(|_| change.of.is_some())?;
                engine::plain(kind).message().map(ToOwned::to_owned)
            };
            if let Some(message) = change.message.clone().or_else(usual) {
                let _ = write!(text, "  {}", self.asker.shown(&message));
            }
            text.push('\n');
        }
    }

    /// Notes the state of a task run. Whether each is told, and how far all are, if that is worth a line.
    fn count(&mut self, key: TaskKey, new: StateKind, at: Micros) -> (bool, Option<String>) {
        let slug =
            self.graph.tasks.get(key.task as usize).map_or_else(|| key.task.to_string(), |task| task.slug.clone());
        let before = self.states.insert(key, new);
        let (graph, live) = (&self.graph, self.screen.is_live());
        self.screen.with_table(|table| {
            if key.index.is_some() && before.is_none() {
                table.add(1);
            }
            let name = || Arc::from(task_run(graph, key));
            let place = (Arc::from(slug), key.index.map(|index| index as usize));
            table.change(place, name, (before.unwrap_or(StateKind::Pending), new), instant(at));
            let one_by_one = !live && table.total() <= TOLD_ONE_BY_ONE;
            (one_by_one, if live || one_by_one { None } else { table.next_tenth() })
        })
    }

    fn time(&self, at: Micros) -> String {
        let local = self.asker.wall.local(moment(at));
        local.split_once(' ').map_or_else(|| local.clone(), |(_, time)| time.to_owned())
    }

    fn json(&self, change: &Transition) -> Json {
        let slug = change.of.and_then(|key| self.graph.tasks.get(key.task as usize)).map(|task| &*task.slug);
        json!({
            "seq": change.seq,
            "task": slug,
            "index": change.of.and_then(|key| key.index),
            "attempt": change.attempt,
            "state": change.state.name(),
            "message": change.message,
            "at": moment_json(Some(change.at)),
        })
    }
}

/// When that was, by the clock that durations are measured with.
fn instant(at: Micros) -> Instant {
    let now = Instant::now();
    let ago = Duration::try_from(Timestamp::now().duration_since(moment(at))).unwrap_or_default();
    now.checked_sub(ago).unwrap_or(now)
}
