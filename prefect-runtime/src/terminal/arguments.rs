//! What the words of the command line ask for.
use std::ffi::OsString;
use std::fmt::Write as _;

use super::text::plain;
use crate::near::nearest;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Run the flow at this place.
    Run(usize),
    /// Draw the flow at this place.
    Draw(usize, Drawing),
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
const WORDS: [&str; 7] = ["run", "graph", "help", "--help", "--version", "--svg", "--dot"];

pub(super) struct CommandLine<'a> {
    pub(super) program: &'a str,
    /// The names of the flows.
    pub(super) flows: &'a [&'a str],
}

impl CommandLine<'_> {
    pub(super) fn choose(&self, arguments: &[OsString]) -> Choice {
        let Some(words) = arguments.iter().map(|word| word.to_str()).collect::<Option<Vec<_>>>() else {
            return self.refuse("an argument is no text", None);
        };
        match words.as_slice() {
            ["-h" | "--help" | "help", ..] | ["run" | "graph", "-h" | "--help"] => return Choice::Say(self.help()),
            ["-V" | "--version"] => return Choice::Say(self.version()),
            _ => {}
        }
        if let Some(name) = self.doubled() {
            let error = format!("two flows are named `{}`: give each a name of its own", plain(name));
            return self.refuse(&error, None);
        }
        match words.as_slice() {
            [] | ["run"] => self.flow_of("run", None).map_or_else(|refusal| refusal, Choice::Run),
            ["run", name] => self.flow_of("run", Some(name)).map_or_else(|refusal| refusal, Choice::Run),
            ["run", rest @ ..] => self.unknown(rest[1], self.flow("run", &rest.join(" "))),
            ["graph", rest @ ..] => self.graph(rest).unwrap_or_else(|refusal| refusal),
            [first, ..] => {
                let flow = self.flow("run", &words.join(" ")).or_else(|| self.flow("run", first));
                self.unknown(first, flow)
            }
        }
    }

    fn doubled(&self) -> Option<&str> {
        let mut names = self.flows.iter().enumerate();
        names.find(|(i, name)| self.flows[..*i].contains(name)).map(|(_, name)| *name)
    }

    /// The flow of this name, as it is written on the command line.
    fn flow(&self, command: &str, name: &str) -> Option<String> {
        self.flows
            .contains(&name)
            .then(|| format!("to {} the flow, write `{}`", verb(command), self.written(command, name)))
    }

    /// `prog run "a flow"`
    fn written(&self, command: &str, name: &str) -> String {
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

    fn unknown(&self, word: &str, hint: Option<String>) -> Choice {
        let hint = hint.or_else(|| {
            let meant = nearest(word, WORDS).map(ToOwned::to_owned);
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
            "usage: {program} run {flow}\n\
             \x20      {program} graph {flow} [--svg FILE] [--dot]\n\n\
             commands:\n\
             \x20 run            runs a flow; with one flow in the program, `{program}` alone does the same\n\
             \x20 graph          draws a flow: as boxes and arrows, --svg FILE as SVG (- for standard output), --dot as DOT\n\
             \x20 help           prints this\n\n\
             options:\n\
             \x20 -h, --help     prints this\n\
             \x20 -V, --version  prints the version of the library\n\n\
             flows:\n{names}\n\
             environment:\n\
             \x20 RUST_LOG       which log lines are shown, for example `info` or `prefect.TaskRunner=debug`\n\
             \x20 NO_COLOR       no colours; CLICOLOR_FORCE=1: colours everywhere\n\n\
             exit code: 0 the flow succeeded, 1 it failed, 2 wrong arguments, 3 it waits for somebody\n",
            program = self.program,
            names = self.names(),
        )
    }
}

/// What a command does to a flow.
fn verb(command: &str) -> &str {
    if command == "graph" { "draw" } else { command }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(flows: &[&str], words: &[&str]) -> Choice {
        let words: Vec<OsString> = words.iter().map(Into::into).collect();
        CommandLine { program: "prog", flows }.choose(&words)
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
            assert_eq!(choose(&["etl"], words), Choice::Run(0));
        }
        assert_eq!(choose(&["a", "b c"], &["run", "b c"]), Choice::Run(1));
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
    fn help_and_version_are_always_there() {
        for words in [&["--help"][..], &["-h"], &["help"], &["run", "--help"], &["graph", "-h"]] {
            let Choice::Say(help) = choose(&["a\nb", "a\nb"], words) else { panic!("{words:?}") };
            assert!(help.starts_with("usage: prog run FLOW\n") && help.contains("\n  a\\nb\n"), "{help}");
        }
        let version = format!("prog (prefect {})\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(choose(&[], &["-V"]), Choice::Say(version.clone()));
        assert_eq!(choose(&["a"], &["--version"]), Choice::Say(version));
    }
}
