//! The words of the command line: commands, their options, and what help says of them.
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use clap_complete::Shell;

use super::super::text::plain;
use super::Program;

/// What the ends of programs say, behind `--help`.
const REST: &str = "\
Environment:
  RUST_LOG  Which log lines are shown, for example `info` or `prefect.TaskRunner=debug`
  NO_COLOR  No colours; CLICOLOR_FORCE=1: colours everywhere

Exit code: 0 the flow succeeded, 1 it failed, 2 the arguments or what they name are wrong, 3 it waits for somebody";

/// The commands of a program.
pub(super) fn command(program: &Program<'_>) -> Command {
    let root = Command::new("prefect").bin_name(program.name).display_name(program.name).version(concat!(
        "(prefect ",
        env!("CARGO_PKG_VERSION"),
        ")"
    ));
    let root = match program.flows {
        Some(flows) => {
            let schema = if cfg!(feature = "schema") { schema() } else { elsewhere("schema") };
            let names: String = flows.iter().map(|name| format!("  {}\n", plain(name))).collect();
            let flows = if names.is_empty() { names } else { format!("Flows:\n{names}\n") };
            root.subcommands([run(), graph(), schema]).after_help(format!("{flows}{REST}"))
        }
        None => root.subcommands(["run", "graph", "schema"].map(elsewhere)).after_help(REST),
    };
    root.subcommand(completions())
}

fn run() -> Command {
    let value = Arg::new("param").long("param").value_name("NAME=VALUE").action(ArgAction::Append);
    let file = Arg::new("params-file").long("params-file").value_name("FILE").action(ArgAction::Append);
    Command::new("run")
        .about("Run a flow; with one flow in the program, the program's name alone does the same")
        .arg(flow())
        .arg(value.help("Give a parameter its value: JSON, or a text without quotes").value_hint(ValueHint::Other))
        .arg(
            file.help("A JSON object of parameters; `--param` goes before it")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath),
        )
}

fn graph() -> Command {
    let svg = Arg::new("svg").long("svg").value_name("FILE").value_hint(ValueHint::FilePath);
    Command::new("graph")
        .about("Draw a flow, and run nothing: as boxes and arrows, SVG or DOT")
        .arg(flow())
        .arg(svg.help("Write SVG into this file; `-` is standard output").conflicts_with("dot"))
        .arg(Arg::new("dot").long("dot").action(ArgAction::SetTrue).help("Print DOT"))
}

fn schema() -> Command {
    Command::new("schema").about("Print the parameters of a flow as a JSON schema").arg(flow())
}

fn completions() -> Command {
    let shell = Arg::new("shell").value_name("SHELL").required(true).value_parser(value_parser!(Shell));
    Command::new("completions").about("Print what completes these words in a shell").arg(shell)
}

fn flow() -> Arg {
    Arg::new("flow").value_name("FLOW").help("Which flow; not needed where there is only one")
}

/// A command that this program does not have: whatever follows it, an error says why.
fn elsewhere(name: &'static str) -> Command {
    let rest = Arg::new("rest").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true);
    let rest = rest.value_parser(value_parser!(std::ffi::OsString));
    Command::new(name).hide(true).disable_help_flag(true).arg(rest)
}

/// The script for a shell. Names of flows that a shell would take apart or expand are left out.
pub(super) fn completion_script(program: &Program<'_>, shell: Shell) -> String {
    let names = program.flows.unwrap_or_default().iter().filter(|name| super::is_one_word(name));
    let names = PossibleValuesParser::new(names.map(|name| (*name).to_owned()));
    let mut command = command(program).mut_subcommands(|command| match command.get_name() {
        "run" | "graph" | "schema" if !command.is_hide_set() => {
            command.mut_arg("flow", |flow| flow.value_parser(names.clone()))
        }
        _ => command,
    });
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, program.name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The text that this argument was given.
pub(super) fn text<'m>(matches: &'m ArgMatches, name: &str) -> Option<&'m str> {
    matches.get_one::<String>(name).map(String::as_str)
}
