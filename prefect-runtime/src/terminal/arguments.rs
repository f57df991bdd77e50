//! What the words of the command line ask for.
use std::ffi::OsString;
use std::fmt::Write as _;

use super::parameters::{self, Words};
use super::text::plain;
use crate::ParameterInfo;
use crate::near::nearest;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Run the flow at this place, with these values.
    Run(usize, Words),
    /// Draw the flow at this place.
    Draw(usize, Drawing),
    /// Print the schema of the parameters of the flow at this place.
    #[cfg(feature = "schema")]
    Describe(usize),
    /// Print this.
    Say(String),
    /// The words make no sense: why.
    Refuse(String),
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

/// Subcommands and options: what a near miss may have meant.
const WORDS: [&str; 10] =
    ["run", "graph", "schema", "help", "--help", "--version", "--param", "--params-file", "--svg", "--dot"];

/// Whether there is the command `schema`.
const SCHEMA: bool = cfg!(feature = "schema");

pub(super) struct CommandLine<'a> {
    pub(super) program: &'a str,
    /// The names of the flows.
    pub(super) flows: &'a [&'a str],
    /// The parameters of the flow at this place.
    pub(super) parameters: &'a dyn Fn(usize) -> Vec<ParameterInfo>,
}

/// The words after `run`.
#[derive(Default)]
struct RunWords<'a> {
    flow: Option<&'a str>,
    help: bool,
    parameters: Words,
}

impl CommandLine<'_> {
    pub(super) fn choose(&self, arguments: &[OsString]) -> Choice {
        let Some(words) = arguments.iter().map(|word| word.to_str()).collect::<Option<Vec<_>>>() else {
            return self.refuse("an argument is no text", None);
        };
        match words.as_slice() {
            ["-h" | "--help" | "help", ..] | ["graph" | "schema", "-h" | "--help"] => return Choice::Say(self.help()),
            ["-V" | "--version"] => return Choice::Say(self.version()),
            ["run", rest @ ..] if rest.iter().any(|word| matches!(*word, "-h" | "--help")) => {
                // Whatever else is wrong: help is asked for.
                let flow = self.read_run(rest).ok().and_then(|run| run.flow);
                return Choice::Say(self.help_of_run(flow));
            }
            _ => {}
        }
        if let Some(name) = self.doubled() {
            let error = format!("two flows are named `{}`: give each a name of its own", plain(name));
            return self.refuse(&error, None);
        }
        match words.as_slice() {
            [] => self.run(&[]).unwrap_or_else(|refusal| refusal),
            ["run", rest @ ..] => self.run(rest).unwrap_or_else(|refusal| refusal),
            ["graph", rest @ ..] => self.graph(rest).unwrap_or_else(|refusal| refusal),
            ["schema", rest @ ..] => self.schema(rest).unwrap_or_else(|refusal| refusal),
            [first, ..] if first.starts_with("--param") => {
                self.unknown(first, Some(format!("values go behind `{} run`", self.program)))
            }
            [first, ..] => {
                let flow = self.flow(&words.join(" ")).or_else(|| self.flow(first));
                self.unknown(first, flow)
            }
        }
    }

    /// `run [FLOW] [--param NAME=VALUE].. [--params-file FILE]..`, in any order.
    fn run(&self, words: &[&str]) -> Result<Choice, Choice> {
        let RunWords { flow, parameters, .. } = self.read_run(words)?;
        Ok(Choice::Run(self.flow_of("run", flow)?, parameters))
    }

    /// The flow and its values. An unknown word makes no sense of the rest.
    fn read_run<'w>(&self, words: &[&'w str]) -> Result<RunWords<'w>, Choice> {
        let mut run = RunWords::default();
        let mut rest = words.iter().copied();
        while let Some(word) = rest.next() {
            let (option, value) = match word.split_once('=') {
                Some((option @ ("--param" | "--params-file"), value)) => (option, Some(value)),
                _ => (word, None),
            };
            match option {
                "--param" | "--params-file" => {
                    let what = if option == "--param" { "NAME=VALUE" } else { "FILE" };
                    let Some(value) = value.or_else(|| rest.next()) else {
                        return Err(self.refuse(&format!("expected `{option} {what}`"), None));
                    };
                    match option {
                        "--param" => run.parameters.values.push(value.to_owned()),
                        _ => run.parameters.files.push(value.into()),
                    }
                }
                "-h" | "--help" => run.help = true,
                // With several words a name was meant that has to be quoted.
                _ if run.flow.is_some() => return Err(self.unknown(word, self.flow(&words.join(" ")))),
                _ if word.starts_with('-') && !self.flows.contains(&word) => return Err(self.unknown(word, None)),
                _ => run.flow = Some(word),
            }
        }
        Ok(run)
    }

    fn doubled(&self) -> Option<&str> {
        let mut names = self.flows.iter().enumerate();
        names.find(|(i, name)| self.flows[..*i].contains(name)).map(|(_, name)| *name)
    }

    /// The flow of this name, as it is written on the command line.
    fn flow(&self, name: &str) -> Option<String> {
        self.flows.contains(&name).then(|| format!("to run the flow, write `{}`", self.written("run", name)))
    }

    /// `prog run "a flow"`
    pub(super) fn written(&self, command: &str, name: &str) -> String {
        let simple = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':');
        let quote = match name {
            name if !name.is_empty() && name.chars().all(simple) => "",
            name if name.contains('"') => "'",
            _ => "\"",
        };
        format!("{} {command} {quote}{}{quote}", self.program, plain(name))
    }

    /// The place of the flow that a command is for: the one that is named, else the only one. The error is what to answer.
    fn flow_of(&self, command: &str, name: Option<&str>) -> Result<usize, Choice> {
        match (name, self.flows) {
            (Some(name), _) => self.named(name),
            (None, [_]) => Ok(0),
            (None, []) => Err(self.refuse(&format!("there is no flow to {}", verb(command)), None)),
            (None, [first, ..]) => {
                let error = format!("which flow? write `{}`", self.written(command, first));
                Err(Choice::Refuse(format!("error: {error}\n\nflows:\n{}", self.names())))
            }
        }
    }

    fn named(&self, name: &str) -> Result<usize, Choice> {
        if let Some(i) = self.flows.iter().position(|flow| *flow == name) {
            return Ok(i);
        }
        if name.starts_with('-') {
            return Err(self.unknown(name, None));
        }
        let meant = nearest(name, self.flows.iter().copied());
        let hint = meant.map(|meant| format!(": did you mean `{}`?", plain(meant))).unwrap_or_default();
        let error = format!("error: there is no flow `{}`{hint}\n\nflows:\n{}", plain(name), self.names());
        Err(Choice::Refuse(error))
    }

    /// `graph [FLOW] [--svg FILE] [--dot]`, in any order.
    fn graph(&self, words: &[&str]) -> Result<Choice, Choice> {
        let (mut name, mut drawing) = (None, None);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let wanted = match *word {
                "--dot" => Drawing::Dot,
                "--svg" => match words.next() {
                    Some(file) if *file == "-" || !file.starts_with('-') => Drawing::Svg((*file).to_owned()),
                    _ => return Err(self.refuse("`--svg` needs a file: write `--svg flow.svg`", None)),
                },
                word => match word.strip_prefix("--svg=") {
                    Some(file) if !file.is_empty() => Drawing::Svg(file.to_owned()),
                    _ if name.is_none() => {
                        name = Some(word);
                        continue;
                    }
                    _ => return Err(self.unknown(word, None)),
                },
            };
            if drawing.replace(wanted).is_some() {
                return Err(self.refuse("one picture at a time: give `--svg` or `--dot` once", None));
            }
        }
        Ok(Choice::Draw(self.flow_of("graph", name)?, drawing.unwrap_or(Drawing::Text)))
    }

    /// `schema [FLOW]`
    #[cfg(feature = "schema")]
    fn schema(&self, words: &[&str]) -> Result<Choice, Choice> {
        match words {
            [] => Ok(Choice::Describe(self.flow_of("schema", None)?)),
            [name] => Ok(Choice::Describe(self.flow_of("schema", Some(name))?)),
            [_, word, ..] => Err(self.unknown(word, None)),
        }
    }

    #[cfg(not(feature = "schema"))]
    fn schema(&self, _: &[&str]) -> Result<Choice, Choice> {
        Err(self.refuse("`schema` needs the feature `schema` of the crate `prefect`", None))
    }

    fn unknown(&self, word: &str, hint: Option<String>) -> Choice {
        let hint = hint.or_else(|| {
            let words = WORDS.into_iter().filter(|word| SCHEMA || *word != "schema");
            let meant = nearest(word, words).map(ToOwned::to_owned);
            let meant =
                meant.or_else(|| nearest(word, self.flows.iter().copied()).map(|flow| self.written("run", flow)));
            meant.map(|meant| format!("did you mean `{meant}`?"))
        });
        self.refuse(&format!("unknown argument `{}`", plain(word)), hint)
    }

    fn refuse(&self, error: &str, hint: Option<String>) -> Choice {
        let hint = hint.map(|hint| format!(": {hint}")).unwrap_or_default();
        Choice::Refuse(format!("error: {error}{hint}\n\nsee `{} --help`\n", self.program))
    }

    fn names(&self) -> String {
        self.flows.iter().fold(String::new(), |mut names, flow| {
            let _ = writeln!(names, "  {}", plain(flow));
            names
        })
    }

    /// Of the program nothing is known but its name.
    fn version(&self) -> String {
        format!("{} (prefect {})\n", self.program, env!("CARGO_PKG_VERSION"))
    }

    fn help(&self) -> String {
        let flow = if self.flows.len() == 1 { "[FLOW]" } else { "FLOW" };
        format!(
            "usage: {program} run {flow} [--param NAME=VALUE].. [--params-file FILE]\n\
             \x20      {program} graph {flow} [--svg FILE] [--dot]\n{schema_usage}\n\
             commands:\n\
             \x20 run            runs a flow; with one flow in the program, `{program}` alone does the same\n\
             \x20 graph          draws a flow: as boxes and arrows, --svg FILE as SVG (- for standard output), --dot as DOT\n\
             {schema}\
             \x20 help           prints this\n\n\
             options:\n\
             \x20 -h, --help     prints this; behind `run FLOW`, the parameters of the flow\n\
             \x20 -V, --version  prints the version of the library\n\n\
             flows:\n{names}\n\
             environment:\n\
             \x20 RUST_LOG       which log lines are shown, for example `info` or `prefect.TaskRunner=debug`\n\
             \x20 NO_COLOR       no colours; CLICOLOR_FORCE=1: colours everywhere\n\n\
             exit code: 0 the flow succeeded, 1 it failed, 2 wrong arguments, 3 it waits for somebody\n",
            schema_usage = if SCHEMA {
                format!("       {program} schema {flow}\n", program = self.program)
            } else {
                String::new()
            },
            schema = if SCHEMA { "  schema         prints the parameters of a flow as a JSON schema\n" } else { "" },
            program = self.program,
            names = self.names(),
        )
    }

    /// The parameters of a flow, or of all.
    fn help_of_run(&self, flow: Option<&str>) -> String {
        let mut places: Vec<usize> = (0..self.flows.len()).collect();
        if let Some(place) = flow.and_then(|flow| self.flows.iter().position(|name| *name == flow)) {
            places = vec![place];
        }
        let [place] = places[..] else {
            let parts = places.iter().map(|place| (self.flows[*place], (self.parameters)(*place)));
            let parts = parts.filter(|(_, parameters)| !parameters.is_empty());
            let parts = parts.map(|(name, parameters)| {
                format!("\nparameters of {}:\n{}", plain(name), parameters::help(&parameters))
            });
            return parts.fold(self.help(), |help, part| help + &part);
        };
        let parameters = match (self.parameters)(place) {
            parameters if parameters.is_empty() => "the flow has no parameters\n".to_owned(),
            parameters => format!("parameters:\n{}", parameters::help(&parameters)),
        };
        format!(
            "usage: {run} [--param NAME=VALUE].. [--params-file FILE]\n\n\
             {parameters}\n\
             options:\n\
             \x20 --param NAME=VALUE  gives a parameter its value: JSON, or a text without quotes\n\
             \x20 --params-file FILE  a JSON object of parameters; `--param` goes before it\n\n\
             see `{program} --help` for the rest\n",
            run = self.written("run", self.flows[place]),
            program = self.program,
        )
    }
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
mod tests {
    use super::*;

    fn two() -> Vec<ParameterInfo> {
        let info = |name: &str, type_name: &str, doc: &str| ParameterInfo {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            required: name == "x",
            default: (name != "x").then_some(serde_json::Value::Null),
            doc: doc.to_owned(),
        };
        vec![info("x", "i64", "Where to\nstart."), info("t", "Option<\x1b[2J>", "")]
    }

    fn choose(flows: &[&str], words: &[&str]) -> Choice {
        let words: Vec<OsString> = words.iter().map(Into::into).collect();
        let parameters = |place| match place {
            0 => two(),
            _ => Vec::new(),
        };
        CommandLine { program: "prog", flows, parameters: &parameters }.choose(&words)
    }

    #[track_caller]
    fn refused(flows: &[&str], words: &[&str], error: &str) {
        match choose(flows, words) {
            Choice::Refuse(text) => assert_eq!(text.lines().next(), Some(&*format!("error: {error}")), "{text}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_flow_needs_no_name() {
        for words in [&[][..], &["run"], &["run", "etl"]] {
            assert_eq!(choose(&["etl"], words), Choice::Run(0, Words::default()));
        }
        assert_eq!(choose(&["a", "b c"], &["run", "b c"]), Choice::Run(1, Words::default()));
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_hint() {
        let two = &["etl", "Add Divide"];
        refused(&[], &[], "there is no flow to run");
        refused(two, &["run"], "which flow? write `prog run etl`");
        refused(two, &["run", "elt"], "there is no flow `elt`: did you mean `etl`?");
        refused(two, &["run", "add divide"], "there is no flow `add divide`: did you mean `Add Divide`?");
        refused(two, &["run", "nothing"], "there is no flow `nothing`");
        refused(two, &["etl"], "unknown argument `etl`: to run the flow, write `prog run etl`");
        refused(two, &["Add", "Divide"], "unknown argument `Add`: to run the flow, write `prog run \"Add Divide\"`");
        refused(
            two,
            &["run", "Add", "Divide"],
            "unknown argument `Divide`: to run the flow, write `prog run \"Add Divide\"`",
        );
        refused(two, &["Add Divid"], "unknown argument `Add Divid`: did you mean `prog run \"Add Divide\"`?");
        refused(two, &["rnu", "etl"], "unknown argument `rnu`: did you mean `run`?");
        refused(two, &["--versoin"], "unknown argument `--versoin`: did you mean `--version`?");
        refused(two, &["run", "--hlep"], "unknown argument `--hlep`: did you mean `--help`?");
        refused(two, &["serve"], "unknown argument `serve`");
        refused(two, &["a\x1b[2J"], "unknown argument `a\\u{1b}[2J`");
        refused(&["a", "b", "a"], &["run", "b"], "two flows are named `a`: give each a name of its own");
    }

    #[test]
    fn a_flow_is_drawn_in_one_of_three_ways() {
        assert_eq!(choose(&["etl"], &["graph"]), Choice::Draw(0, Drawing::Text));
        assert_eq!(choose(&["a", "b"], &["graph", "--dot", "b"]), Choice::Draw(1, Drawing::Dot));
        for words in [["graph", "b", "--svg", "f.svg"], ["graph", "--svg", "f.svg", "b"]] {
            assert_eq!(choose(&["a", "b"], &words), Choice::Draw(1, Drawing::Svg("f.svg".to_owned())));
        }
        assert_eq!(choose(&["a"], &["graph", "--svg=-"]), Choice::Draw(0, Drawing::Svg("-".to_owned())));
        refused(&["a"], &["graph", "--svg"], "`--svg` needs a file: write `--svg flow.svg`");
        refused(&["a"], &["graph", "--svg", "--dot"], "`--svg` needs a file: write `--svg flow.svg`");
        refused(&["a"], &["graph", "--dot", "--dot"], "one picture at a time: give `--svg` or `--dot` once");
        refused(&["a", "b"], &["graph"], "which flow? write `prog graph a`");
        refused(&[], &["graph"], "there is no flow to draw");
        refused(&["a", "b"], &["graph", "c"], "there is no flow `c`");
        refused(&["a"], &["graph", "--sgv"], "unknown argument `--sgv`: did you mean `--svg`?");
        refused(&["a"], &["grahp"], "unknown argument `grahp`: did you mean `graph`?");
    }

    #[test]
    #[cfg(feature = "schema")]
    fn a_flow_is_described() {
        assert_eq!(choose(&["etl"], &["schema"]), Choice::Describe(0));
        assert_eq!(choose(&["a", "b"], &["schema", "b"]), Choice::Describe(1));
        refused(&["a", "b"], &["schema"], "which flow? write `prog schema a`");
        refused(&[], &["schema"], "there is no flow to describe");
        refused(&["a"], &["schema", "c"], "there is no flow `c`");
        refused(&["a"], &["schema", "a", "b"], "unknown argument `b`");
        refused(&["a"], &["shema"], "unknown argument `shema`: did you mean `schema`?");
        let Choice::Say(help) = choose(&["a"], &["--help"]) else { panic!("no help") };
        assert!(help.contains("\n       prog schema [FLOW]\n\ncommands:") && help.contains("\n  schema  "), "{help}");
    }

    #[test]
    fn help_and_version_are_always_there() {
        for words in
            [&["--help"][..], &["-h"], &["help"], &["run", "--help"], &["run", "-h", "x", "y"], &["graph", "-h"]]
        {
            let Choice::Say(help) = choose(&["a\nb", "a\nb"], words) else { panic!("{words:?}") };
            assert!(
                help.starts_with("usage: prog run FLOW [--param NAME=VALUE].. [--params-file FILE]\n")
                    && help.contains("\n  a\\nb\n"),
                "{help}"
            );
        }
        let version = format!("prog (prefect {})\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(choose(&[], &["-V"]), Choice::Say(version.clone()));
        assert_eq!(choose(&["a"], &["--version"]), Choice::Say(version));
    }

    #[test]
    fn values_stand_anywhere_behind_run() {
        let words = |values: &[&str], files: &[&str]| Words {
            values: values.iter().map(ToString::to_string).collect(),
            files: files.iter().map(Into::into).collect(),
        };
        let line = ["run", "--param", "x=1=2", "b", "--params-file=a=b.json", "--param=y=--help", "--params-file", "c"];
        let expected = words(&["x=1=2", "y=--help"], &["a=b.json", "c"]);
        assert_eq!(choose(&["a", "b"], &line), Choice::Run(1, expected));
        assert_eq!(choose(&["a"], &["run", "--param", "x=1"]), Choice::Run(0, words(&["x=1"], &[])));
        refused(&["a"], &["run", "--param"], "expected `--param NAME=VALUE`");
        refused(&["a"], &["run", "a", "--params-file"], "expected `--params-file FILE`");
        refused(&["a"], &["run", "--parm", "x=1"], "unknown argument `--parm`: did you mean `--param`?");
        refused(&["a"], &["--param", "x=1"], "unknown argument `--param`: values go behind `prog run`");
    }

    #[test]
    fn help_tells_the_parameters() {
        let Choice::Say(help) = choose(&["etl", "b"], &["run", "etl", "--help"]) else { panic!("no help") };
        let expected = "usage: prog run etl [--param NAME=VALUE].. [--params-file FILE]\n\n\
                        parameters:\n\
                        \x20 x: i64                required\n\
                        \x20     Where to\n\
                        \x20     start.\n\
                        \x20 t: Option<\\u{1b}[2J>  default: null\n\n";
        assert!(help.starts_with(expected), "{help}");
        let Choice::Say(help) = choose(&["etl", "b"], &["run", "--help"]) else { panic!("no help") };
        assert!(help.contains("\nparameters of etl:\n  x: i64") && !help.contains("of b:"), "{help}");
        let Choice::Say(help) = choose(&["etl", "b"], &["run", "b", "-h"]) else { panic!("no help") };
        assert!(help.contains("the flow has no parameters"), "{help}");
    }
}
