//! The command line of a program that runs flows: one line for each state change, cards for messages without a webhook,
//! a summary, an exit code.
mod text;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use text::{Paint, card, plain};

use crate::door::Observer;
use crate::flow::{Flow, FlowOutput};
use crate::notify::{Card, MissingSecret};
use crate::run::{FlowRun, RunSettings};
use crate::{State, StateKind, Tracked};

/// A flow whatever its body returns, to be run by [`main`].
pub struct AnyFlow(Box<dyn Runnable>);

trait Runnable {
    fn name(&self) -> &str;
    fn run(self: Box<Self>, shown: Arc<Shown>) -> Report;
}

impl<O: FlowOutput> Runnable for Flow<O> {
    fn name(&self) -> &str {
        Self::name(self)
    }

    fn run(self: Box<Self>, shown: Arc<Shown>) -> Report {
        let settings = self.settings.clone().shown_by(&shown);
        Report::of(&(*self).with(settings).run(), shown.paint)
    }
}

impl<O: FlowOutput + 'static> From<Flow<O>> for AnyFlow {
    fn from(flow: Flow<O>) -> Self {
        Self(Box::new(flow))
    }
}

impl std::fmt::Debug for AnyFlow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AnyFlow").field(&self.0.name()).finish()
    }
}

/// What [`main`] takes: one flow, or several by `flows![..]`.
pub trait IntoFlows {
    /// The flows.
    fn into_flows(self) -> Vec<AnyFlow>;
}

impl<O: FlowOutput + 'static> IntoFlows for Flow<O> {
    fn into_flows(self) -> Vec<AnyFlow> {
        vec![self.into()]
    }
}

impl IntoFlows for Vec<AnyFlow> {
    fn into_flows(self) -> Vec<AnyFlow> {
        self
    }
}

/// The `main` of a program that runs flows: with one flow and no argument it runs it, `run NAME` runs one of several.
///
/// It prints a line for each state change, the errors of failed tasks with their sources, and a summary. A Slack message
/// for which no webhook is configured is printed as a card. `NO_COLOR` is honoured.
///
/// The exit code is 0 if the flow succeeded, 1 if it failed, 2 if the arguments are wrong, and 3 if it waits for somebody.
pub fn main(flows: impl IntoFlows) -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut flows = flows.into_flows();
    match choose(&arguments, &flows) {
        Choice::Run(i) => {
            let shown = Arc::new(Shown { paint: Paint::for_output() });
            let report = flows.swap_remove(i).0.run(shown);
            print_out(&report.text);
            ExitCode::from(report.code)
        }
        Choice::Say(text) => {
            print_out(&text);
            ExitCode::SUCCESS
        }
        Choice::Refuse(text) => {
            // Nobody can be told if standard error is gone.
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
            ExitCode::from(2)
        }
    }
}

enum Choice {
    Run(usize),
    Say(String),
    Refuse(String),
}

fn choose(arguments: &[OsString], flows: &[AnyFlow]) -> Choice {
    let words: Option<Vec<&str>> = arguments.iter().map(|word| word.to_str()).collect();
    let names = || {
        flows.iter().fold(String::new(), |mut names, flow| {
            let _ = writeln!(names, "  {}", plain(flow.0.name()));
            names
        })
    };
    let usage = || format!("usage: [run] [FLOW]\n\nflows:\n{}", names());
    let named = |name: &str| match flows.iter().position(|flow| flow.0.name() == name) {
        Some(i) => Choice::Run(i),
        None => Choice::Refuse(format!("error: there is no flow `{}`\n\nflows:\n{}", plain(name), names())),
    };
    match words.as_deref() {
        Some([] | ["run"]) if flows.len() == 1 => Choice::Run(0),
        Some([] | ["run"]) if flows.is_empty() => Choice::Refuse("error: there is no flow to run\n".to_owned()),
        Some([] | ["run"]) => Choice::Refuse(format!("error: which flow? write `run FLOW`\n\nflows:\n{}", names())),
        Some(["-h" | "--help" | "help"]) => Choice::Say(usage()),
        Some(["run", name]) => named(name),
        Some(["run", _, more, ..]) => {
            Choice::Refuse(format!("error: unknown argument `{}`\n\n{}", plain(more), usage()))
        }
        Some([first, ..]) => Choice::Refuse(format!("error: unknown argument `{}`\n\n{}", plain(first), usage())),
        None => Choice::Refuse(format!("error: an argument is no text\n\n{}", usage())),
    }
}

/// A closed pipe is no error of the flow.
fn print_out(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// What is printed while a flow runs.
pub(crate) struct Shown {
    paint: Paint,
}

impl Observer for Shown {
    fn changed(&self, object: &Tracked, _: &State, new: &State) {
        let message = new.message().map(|message| object.services.redacted(&message)).unwrap_or_default();
        let kind = self.paint.kind(new.kind());
        print_out(&format!("{kind} {}  {}\n", plain(&object.services.redacted(&object.full_name())), plain(&message)));
    }
}

impl RunSettings {
    fn shown_by(mut self, shown: &Arc<Shown>) -> Self {
        let (paint, told) = (shown.paint, std::sync::Once::new());
        self.print_card = Some(Arc::new(move |message: &Card| {
            told.call_once(|| print_out(&format!("{}\n", MissingSecret(message.secret))));
            print_out(&card(message, paint));
        }));
        if std::io::stderr().is_terminal() {
            self.on_flush = Some(Arc::new(|left, time| {
                let _ = writeln!(
                    std::io::stderr(),
                    "{left} notifications are still to be sent, waiting up to {} s",
                    time.as_secs()
                );
            }));
        }
        self.observer(Arc::clone(shown) as Arc<dyn Observer>)
    }
}

struct Report {
    text: String,
    code: u8,
}

impl Report {
    fn of<O>(run: &FlowRun<O>, paint: Paint) -> Self {
        let mut text = String::from("\n");
        let redacted = |what: &str| plain(&run.core.services.redacted(&what));
        for task in run.task_runs() {
            let (kind, name) = (paint.kind(task.state.kind()), redacted(&task.name));
            let _ = writeln!(text, "{kind} {name}  {:.1?}", task.duration);
            for (i, cause) in task.state.error().into_iter().flat_map(crate::TaskError::texts).enumerate() {
                let lead = if i == 0 { "error" } else { "caused by" };
                let _ = writeln!(text, "    {lead}: {}", redacted(&cause));
            }
        }
        let state = run.state();
        let message = redacted(state.message().unwrap_or_default());
        let (kind, flow) = (paint.kind(state.kind()), redacted(run.flow_name()));
        let _ = writeln!(text, "\n{kind} {flow}  {message}  {:.1?}", run.duration());
        if !run.notifications().is_empty() {
            let _ = writeln!(text, "{}", run.notifications());
        }
        let paused = || run.task_runs().filter(|task| task.state.kind() == StateKind::Paused);
        let code = match state.kind() {
            kind if kind.is_successful() => 0,
            kind if !kind.is_finished() && paused().next().is_some() => {
                for task in paused() {
                    let _ = writeln!(text, "waits for somebody: {}", redacted(&task.name));
                }
                3
            }
            _ => 1,
        };
        Self { text, code }
    }
}
