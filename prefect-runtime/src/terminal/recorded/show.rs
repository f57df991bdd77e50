//! `runs show RUN`: what failed on top, with what it logged last, then the run, then its tasks.
use std::fmt::Write as _;

use prefect_store::{RecordedLine, RunRow, StateCode, Store, StoreError, TaskKey, TaskRow};
use serde_json::{Value as Json, json};

use super::graph::Graph;
use super::logs::{last_of, line_json};
use super::{Asker, Said, kind, moment_json, run_json, sentence, state};
use crate::terminal::Format;
use crate::terminal::columns::{Cell, Columns, Room};
use crate::terminal::text::{counted, plain};

/// So many failures are told one by one, and so many failed children of a mapped task.
const TOLD: usize = 10;
/// So many children are read at once.
const PAGE: u32 = 1000;

/// A task of the run.
struct Task {
    name: String,
    slug: String,
    /// Whether the flow has it no more: the run went on without it.
    gone: bool,
    /// Its task run, if it was anything but Pending.
    row: Option<TaskRow>,
    /// How many of its children are in which state, if it is mapped.
    children: Vec<(StateCode, u64)>,
    /// The first ones that failed.
    failed: Vec<TaskRow>,
    /// What those of it that failed logged last.
    logged: Vec<(TaskKey, Vec<RecordedLine>)>,
    /// The first one that waits for a place.
    queued: Option<TaskRow>,
}

impl Task {
    fn logged(&self, row: &TaskRow) -> &[RecordedLine] {
        self.logged.iter().find(|(key, _)| *key == row.key()).map_or(&[], |(_, lines)| lines)
    }
}

impl Asker<'_> {
    pub(super) fn run(&self, store: &Store, reference: &str) -> Result<Said, String> {
        let run = store.run(reference).map_err(|error| sentence(&error))?;
        let input = store.input(run.id).map_err(|error| sentence(&error))?;
        let graph = Graph::of(&run, &input).map_err(|error| plain(&error))?;
        let tasks = tasks(store, &run, &graph).map_err(|error| sentence(&error))?;
        let parameters = serde_json::from_str(&input.parameters).unwrap_or_else(|_| Json::from(input.parameters));
        if self.format == Format::Json {
            let mut json = run_json(&run);
            json["parameters"] = parameters;
            json["tasks"] = tasks.iter().map(|task| task_json(&graph, task)).collect();
            return Ok(self.json(&json));
        }
        let mut text = self.failures(&tasks);
        self.queued(&tasks, &mut text);
        self.head(&run, &parameters, &mut text);
        text.push_str(&self.table_of(&tasks));
        Ok(text.into())
    }

    /// What went wrong, with why.
    fn failures(&self, tasks: &[Task]) -> String {
        let failures: Vec<_> = tasks
            .iter()
            .filter(|task| !task.gone)
            .flat_map(|task| {
                let rows = task.row.iter().chain(&task.failed).filter(|row| is_failure(row.state));
                rows.map(move |row| (child(&task.name, row), task, row))
            })
            .collect();
        let mut text = String::new();
        for (name, task, row) in failures.iter().take(TOLD) {
            let kind = kind(row.state).map_or_else(|| row.state.to_string(), |kind| self.paint.kind(kind));
            let _ = write!(text, "{kind} {}", self.shown(name));
            if let Some(took) = self.took(row.state, row.started_at, row.ended_at) {
                let _ = write!(text, "  {took}");
            }
            if row.attempt > 1 {
                let _ = write!(text, "  {}", counted(row.attempt as usize, "attempt"));
            }
            text.push('\n');
            // Redacted whole: a secret may have several lines.
            let why = self.config.redactor().redact(row.message.as_deref().unwrap_or_default());
            for line in why.lines() {
                let _ = writeln!(text, "    {}", plain(line));
            }
            self.last_lines(task.logged(row), &mut text);
        }
        let tasks = || tasks.iter().filter(|task| !task.gone);
        let children = tasks().flat_map(|task| &task.children).filter(|(state, _)| is_failure(*state));
        let own = tasks().filter_map(|task| task.row.as_ref()).filter(|row| is_failure(row.state)).count() as u64;
        let more = (own + children.map(|(_, n)| n).sum::<u64>()).saturating_sub(failures.len().min(TOLD) as u64);
        if more > 0 {
            let _ = writeln!(text, "and {more} more");
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }

    /// What waits for a place, and for what: of a mapped task the first child.
    fn queued(&self, tasks: &[Task], text: &mut String) {
        let mut any = false;
        let queued = |task: &Task| {
            let own = task.row.as_ref().filter(|row| is_queued(row.state)).cloned();
            own.or_else(|| task.queued.clone()).map(|row| (child(&task.name, &row), row))
        };
        for (name, row) in tasks.iter().filter_map(queued).take(TOLD) {
            any = true;
            let kind = kind(row.state).map_or_else(|| row.state.to_string(), |kind| self.paint.kind(kind));
            let _ = writeln!(text, "{kind} {}", self.shown(&name));
            if let Some(why) = &row.message {
                let _ = writeln!(text, "    {}", self.shown(why));
            }
        }
        if any {
            text.push('\n');
        }
    }

    /// The run itself.
    fn head(&self, run: &RunRow, parameters: &Json, text: &mut String) {
        let name = self.paint.bold(&self.shown(&run.name));
        let kind =
            kind(run.state).map_or_else(|| run.state.to_string(), |kind| self.paint.of_kind(kind, run.state.name()));
        let message = run.message.as_deref().map(|message| format!("  {}", self.shown(message)));
        let _ = writeln!(text, "{name} of {}  {kind}{}\n", self.shown(&run.flow), message.unwrap_or_default());
        let ended = run.ended_at.map(|ended| {
            let took = self.took(run.state, run.started_at, run.ended_at).map(|took| format!(", took {took}"));
            self.wall.local(super::moment(ended)) + &took.unwrap_or_default()
        });
        let crashes = (run.crashes > 0).then(|| {
            let aside = if run.is_parked() { ", so the run is put aside" } else { "" };
            format!("{}{aside}", counted(run.crashes as usize, "time"))
        });
        let lines = [
            ("id", Some(run.id.to_string())),
            ("created", Some(self.when(run.created_at))),
            ("started", run.started_at.map(|at| self.when(at))),
            ("ended", ended),
            ("run by", run.owner.as_ref().map(|owner| self.shown(&owner.to_string()))),
            ("crashed", crashes),
            ("parameters", Some(parameters.to_string()).filter(|text| text != "{}").map(|text| self.shown(&text))),
        ];
        for (what, value) in lines {
            if let Some(value) = value {
                let _ = writeln!(text, "  {what:<10}  {value}");
            }
        }
        text.push('\n');
    }

    fn table_of(&self, tasks: &[Task]) -> String {
        let mut columns = Columns::new([
            ("TASK", Room::Gives),
            ("STATE", Room::Needs),
            ("TOOK", Room::Needs),
            ("ATTEMPTS", Room::Needs),
            ("CHILDREN", Room::Spares),
        ]);
        let row = |name: &str, row: Option<&TaskRow>, children: String| -> [Cell; 5] {
            let took = row.and_then(|row| self.took(row.state, row.started_at, row.ended_at));
            let attempts = row.filter(|row| row.started_at.is_some()).map(|row| row.attempt.to_string());
            [
                self.shown(name).into(),
                state(row.map_or(StateCode::PENDING, |row| row.state)),
                took.unwrap_or_default().into(),
                attempts.unwrap_or_default().into(),
                children.into(),
            ]
        };
        for task in tasks {
            let children: Vec<_> = task.children.iter().map(|(state, n)| format!("{n} {state}")).collect();
            let name = if task.gone { format!("{} (gone)", task.name) } else { task.name.clone() };
            columns.push(row(&name, task.row.as_ref(), children.join(", ")));
            for failed in &task.failed {
                columns.push(row(&child(&task.name, failed), Some(failed), String::new()));
            }
        }
        if tasks.is_empty() { "the flow has no tasks\n".to_owned() } else { columns.text(self.width, self.paint) }
    }
}

/// A task whose trigger did not let it run follows from another failure.
fn is_failure(state: StateCode) -> bool {
    state.is_failure() && state != StateCode::TRIGGER_FAILED
}

fn is_queued(state: StateCode) -> bool {
    state == StateCode::QUEUED
}

/// `fetch[3]`
fn child(task: &str, row: &TaskRow) -> String {
    row.index.map_or_else(|| task.to_owned(), |index| format!("{task}[{index}]"))
}

/// The tasks in the order of their numbers.
fn tasks(store: &Store, run: &RunRow, graph: &Graph) -> Result<Vec<Task>, StoreError> {
    let mut rows = store.task_runs(run.id)?.into_iter().peekable();
    let mut tasks = Vec::with_capacity(graph.tasks.len());
    for (number, task) in (0..).zip(&graph.tasks) {
        let children = if task.mapped { store.count_children(run.id, number)? } else { Vec::new() };
        let any_failed = children.iter().any(|(state, _)| is_failure(*state));
        let row = rows.next_if(|row| row.task == number);
        let failed = if any_failed { first_children(store, run, number, TOLD, is_failure)? } else { Vec::new() };
        let queued = if children.iter().any(|(state, _)| is_queued(*state)) {
            first_children(store, run, number, 1, is_queued)?.pop()
        } else {
            None
        };
        let mut logged = Vec::new();
        for row in row.iter().chain(&failed).filter(|row| is_failure(row.state)).take(TOLD) {
            logged.push((row.key(), last_of(store, run, row.key(), row.attempt)?));
        }
        let (name, slug, gone) = (graph.name_of(number as usize), task.slug.clone(), task.gone);
        tasks.push(Task { name, slug, gone, row, children, failed, logged, queued });
    }
    Ok(tasks)
}

/// The first children in such a state, so many at most.
fn first_children(
    store: &Store,
    run: &RunRow,
    task: u32,
    most: usize,
    is_wanted: impl Fn(StateCode) -> bool,
) -> Result<Vec<TaskRow>, StoreError> {
    let (mut found, mut from) = (Vec::new(), 0);
    while found.len() < most {
        let page = store.children(run.id, task, from, PAGE)?;
        let Some(last) = page.last().and_then(|row| row.index) else { break };
        from = last.saturating_add(1);
        found.extend(page.into_iter().filter(|row| is_wanted(row.state)));
    }
    found.truncate(most);
    Ok(found)
}

fn task_json(graph: &Graph, task: &Task) -> Json {
    let of_run = |row: Option<&TaskRow>| {
        let mut json = json!({
            "state": row.map_or(StateCode::PENDING, |row| row.state).name(),
            "message": row.and_then(|row| row.message.as_deref()),
            "attempts": row.map_or(0, |row| row.attempt),
            "started": moment_json(row.and_then(|row| row.started_at)),
            "ended": moment_json(row.and_then(|row| row.ended_at)),
        });
        if let Some(row) = row.filter(|row| is_failure(row.state)) {
            json["log"] = task.logged(row).iter().map(|line| line_json(graph, line)).collect();
        }
        json
    };
    let mut json = of_run(task.row.as_ref());
    json["slug"] = task.slug.as_str().into();
    json["name"] = task.name.as_str().into();
    if task.gone {
        json["gone"] = true.into();
    }
    if !task.children.is_empty() {
        json["children"] = task.children.iter().map(|(state, n)| (state.name().to_owned(), Json::from(*n))).collect();
        let failed = task.failed.iter().map(|row| {
            let mut json = of_run(Some(row));
            json["index"] = row.index.into();
            json
        });
        json["failed"] = failed.collect();
        if let Some(row) = &task.queued {
            json["queued"] = of_run(Some(row));
            json["queued"]["index"] = row.index.into();
        }
    }
    json
}
