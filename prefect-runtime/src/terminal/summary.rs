//! What is printed at the end of a run, and the exit code.
use std::fmt::{self, Write as _};
use std::time::Duration;

use console::measure_text_width;

use super::table::Counts;
use super::text::{Paint, counted, human, padded, plain};
use crate::run::{FlowRun, TaskRunInfo};
use crate::{StateKind, TaskError};

/// Up to this many task runs have a line each.
const EACH: usize = 50;
/// Of more than that at most this many that did not end well.
const MOST: usize = 50;
/// Longer names push the rest of their line to the right.
const NAME: usize = 40;

pub(super) struct Summary {
    pub(super) text: String,
    pub(super) code: u8,
}

impl Summary {
    pub(super) fn of<O>(run: &FlowRun<O>, paint: Paint, program: &str) -> Self {
        let mut text = String::from("\n");
        let shown = |what: &dyn fmt::Display| plain(&run.core.services.redacted(&what));
        let tasks: Vec<TaskRunInfo> = run.all_runs().collect();
        let mut counts = Counts::default();
        for task in &tasks {
            counts.add(task.state.kind());
        }
        let (listed, more) = listed(&tasks);
        let width = listed.iter().map(|task| measure_text_width(&shown(&task.name))).filter(|width| *width <= NAME);
        let width = width.max().unwrap_or(0);
        for task in &listed {
            let kept = goes_on(run) && task.duration.is_zero() && task.state.kind().is_finished();
            let took = if kept { Took::Kept } else { Took::Time(task.duration) };
            let _ = writeln!(text, "{}", line(task, took, &shown(&task.name), width, paint));
            for why in whys(task) {
                // Redacted whole: a secret may have several lines.
                for line in run.core.services.redacted(&why).lines() {
                    let _ = writeln!(text, "    {}", plain(line));
                }
            }
        }
        if more > 0 {
            let _ = writeln!(text, "and {more} more");
        }
        if tasks.len() > EACH {
            let gap = if listed.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{}: {counts}", counted(tasks.len(), "task"));
        }
        let state = run.state();
        let message = shown(&state.message().unwrap_or_default());
        let (kind, flow) = (paint.kind(state.kind()), paint.bold(&shown(&run.flow_name())));
        let gap = if tasks.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{gap}{kind} {flow}  {message}  {}", human(run.duration()));
        for name in run.still_running() {
            let _ = writeln!(
                text,
                "still running: {} (its timeout has passed, the thread cannot be stopped)",
                shown(&name)
            );
        }
        let failed = tasks.iter().any(|task| task.state.kind().is_failed());
        if let Some(recorded) = recorded(run, failed, program) {
            let _ = writeln!(text, "{recorded}");
        }
        if !run.notifications().is_empty() {
            let _ = writeln!(text, "{}", run.notifications());
        }
        let paused: Vec<_> = tasks.iter().filter(|task| task.state.kind() == StateKind::Paused).collect();
        let code = match state.kind() {
            kind if kind.is_successful() => 0,
            kind if !kind.is_finished() && !paused.is_empty() => {
                for task in paused {
                    let _ = writeln!(text, "waits for somebody: {}", shown(&task.name));
                }
                3
            }
            _ => 1,
        };
        Self { text, code }
    }
}

/// Under which name the run is recorded, and how it goes on.
#[cfg(feature = "store")]
fn recorded<O>(run: &FlowRun<O>, failed: bool, program: &str) -> Option<String> {
    let (name, id) = run.core.services.recorder.as_ref()?.called();
    let kind = run.state().kind();
    let next = match kind {
        kind if kind.is_successful() || kind == StateKind::Cancelled => String::new(),
        kind if kind.is_finished() => format!("; `{program} resume {id}`, to run again what failed"),
        _ => {
            let again =
                if failed { format!("; `{program} retry {id}`, to run again what failed") } else { String::new() };
            format!("; `{program} resume {id}`, to let the next task go on{again}")
        }
    };
    Some(format!("run {id} ({name}){next}"))
}

#[cfg(not(feature = "store"))]
fn recorded<O>(_: &FlowRun<O>, _: bool, _: &str) -> Option<String> {
    None
}

/// Whether the run goes on with what another process has left.
#[cfg(feature = "store")]
fn goes_on<O>(run: &FlowRun<O>) -> bool {
    run.core.services.recorder.as_ref().is_some_and(|recorder| recorder.goes_on())
}

#[cfg(not(feature = "store"))]
fn goes_on<O>(_: &FlowRun<O>) -> bool {
    false
}

fn ended_well(task: &TaskRunInfo) -> bool {
    task.state.kind().is_successful()
}

/// All of a few tasks; of many those that did not end well, and how many more there are. A task whose trigger did not
/// let it run is not listed beside the failure that it follows from.
fn listed(tasks: &[TaskRunInfo]) -> (Vec<&TaskRunInfo>, usize) {
    if tasks.len() <= EACH {
        return (tasks.iter().collect(), 0);
    }
    let failed = |task: &TaskRunInfo| task.state.kind().is_failed() && task.state.kind() != StateKind::TriggerFailed;
    let some_failed = tasks.iter().any(failed);
    let follows = |task: &TaskRunInfo| some_failed && task.state.kind() == StateKind::TriggerFailed;
    let mut listed: Vec<_> = tasks.iter().filter(|task| !(ended_well(task) || follows(task))).collect();
    listed.sort_by_key(|task| !failed(task));
    let more = listed.len().saturating_sub(MOST);
    listed.truncate(MOST);
    (listed, more)
}

/// How long a task run took in this run.
#[derive(Clone, Copy)]
enum Took {
    Time(Duration),
    /// It is what a process before has left.
    Kept,
}

fn line(task: &TaskRunInfo, took: Took, name: &str, width: usize, paint: Paint) -> String {
    let mut line = format!("{} {}", paint.kind(task.state.kind()), padded(name, width));
    if task.started.is_some() {
        line.push_str("  ");
        match took {
            Took::Time(time) => line.push_str(&human(time)),
            Took::Kept => line.push_str("kept"),
        }
    }
    if task.attempts > 1 {
        let _ = write!(line, "  {}", counted(task.attempts as usize, "attempt"));
    }
    line.trim_end().to_owned()
}

/// Why a task run did not end well: its error with the sources, else what its state says.
fn whys(task: &TaskRunInfo) -> Vec<String> {
    let chain = task.state.error().into_iter().flat_map(TaskError::texts).enumerate();
    let whys: Vec<_> =
        chain.map(|(i, cause)| format!("{}: {cause}", if i == 0 { "error" } else { "caused by" })).collect();
    match task.state.message() {
        Some(message) if whys.is_empty() && !ended_well(task) => vec![message.to_owned()],
        _ => whys,
    }
}
