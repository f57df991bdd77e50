//! The command line of a program that runs flows: a live table or plain lines, cards for messages without a webhook, log
//! lines, a summary, an exit code.
mod any_flow;
mod arguments;
mod columns;
mod draw;
#[cfg(feature = "store")]
mod durable;
mod json;
mod live;
mod log;
#[cfg(feature = "store")]
mod notifications;
mod parameters;
#[cfg(feature = "store")]
mod progress;
#[cfg(feature = "store")]
mod recorded;
#[cfg(feature = "store")]
mod schedules;
mod screen;
#[cfg(feature = "store")]
mod secrets;
#[cfg(feature = "store")]
mod serve;
mod settings;
mod shown;
mod signals;
mod summary;
mod table;
mod text;
#[cfg(feature = "store")]
mod wall;

use std::ffi::OsString;
use std::process::ExitCode;

use any_flow::Course;
pub use any_flow::{AnyFlow, IntoFlows};
use arguments::{Choice, CommandLine, Program, Recording};
use live::Stream;
use summary::Summary;
use text::Paint;
#[cfg(feature = "store")]
use {
    crate::record::IfChanged,
    crate::scheduler::Outlook,
    arguments::Begin,
    durable::{GoOn, How},
    recorded::{Asker, Question},
    secrets::{Errand, Secretary},
    wall::Wall,
};

use crate::{Config, Redactor};

/// How lists and answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// The `main` of a program that runs flows: with one flow and no argument it runs it, `run NAME` runs one of several,
/// `graph` draws a flow ([`Picture`](crate::Picture)) and runs nothing, `schema` prints what parameters it takes as a JSON schema (with the
/// feature `schema`), `--help` tells the rest. Parameters are given by
/// `run NAME --param x=3` and `--params-file values.json`; what is missing or does not fit is told before anything runs, and
/// `run NAME --help` lists them. A flow that has a schedule is run once, at once: [`Flow::run`](crate::Flow::run) follows schedules.
///
/// `serve` follows the schedules of the flows, `schedules list` shows them, `schedules pause FLOW` and `schedules resume FLOW`
/// hold one up and let it go on (with the feature `store`).
///
/// `runs`, `flows` and `store check` look at what is recorded, `secrets` and `slack` look after secrets and webhooks that are
/// kept in the store, `notifications` lists and sends what was not sent (all with the feature `store`), `config` shows the settings in
/// effect, `completions SHELL` prints what completes all this.
///
/// ```no_run
/// use prefect::prelude::*;
///
/// #[task]
/// fn load() -> Vec<u32> {
///     vec![1, 2]
/// }
///
/// fn main() -> std::process::ExitCode {
///     prefect::main(flow!("etl", { load() }))
/// }
/// ```
///
/// # What it prints
///
/// On a terminal a live table of the task runs, above it what fails, is tried again or waits for somebody; elsewhere
/// (a pipe, `TERM=dumb`, `CI` set) a line for each state change, or for flows of more than 100 tasks only those lines and
/// one for each tenth of the tasks. At the end the task runs with their durations, the errors of failed ones with their
/// sources, the state of the flow and what became of its notifications. A Slack message for which no webhook is
/// configured is printed as a card. Secrets are hidden, control characters made visible.
///
/// Colours are for terminals. `NO_COLOR` and `CLICOLOR=0` turn them off, `CLICOLOR_FORCE=1` and `FORCE_COLOR=1` on.
///
/// # Log lines
///
/// Unless the program has set a `tracing` subscriber, log lines go to standard error, above the table. `RUST_LOG` says
/// which (`info`, `my_crate=debug,warn`; no filters by span), else the configuration's `[logging] level`, else `INFO`
/// without the lines of this library on state changes.
///
/// # Exit code
///
/// 0 if the flow succeeded, 1 if it failed, 2 if the arguments, what they name or the configuration are wrong, and 3 if
/// it waits for somebody. `serve` ends with 0 when a signal ends it or no schedule has moments to come, and with 1 if one of them could not
/// be followed to its end.
///
/// # Panics
///
/// If the flow cannot be run at all, as [`Flow::run`](crate::Flow::run) does.
pub fn main(flows: impl IntoFlows) -> ExitCode {
    obey(Some(flows.into_flows()))
}

/// The `main` of the program `prefect`, which has no flows.
#[must_use]
pub fn stand_alone() -> ExitCode {
    obey(None)
}

/// Does what the command line says.
fn obey(flows: Option<Vec<AnyFlow>>) -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().map_or_else(|| "program".to_owned(), |path| name_of(&path));
    let arguments: Vec<OsString> = arguments.collect();
    let has_flows = flows.is_some();
    let mut flows = flows.unwrap_or_default();
    let names: Vec<&str> = flows.iter().map(|flow| flow.0.name()).collect();
    let parameters = |place: usize| flows[place].0.parameters();
    let program = Program { name: &name, flows: has_flows.then_some(&names) };
    let line = CommandLine { program, parameters: &parameters };
    match line.choose(&arguments) {
        Choice::Run(i, words, recording) => {
            let (see, flow) = (line.written("run", names[i]), names[i].to_owned());
            let mut values = words.read();
            flows[i].0.give(&mut values);
            if !values.errors.is_empty() {
                Stream::Err.write(&parameters::refusal(&values.errors, &see));
                return ExitCode::from(2);
            }
            let course = course(&recording, &flow, &name);
            ran(course.and_then(|course| flows.swap_remove(i).0.run(course, &name)))
        }
        #[cfg(feature = "store")]
        Choice::GoOn(go_on, store) => ran(go_on_with(flows, go_on, store.as_deref(), &name)),
        Choice::Draw(i, drawing) => draw::draw(&flows[i].0.picture(), &drawing),
        #[cfg(feature = "schema")]
        Choice::Describe(i) => answered(&flows[i].0.schema(), 0),
        #[cfg(feature = "store")]
        Choice::Ask(question, format, store) => {
            let schedules = if question == Question::Schedules { outlooks(&flows) } else { Vec::new() };
            look_up(&question, format, store.as_deref(), program.flows, &schedules)
        }
        #[cfg(feature = "store")]
        Choice::Serve(named, store) => {
            configured(|config| Ok((String::new(), serve::serve(&flows, &named, config, store.as_deref(), &name)?)))
        }
        #[cfg(feature = "store")]
        Choice::ChangeSchedule(errand, store) => {
            let own: Vec<_> = outlooks(&flows).iter().map(|(flow, outlook)| outlook.seen(flow)).collect();
            configured(|config| Ok((schedules::change(&errand, &own, config, store.as_deref(), &name)?, 0)))
        }
        #[cfg(feature = "store")]
        Choice::Cancel(run, store) => {
            configured(|config| Ok((durable::cancel(config, store.as_deref(), &name, &run)?, 0)))
        }
        #[cfg(feature = "store")]
        Choice::Send(which, store) => configured(|config| {
            let said = notifications::retry(config, store.as_deref(), &name, &which)?;
            Ok((said.text, said.code))
        }),
        #[cfg(feature = "store")]
        Choice::GiveUp(which, store) => {
            configured(|config| Ok((notifications::give_up(config, store.as_deref(), &name, &which)?, 0)))
        }
        #[cfg(feature = "store")]
        Choice::Keep(errand, format, store) => keep(&errand, format, store.as_deref(), &name),
        Choice::Configuration(format, store) => configured(|config| {
            for warning in config.warnings() {
                Stream::Err.write(&format!("warning: {}\n", text::plain(&warning.to_string())));
            }
            Ok((settings::text(config, store.as_deref(), format, Paint::of(&std::io::stdout())), 0))
        }),
        Choice::Say(text) => answered(&text, 0),
        Choice::Refuse(text) => {
            // A webhook that was pasted into the wrong place.
            Stream::Err.write(&Redactor::new().redact(&text));
            ExitCode::from(2)
        }
    }
}

/// One that cannot be loaded is an error of the run, which tells it.
fn redactor_of(config: Option<&Config>) -> Redactor {
    config.map_or_else(Redactor::new, |config| config.redactor().clone())
}

/// Prints how a run ended, or why it has not begun.
fn ran(summary: Result<Summary, String>) -> ExitCode {
    match summary {
        Ok(summary) => {
            Stream::Out.write(&summary.text);
            ExitCode::from(summary.code)
        }
        Err(error) => {
            let error = redactor_of(Config::current().ok().as_ref()).redact(&error).into_owned();
            let lines: Vec<_> = error.lines().map(text::plain).collect();
            Stream::Err.write(&format!("error: {}\n", lines.join("\n")));
            ExitCode::from(2)
        }
    }
}

/// Where a run of this flow is recorded, and whether it is a new one.
#[cfg(feature = "store")]
fn course(recording: &Recording, flow: &str, program: &str) -> Result<Course, String> {
    let url = recording.store.as_deref();
    let config = match Config::current() {
        Ok(config) => config,
        // A flow that has a configuration of its own needs none; of another one the run tells the error.
        Err(_) if url.is_none() && recording.begin == Begin::Anew => return Ok(Course::Unrecorded),
        Err(error) => return Err(error.to_string()),
    };
    match recording.begin {
        Begin::Anew => Ok(durable::open_for_new(&config, url, program)?.map_or(Course::Unrecorded, Course::New)),
        Begin::WithTheLast => {
            let store = durable::open_needed("go on with the last run", &config, url, program)?;
            Ok(match durable::last_of(&store, flow)? {
                Some(run) => {
                    let how = How::Resume(crate::Approval::default());
                    Course::GoOn(store, run.id.to_string(), how, IfChanged::Refuse)
                }
                None => Course::New(store),
            })
        }
    }
}

#[cfg(not(feature = "store"))]
#[allow(clippy::unnecessary_wraps, reason = "a store may be what it should not be")]
fn course(_: &Recording, _: &str, _: &str) -> Result<Course, String> {
    Ok(Course::Unrecorded)
}

#[cfg(feature = "store")]
fn go_on_with(
    mut flows: Vec<AnyFlow>,
    GoOn { run, how, if_changed }: GoOn,
    url: Option<&str>,
    program: &str,
) -> Result<Summary, String> {
    let config = Config::current().map_err(|error| error.to_string())?;
    let store = durable::open_there(&config, url, program)?;
    let names: Vec<&str> = flows.iter().map(|flow| flow.0.name()).collect();
    let run = match run {
        Some(run) => store.run(&run).map_err(|error| error.to_string())?,
        None => durable::last_left(&store, &names)?.ok_or_else(|| {
            "there is nothing to go on with: no recorded run of these flows is Crashed, Paused or Failed".to_owned()
        })?,
    };
    let Some(place) = names.iter().position(|name| *name == run.flow) else {
        return Err(format!(
            "run {} is one of the flow `{}`, which this program does not have",
            run.id.short(),
            run.flow
        ));
    };
    flows.swap_remove(place).0.run(Course::GoOn(store, run.id.to_string(), how, if_changed), program)
}

/// So many moments of each schedule are listed.
#[cfg(feature = "store")]
const MOMENTS: usize = 3;

/// The schedules of the program, by their flows.
#[cfg(feature = "store")]
fn outlooks(flows: &[AnyFlow]) -> Vec<(&str, Outlook)> {
    flows.iter().filter_map(|flow| Some((flow.0.name(), flow.0.outlook(MOMENTS)?))).collect()
}

#[cfg(feature = "store")]
fn look_up(
    question: &Question,
    format: Format,
    store: Option<&str>,
    flows: Option<&[&str]>,
    schedules: &[(&str, Outlook)],
) -> ExitCode {
    configured(|config| {
        let (paint, wall, width) = (Paint::of(&std::io::stdout()), Wall::of_this_machine(), columns::width());
        let said = Asker { flows, schedules, config, format, paint, wall, width }.answer(question, store)?;
        Ok((said.text, said.code))
    })
}

#[cfg(feature = "store")]
fn keep(errand: &Errand, format: Format, store: Option<&str>, program: &str) -> ExitCode {
    configured(|config| {
        let (paint, wall, width) = (Paint::of(&std::io::stdout()), Wall::of_this_machine(), columns::width());
        let said = Secretary { config, format, paint, wall, width, program }.run(errand, store)?;
        Ok((said.text, said.code))
    })
}

/// Prints what the configuration gives, or why it gives nothing.
fn configured(text: impl FnOnce(&Config) -> Result<(String, u8), String>) -> ExitCode {
    let loaded = Config::current().map_err(|error| error.to_string());
    match loaded.and_then(|config| text(&config).map_err(|error| config.redactor().redact(&error).into_owned())) {
        Ok((text, code)) => answered(&text, code),
        Err(error) => {
            Stream::Err.write(&format!("error: {}\n", text::plain(&error)));
            ExitCode::from(2)
        }
    }
}

/// Prints this, and ends with this code.
fn answered(text: &str, code: u8) -> ExitCode {
    ExitCode::from(live::answer(text).or_lost(code))
}

/// The name of a program, without the folders that it lies in.
fn name_of(path: &std::ffi::OsStr) -> String {
    let path = std::path::Path::new(path);
    text::plain(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy())
}
