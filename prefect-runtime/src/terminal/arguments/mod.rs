//! What the words of the command line ask for.
mod grammar;
#[cfg(feature = "store")]
mod of_the_store;
mod refusal;

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::ArgMatches;
use clap::parser::ValueSource;
use clap_complete::Shell;
#[cfg(feature = "store")]
use prefect_store::Listed;

use super::Format;
#[cfg(feature = "store")]
use super::durable::GoOn;
#[cfg(feature = "store")]
use super::notifications::Which;
use super::parameters::{self, Words};
#[cfg(feature = "store")]
use super::recorded::Question;
#[cfg(feature = "store")]
use super::schedules::ScheduleErrand;
#[cfg(feature = "store")]
use super::secrets::Errand;
use super::text::plain;
use crate::ParameterInfo;
use crate::near::hint;
use grammar::text;
#[cfg(feature = "store")]
use of_the_store::{errand, going_on, question, schedules, which};

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Run the flow at this place, with these values.
    Run(usize, Words, Recording),
    /// Go on with a recorded run, in this store.
    #[cfg(feature = "store")]
    GoOn(GoOn, Option<String>),
    /// Draw the flow at this place.
    Draw(usize, Drawing),
    /// Print the schema of the parameters of the flow at this place.
    #[cfg(feature = "schema")]
    Describe(usize),
    /// Stop this run, in this store.
    #[cfg(feature = "store")]
    Cancel(String, Option<String>),
    /// Look at what is recorded, in this store.
    #[cfg(feature = "store")]
    Ask(Question, Format, Option<String>),
    /// Look after secrets, in this store.
    #[cfg(feature = "store")]
    Keep(Errand, Format, Option<String>),
    /// Send notifications of this store.
    #[cfg(feature = "store")]
    Send(Which, Option<String>),
    /// Try no more to send notifications of this store.
    #[cfg(feature = "store")]
    GiveUp(Which, Option<String>),
    /// Serve the schedules of the flows at these places, or of all, on this store.
    #[cfg(feature = "store")]
    Serve(Vec<usize>, Option<String>),
    /// Pause a schedule or let it go on, in this store.
    #[cfg(feature = "store")]
    ChangeSchedule(ScheduleErrand, Option<String>),
    /// Print the settings in effect.
    Configuration(Format, Option<String>),
    /// Print this.
    Say(String),
    /// The words make no sense: why.
    Refuse(String),
}

/// Where a run is recorded, and whether it is a new one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Recording {
    /// What `--store` says.
    pub(super) store: Option<String>,
    pub(super) begin: Begin,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Begin {
    #[default]
    Anew,
    /// With the last run of the flow, if that has not ended well.
    WithTheLast,
}

/// How a flow is drawn.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Drawing {
    /// As text, on standard output.
    Text,
    /// As DOT, on standard output.
    Dot,
    /// As SVG, into this file; `-` is standard output.
    Svg(String),
}

/// Whose command line it is.
#[derive(Clone, Copy)]
pub(super) struct Program<'a> {
    pub(super) name: &'a str,
    /// The names of its flows; `None` for the program `prefect`, which has no flows of its own.
    pub(super) flows: Option<&'a [&'a str]>,
}

pub(super) struct CommandLine<'a> {
    pub(super) program: Program<'a>,
    /// The parameters of the flow at this place.
    pub(super) parameters: &'a dyn Fn(usize) -> Vec<ParameterInfo>,
}

impl CommandLine<'_> {
    pub(super) fn choose(&self, words: &[OsString]) -> Choice {
        let mut command = grammar::command(&self.program);
        if words.iter().any(|word| matches!(word.to_str(), Some("-h" | "--help" | "help")))
            && self.program.flows.is_some()
        {
            command = command.mut_subcommand("run", |run| run.after_help(self.help_of_parameters(words)));
        }
        let program = OsString::from(self.program.name);
        match command.try_get_matches_from_mut(std::iter::once(&program).chain(words)) {
            Ok(matches) => self.ask(&matches).unwrap_or_else(|refusal| refusal),
            Err(error) => self.answer(error, &command, words),
        }
    }

    /// The error is what to answer.
    fn ask(&self, matches: &ArgMatches) -> Result<Choice, Choice> {
        let Some((name, matches)) = matches.subcommand() else {
            return match self.program.flows {
                Some(_) => {
                    let recording = Recording { store: store(matches), begin: Begin::Anew };
                    Ok(Choice::Run(self.flow_of("run", None)?, Words::default(), recording))
                }
                None => Err(Choice::Refuse(grammar::command(&self.program).render_help().to_string())),
            };
        };
        if let Some(refusal) = self.misplaced(name, matches) {
            return Err(refusal);
        }
        match name {
            "completions" => {
                let shell = matches.get_one("shell").copied().unwrap_or(Shell::Bash);
                Ok(Choice::Say(grammar::completion_script(&self.program, shell)))
            }
            "config" => Ok(Choice::Configuration(format(matches), store(matches))),
            #[cfg(feature = "store")]
            "cancel" => Ok(Choice::Cancel(text(matches, "run").unwrap_or_default().to_owned(), store(matches))),
            #[cfg(feature = "store")]
            "notifications" => Ok(match matches.subcommand() {
                Some(("retry", matches)) => Choice::Send(which(matches), store(matches)),
                Some(("give-up", matches)) => Choice::GiveUp(which(matches), store(matches)),
                inner => {
                    let matches = inner.map_or(matches, |(_, matches)| matches);
                    let listed = if matches.get_flag("all") { Listed::All } else { Listed::Unsent };
                    Choice::Ask(Question::Notifications(listed), format(matches), store(matches))
                }
            }),
            #[cfg(feature = "store")]
            "schedules" => Ok(schedules(matches)),
            #[cfg(feature = "store")]
            "runs" | "flows" | "store" => {
                let (question, matches) = question(name, matches);
                Ok(Choice::Ask(question, format(matches), store(matches)))
            }
            #[cfg(feature = "store")]
            "secrets" | "slack" => {
                let (errand, matches) = errand(name, matches).map_err(|wrong| self.refuse(&wrong))?;
                Ok(Choice::Keep(errand, format(matches), store(matches)))
            }
            #[cfg(not(feature = "store"))]
            name if grammar::OF_THE_STORE.contains(&name) => {
                Err(self.refuse(&format!("`{name}` needs the feature `store` of the crate `prefect`")))
            }
            #[cfg(not(feature = "store"))]
            name if grammar::GOING_ON.contains(&name) && self.program.flows.is_some() => {
                Err(self.refuse(&format!("`{name}` needs the feature `store` of the crate `prefect`")))
            }
            _ if self.program.flows.is_none() => Err(self.refuse(&format!(
                "`{name}` is for a program that has flows, one whose `main` calls `prefect::main`: write it behind the name of that program"
            ))),
            "run" => {
                let many = |name| matches.get_many::<String>(name).into_iter().flatten().cloned().collect();
                let files = matches.get_many("params-file").into_iter().flatten().cloned().collect();
                let place = self.flow_of("run", text(matches, "flow"))?;
                let resume_last = cfg!(feature = "store") && matches.get_flag("resume-last");
                let begin = if resume_last { Begin::WithTheLast } else { Begin::Anew };
                let words = Words { values: many("param"), files };
                Ok(Choice::Run(place, words, Recording { store: store(matches), begin }))
            }
            #[cfg(feature = "store")]
            "resume" | "retry" => Ok(Choice::GoOn(going_on(name, matches), store(matches))),
            #[cfg(feature = "store")]
            "serve" => {
                let named = matches.get_many::<String>("flow").into_iter().flatten();
                let mut places = named.map(|name| self.flow_of("serve", Some(name))).collect::<Result<Vec<_>, _>>()?;
                places.sort_unstable();
                places.dedup();
                if let (true, Some(refusal)) = (places.is_empty(), self.twins()) {
                    return Err(refusal);
                }
                Ok(Choice::Serve(places, store(matches)))
            }
            "graph" => {
                let drawing = match text(matches, "svg") {
                    Some(file) => Drawing::Svg(file.to_owned()),
                    None if matches.get_flag("dot") => Drawing::Dot,
                    None => Drawing::Text,
                };
                Ok(Choice::Draw(self.flow_of("graph", text(matches, "flow"))?, drawing))
            }
            #[cfg(feature = "schema")]
            "schema" => Ok(Choice::Describe(self.flow_of("schema", text(matches, "flow"))?)),
            name => Err(self.refuse(&format!("`{name}` needs the feature `{name}` of the crate `prefect`"))),
        }
    }

    /// An option between a command and its next word. Only `--store` may stand there: `clap` refuses either all or none.
    fn misplaced(&self, command: &str, matches: &ArgMatches) -> Option<Choice> {
        let (inner, _) = matches.subcommand()?;
        let is_written = |id: &&str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let option = matches.ids().map(clap::Id::as_str).filter(|id| *id != "store").find(is_written)?;
        Some(self.refuse(&format!(
            "`--{option}` stands between `{command}` and `{inner}`: options of `{command} {inner}` go behind it"
        )))
    }

    /// The place of the flow that a command is for: the one that is named, else the only one.
    fn flow_of(&self, command: &str, name: Option<&str>) -> Result<usize, Choice> {
        let flows = self.program.flows.unwrap_or_default();
        match (name, flows) {
            _ if let Some(refusal) = self.twins() => Err(refusal),
            (Some(name), _) => flows.iter().position(|flow| *flow == name).ok_or_else(|| {
                let hint = plain(&hint(name, flows.iter().copied()));
                self.listing(&format!("there is no flow `{}`{hint}", plain(name)))
            }),
            (None, [_]) => Ok(0),
            (None, []) => Err(self.refuse(&format!("there is no flow to {}", verb(command)))),
            (None, [first, ..]) => Err(self.listing(&format!("which flow? write `{}`", self.written(command, first)))),
        }
    }

    /// What is said of two flows that have one name.
    fn twins(&self) -> Option<Choice> {
        let flows = self.program.flows.unwrap_or_default();
        let (_, name) = flows.iter().enumerate().find(|(i, name)| flows[..*i].contains(name))?;
        Some(self.refuse(&format!("two flows are named `{}`: give each a name of its own", plain(name))))
    }

    fn refuse(&self, error: &str) -> Choice {
        Choice::Refuse(format!("error: {error}\n\nsee `{} --help`\n", self.program.name))
    }

    /// The same, with the flows that there are.
    fn listing(&self, error: &str) -> Choice {
        let names = names(self.program.flows.unwrap_or_default());
        Choice::Refuse(format!("error: {error}\n\nflows:\n{names}"))
    }

    /// `prog run "a flow"`
    pub(super) fn written(&self, command: &str, name: &str) -> String {
        format!("{} {command} {}", self.program.name, quoted(name))
    }

    /// The parameters of the flows that the words name, else of all.
    fn help_of_parameters(&self, words: &[OsString]) -> String {
        let flows = self.program.flows.unwrap_or_default();
        let named = |name: &str| words.iter().any(|word| word == name);
        let places: Vec<usize> = match (0..flows.len()).filter(|place| named(flows[*place])).collect() {
            named if !Vec::is_empty(&named) => named,
            _ => (0..flows.len()).collect(),
        };
        let only = places.len() == 1;
        let parts: Vec<String> = places
            .into_iter()
            .filter_map(|place| match (self.parameters)(place) {
                parameters if !parameters.is_empty() => {
                    Some(format!("Parameters of {}:\n{}", plain(flows[place]), parameters::help(&parameters)))
                }
                _ => only.then(|| format!("{} has no parameters", plain(flows[place]))),
            })
            .collect();
        parts.join("\n")
    }
}

/// A line for each flow.
fn names(flows: &[&str]) -> String {
    flows.iter().fold(String::new(), |mut names, flow| {
        let _ = writeln!(names, "  {}", plain(flow));
        names
    })
}

fn format(matches: &ArgMatches) -> Format {
    // Commands that list nothing do not know it.
    if matches!(matches.try_get_one("json"), Ok(Some(true))) { Format::Json } else { Format::Table }
}

/// What `--store` says.
fn store(matches: &ArgMatches) -> Option<String> {
    if cfg!(feature = "store") { text(matches, "store").map(ToOwned::to_owned) } else { None }
}

/// As it is written for a shell.
pub(super) fn quoted(name: &str) -> String {
    let quote = match name {
        name if is_one_word(name) => "",
        name if name.contains('"') => "'",
        _ => "\"",
    };
    format!("{quote}{}{quote}", plain(name))
}

/// Whether a shell takes it for one word, and as it is written.
fn is_one_word(name: &str) -> bool {
    let simple = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':');
    !name.is_empty() && name.chars().all(simple)
}

/// What a command does to a flow.
fn verb(command: &str) -> &str {
    match command {
        "graph" => "draw",
        "schema" => "describe",
        command => command,
    }
}

#[cfg(test)]
mod tests;
