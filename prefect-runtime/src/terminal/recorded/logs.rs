//! `runs logs RUN [TASK]`, and the last lines of a task that failed.
use std::fmt::Write as _;

use prefect_store::{LogFilter, LogLevel, LogPage, LogsOf, RecordedLine, RunRow, Store, StoreError, TaskKey};
use serde_json::{Value as Json, json};

use super::follow::Followed;
use super::graph::Graph;
use super::{Asker, Said, moment, moment_json, sentence};
use crate::near::hint;
use crate::terminal::live::{Answered, answer};
use crate::terminal::text::plain;
use crate::terminal::{Format, json};

/// So many lines are read at once.
const PAGE: u32 = 1000;
/// So many lines stand below a failure.
const LAST: u32 = 8;

/// Which log lines are wanted, and whether those that are yet to come are.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::terminal) struct Lines {
    pub(in crate::terminal) run: String,
    /// The slug or the name of a task, perhaps with `[3]` behind it.
    pub(in crate::terminal) task: Option<String>,
    pub(in crate::terminal) index: Option<u32>,
    pub(in crate::terminal) attempt: Option<u32>,
    pub(in crate::terminal) level: LogLevel,
    /// Only the last ones.
    pub(in crate::terminal) tail: Option<u32>,
    pub(in crate::terminal) then: Then,
}

/// What follows the lines that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::terminal) enum Then {
    Stop,
    /// Those that come, to the end of the run.
    Follow,
}

impl Asker<'_> {
    pub(super) fn logs(&self, store: &Store, wanted: &Lines) -> Result<Said, String> {
        let run = store.run(&wanted.run).map_err(|error| sentence(&error))?;
        let input = store.input(run.id).map_err(|error| sentence(&error))?;
        let graph = Graph::of(&run, &input).map_err(|error| plain(&error))?;
        let of = match &wanted.task {
            None => LogsOf::All,
            Some(task) => graph.logs_of(&run, task, wanted.index)?,
        };
        let page = match wanted.tail {
            None => LogPage::After(0, PAGE),
            // Which one is the last says from where on lines are new.
            Some(0) if wanted.then == Then::Follow => LogPage::Last(1),
            Some(lines) => LogPage::Last(lines),
        };
        let mut filter = LogFilter { of, attempt: wanted.attempt, level: wanted.level, page };
        if wanted.then == Then::Stop && self.format == Format::Json {
            let lines = all(store, &run, filter).map_err(|error| sentence(&error))?;
            return Ok(self.json(&lines.iter().map(|line| line_json(&graph, line)).collect()));
        }
        let mut followed = (wanted.then == Then::Follow).then(|| Followed::new(store, run.clone()));
        let mut any = false;
        let mut are_old = wanted.tail == Some(0);
        loop {
            // Whether it was over before the lines were read: all that it has logged is there then.
            let over = followed.as_ref().is_none_or(Followed::is_over);
            let lines = store.logs(run.id, &filter).map_err(|error| sentence(&error))?;
            let more = matches!(filter.page, LogPage::After(..)) && lines.len() == PAGE as usize;
            any |= !lines.is_empty();
            if let Some(last) = lines.last() {
                filter.page = LogPage::After(last.number, PAGE);
            } else if let LogPage::Last(_) = filter.page {
                filter.page = LogPage::After(0, PAGE);
            }
            let old = std::mem::replace(&mut are_old, false);
            let text: String = lines.iter().filter(|_| !old).map(|line| self.line(&graph, line)).collect();
            match answer(&text) {
                Answered::Read => {}
                other => return Ok(Said { text: String::new(), code: other.or_lost(0) }),
            }
            match &mut followed {
                _ if more => {}
                Some(followed) if !over => followed.look_again()?,
                _ => break,
            }
        }
        let nothing = !any && self.format == Format::Table;
        Ok(if nothing { "no log lines are kept that fit\n".to_owned() } else { String::new() }.into())
    }

    /// One line, as people or programs read it.
    fn line(&self, graph: &Graph, line: &RecordedLine) -> String {
        if self.format == Format::Json {
            return json::line(&line_json(graph, line), self.config.redactor());
        }
        let of = match line.line.task {
            None => String::new(),
            Some(key) => task_run(graph, key) + " ",
        };
        let attempt = if line.line.attempt > 1 { format!(", attempt {}", line.line.attempt) } else { String::new() };
        let level = level(line.line.level);
        let (time, level) = (self.wall.local(moment(line.line.at)), self.paint.level(level));
        let whence = self.shown(&format!("{of}({}{attempt})", line.line.target));
        let mut text = String::new();
        for (i, part) in self.message(line).iter().enumerate() {
            // What comes behind a line break cannot pass for a line of its own.
            let _ =
                if i == 0 { writeln!(text, "{time} {level} {whence}: {part}") } else { writeln!(text, "    {part}") };
        }
        text
    }

    /// The lines of a message, safe to print. Redacted whole: a secret may have several lines.
    fn message(&self, line: &RecordedLine) -> Vec<String> {
        let message = self.config.redactor().redact(&line.line.message);
        let lines: Vec<_> = message.lines().map(plain).collect();
        if lines.is_empty() { vec![String::new()] } else { lines }
    }

    /// The last lines below a failure.
    pub(super) fn last_lines(&self, lines: &[RecordedLine], text: &mut String) {
        for line in lines {
            let level = self.paint.level(level(line.line.level));
            let time = self.wall.local(moment(line.line.at));
            let time = time.split_once(' ').map_or(&*time, |(_, time)| time);
            for (i, part) in self.message(line).iter().enumerate() {
                let _ = if i == 0 {
                    writeln!(text, "    | {time} {level} {part}")
                } else {
                    writeln!(text, "    |     {part}")
                };
            }
        }
    }
}

/// What a task run logged last, in its last attempt.
pub(super) fn last_of(
    store: &Store,
    run: &RunRow,
    key: TaskKey,
    attempt: u32,
) -> Result<Vec<RecordedLine>, StoreError> {
    let of = LogsOf::TaskRun(key);
    store.logs(run.id, &LogFilter { of, attempt: Some(attempt), level: LogLevel::Trace, page: LogPage::Last(LAST) })
}

fn all(store: &Store, run: &RunRow, mut filter: LogFilter) -> Result<Vec<RecordedLine>, StoreError> {
    let mut lines = store.logs(run.id, &filter)?;
    while let (LogPage::After(..), Some(last)) = (filter.page, lines.last()) {
        filter.page = LogPage::After(last.number, PAGE);
        let page = store.logs(run.id, &filter)?;
        if page.is_empty() {
            break;
        }
        lines.extend(page);
    }
    Ok(lines)
}

pub(super) fn line_json(graph: &Graph, line: &RecordedLine) -> Json {
    let slug = line.line.task.and_then(|key| graph.tasks.get(key.task as usize)).map(|task| &*task.slug);
    json!({
        "line": line.number,
        "task": slug,
        "index": line.line.task.and_then(|key| key.index),
        "attempt": line.line.attempt,
        "at": moment_json(Some(line.line.at)),
        "level": line.line.level.name(),
        "target": line.line.target,
        "message": line.line.message,
    })
}

/// `fetch[3]`
pub(super) fn task_run(graph: &Graph, key: TaskKey) -> String {
    let name = graph.name_of(key.task as usize);
    key.index.map_or_else(|| name.clone(), |index| format!("{name}[{index}]"))
}

fn level(level: LogLevel) -> tracing::Level {
    match level {
        LogLevel::Trace => tracing::Level::TRACE,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Error => tracing::Level::ERROR,
    }
}

impl Graph {
    /// Whose lines are meant by a name or a slug, with an index behind it or beside it.
    fn logs_of(&self, run: &RunRow, wanted: &str, index: Option<u32>) -> Result<LogsOf, String> {
        let bracket = || {
            let (name, index) = wanted.strip_suffix(']')?.rsplit_once('[')?;
            Some((name, index.parse().ok()?))
        };
        let named = |name: &str| -> Vec<u32> {
            let slug = self.tasks.iter().position(|task| task.slug == name);
            let tasks = (0..).zip(&self.tasks).filter(|(number, task)| match slug {
                Some(place) => *number as usize == place,
                None => task.name == name,
            });
            tasks.map(|(number, _)| number).collect()
        };
        let (name, index) = match bracket() {
            Some((name, index)) if named(wanted).is_empty() => (name, Some(index)),
            _ => (wanted, index),
        };
        match (named(name).as_slice(), index) {
            ([task], None) => Ok(LogsOf::Task(*task)),
            ([task], index) => Ok(LogsOf::TaskRun(TaskKey { task: *task, index })),
            ([], _) => {
                let known = self.tasks.iter().flat_map(|task| [task.slug.as_str(), task.name.as_str()]);
                Err(plain(&format!("run {} has no task `{name}`{}", run.id.short(), hint(name, known))))
            }
            (several, _) => {
                let slugs: Vec<_> =
                    several.iter().map(|task| format!("`{}`", self.tasks[*task as usize].slug)).collect();
                Err(plain(&format!("several tasks are named `{name}`: write {}", slugs.join(" or "))))
            }
        }
    }
}
