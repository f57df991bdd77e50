//! The words of the command line: commands, their options, and what help says of them.
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use clap_complete::Shell;

use super::Program;
use crate::StateKind;

/// Behind `--help`.
const WITH_FLOWS: &str = "\
Environment:
  RUST_LOG  Which log lines are shown, for example `info` or `prefect.TaskRunner=debug`
  NO_COLOR  No colours; CLICOLOR_FORCE=1: colours everywhere

Exit code: 0 the flow succeeded, 1 it failed, 2 the arguments or what they name are wrong, 3 it waits for somebody";

/// The same of the program without flows.
const ALONE: &str = "\
Environment:
  NO_COLOR  No colours; CLICOLOR_FORCE=1: colours everywhere

Exit code: 0 it is done, 1 the store is damaged, a message was not sent, or the run that was watched failed, 2 the arguments
or what they name are wrong, 3 the run that was watched waits for somebody, 130 Ctrl-C ended the watching";

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
            let flows = if flows.is_empty() { String::new() } else { format!("Flows:\n{}\n", super::names(flows)) };
            let root = root.subcommands([run(), graph(), schema]).after_help(format!("{flows}{WITH_FLOWS}"));
            if cfg!(feature = "store") {
                root.subcommands(going_on())
            } else {
                root.subcommands(GOING_ON.map(elsewhere))
            }
        }
        None => {
            let root = root.subcommands(["run", "graph", "schema"].map(elsewhere));
            root.subcommands(GOING_ON.map(elsewhere)).after_help(ALONE)
        }
    };
    let root = if cfg!(feature = "store") {
        let url = Arg::new("store").long("store").value_name("URL").global(true).value_hint(ValueHint::FilePath);
        let url = url.help("Where runs are recorded: an SQLite database or a PostgreSQL URL, instead of `[store] url`");
        let root = root.arg(url).subcommand(schedules()).subcommands(recorded());
        root.subcommands([secrets(), slack(), notifications()])
    } else {
        root.subcommands(OF_THE_STORE.map(elsewhere))
    };
    root.subcommands([config(), completions()])
}

/// What looks at recorded runs, and what is beside them in the store.
pub(super) const OF_THE_STORE: [&str; 8] =
    ["schedules", "cancel", "runs", "flows", "store", "secrets", "slack", "notifications"];

/// What makes recorded runs, and goes on with them.
pub(super) const GOING_ON: [&str; 3] = ["resume", "retry", "serve"];

fn going_on() -> [Command; 3] {
    let task = Arg::new("task").value_name("TASK").value_hint(ValueHint::Other);
    let reject = Arg::new("reject").long("reject").action(ArgAction::SetTrue);
    let note = Arg::new("note").long("note").value_name("TEXT").value_hint(ValueHint::Other);
    let resume = Command::new("resume")
        .about("Go on with a run that crashed or failed, or let a task of it go on that waits for somebody")
        .arg(run_named().required(false).help(
            "Its id, at least 4 digits of the beginning or end of it, or its name; by default the last run that is \
             Crashed, Paused or Failed",
        ))
        .arg(task.help("Which of the tasks that wait; by default the first"))
        .arg(reject.help("The task does not go on: it fails"))
        .arg(note.help("What is said with the answer: it stands beside the task's state"))
        .arg(force());
    let from = Arg::new("from").long("from").value_name("TASK").value_hint(ValueHint::Other);
    let only_failed = Arg::new("only-failed").long("only-failed").action(ArgAction::SetTrue).conflicts_with("from");
    let retry = Command::new("retry")
        .about("Run tasks of a recorded run again, and keep the results of the others")
        .after_help("Without an option: what failed, and everything downstream of it.")
        .arg(run_named())
        .arg(from.help("This task, and everything downstream of it"))
        .arg(only_failed.help("What failed, and what did not run because of that"))
        .arg(force());
    let flows =
        Arg::new("flow").value_name("FLOW").action(ArgAction::Append).num_args(0..).value_hint(ValueHint::Other);
    let serve = Command::new("serve")
        .about("Serve the schedules of the flows: each moment has one run, however many processes serve")
        .arg(flows.help("Which flows; by default all that have schedules"));
    [resume, retry, serve]
}

fn schedules() -> Command {
    let flow = || Arg::new("flow").value_name("FLOW").required(true).value_hint(ValueHint::Other);
    let list = Command::new("list").about("List schedules, with their next moments and last runs").arg(json());
    Command::new("schedules")
        .about("List schedules; `schedules pause` and `schedules resume` hold one up and let it go on")
        .arg(json())
        .subcommands([
            list,
            Command::new("pause")
                .about("Pause a schedule: no run of it begins, whoever serves it")
                .arg(flow().help("The flow whose schedule it is")),
            Command::new("resume")
                .about("Let a paused schedule go on")
                .arg(flow().help("The flow whose schedule it is")),
        ])
}

/// What a run whose flow has changed needs.
fn force() -> Arg {
    let force = Arg::new("force").long("force").action(ArgAction::SetTrue);
    force.help(
        "Also if the flow has changed: what is new, renamed or rewired starts anew, and everything downstream of it",
    )
}

fn run_named() -> Arg {
    let run = Arg::new("run").value_name("RUN").required(true).value_hint(ValueHint::Other);
    run.help("Its id, at least 4 digits of the beginning or end of it, or its name")
}

fn recorded() -> [Command; 4] {
    // `runs` alone lists them, too.
    let list = listing(Command::new("list").about("List recorded runs, the newest first"));
    let show = Command::new("show")
        .about("Show what became of a run: what failed, and each task")
        .arg(run_named())
        .arg(json());
    let task = Arg::new("task").value_name("TASK").value_hint(ValueHint::Other);
    let number = |name| count(name).value_parser(value_parser!(u32));
    let levels = PossibleValuesParser::new(["ERROR", "WARN", "INFO", "DEBUG", "TRACE"]);
    let level = Arg::new("level").long("level").value_name("LEVEL").value_parser(levels).ignore_case(true);
    let follow = Arg::new("follow").long("follow").short('f').action(ArgAction::SetTrue);
    let logs = Command::new("logs")
        .about("Print what a run logged")
        .arg(run_named())
        .arg(task.help("Only this task, by its name or slug; `fetch[3]` is a child of a mapped one"))
        .arg(number("index").help("Only this child of the task").requires("task"))
        .arg(number("attempt").help("Only this attempt, from 1"))
        .arg(
            level
                .help("Only what is at least so important: error, warn, info, debug or trace")
                .hide_possible_values(true),
        )
        .arg(number("tail").help("Only the last lines"))
        .arg(follow.help("Then print what comes, until the run has ended"))
        .arg(json().help("As JSON; with `--follow`, an object a line"));
    let watch = Command::new("watch")
        .about("Follow a run of any process until it ends")
        .after_help("Exit code: that of the run. Ctrl-C ends the watching, and not the run.")
        .arg(run_named())
        .arg(json().help("As JSON, an object for each change"));
    let check = Command::new("check").about("Look for damage in the store, and tell how large it is").arg(json());
    let older = Arg::new("older-than").long("older-than").value_name("DURATION").default_value("30d");
    let keep = count("keep").default_value("0").value_parser(value_parser!(u32));
    let dry = Arg::new("dry-run").long("dry-run").action(ArgAction::SetTrue);
    let prune = Command::new("prune")
        .about("Remove runs that ended long ago, and give their space back")
        .after_help(
            "Runs that go on, that wait for somebody or that have crashed stay, however old they are: cancel those.",
        )
        .arg(older.help("Those that ended longer ago, such as 12h or 90d").value_parser(age))
        .arg(keep.help("So many of each flow stay, the newest"))
        .arg(dry.help("Only say how many that are"))
        .arg(json());
    let file = Arg::new("file").value_name("FILE").required(true).value_parser(value_parser!(PathBuf));
    let backup = Command::new("backup")
        .about("Copy the store into a new file, whoever writes to it meanwhile")
        .arg(file.value_hint(ValueHint::FilePath).help("The copy: there must be no such file"))
        .arg(json());
    [
        Command::new("cancel")
            .about("Stop a run: nothing of it starts any more, and it ends Cancelled")
            .arg(run_named()),
        listing(Command::new("runs").about("List recorded runs; `runs show` has more of one"))
            .subcommands([list, show, logs, watch]),
        Command::new("flows").about("List flows, and the last run of each").arg(json()),
        Command::new("store")
            .about("Look after the store")
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommands([check, prune, backup]),
    ]
}

/// How long ago.
fn age(text: &str) -> Result<Duration, String> {
    crate::flow::parse_duration(text.as_bytes()).ok_or_else(|| "a duration such as 12h or 30d is expected".to_owned())
}

fn secrets() -> Command {
    Command::new("secrets")
        .about("Keep secrets in the store, encrypted")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            Command::new("set")
                .about("Keep a secret: its value is asked for, or read from a pipe")
                .arg(secret())
                .arg(not_here()),
            Command::new("get").about("Print the value of a secret").arg(secret()),
            Command::new("list").about("List the names of the secrets, and nothing of their values").arg(json()),
            Command::new("rm").about("Remove a secret").arg(secret()),
            Command::new("import-config").about("Keep what `[context.secrets]` of the configuration file has"),
            Command::new("rotate").about("Encrypt all secrets with a new key"),
        ])
}

fn slack() -> Command {
    let channel = Arg::new("channel").long("channel").value_name("CHANNEL").value_hint(ValueHint::Other);
    Command::new("slack")
        .about("Look after the webhooks of Slack, one for each channel")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            Command::new("add")
                .about("Keep the URL of a webhook: it is asked for, or read from a pipe")
                .arg(secret())
                .arg(channel.help("The channel that it posts to, as Slack shows it: for `slack list`"))
                .arg(not_here()),
            Command::new("list").about("List the webhooks with their channels, and nothing of their URLs").arg(json()),
            Command::new("test").about("Post a test message").arg(secret()),
        ])
}

fn notifications() -> Command {
    let all = || Arg::new("all").long("all").action(ArgAction::SetTrue);
    let ids =
        || Arg::new("id").value_name("ID").num_args(0..).value_parser(value_parser!(i64)).value_hint(ValueHint::Other);
    Command::new("notifications")
        .about("Look after notifications: what waits to be sent, and what was given up")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            Command::new("list")
                .about("List notifications that were not sent")
                .arg(all().help("Those that were sent, too"))
                .arg(json()),
            Command::new("retry")
                .about("Send what waits, now")
                .arg(ids().help("Only these, also if they were given up"))
                .arg(all().help("All that was given up, too").conflicts_with("id")),
            Command::new("give-up")
                .about("Have nobody try any more to send what waits")
                .arg(ids().help("Which, by their numbers").required_unless_present("all"))
                .arg(all().help("All that waits").conflicts_with("id")),
        ])
}

fn secret() -> Arg {
    let name = Arg::new("name").value_name("NAME").required(true).value_hint(ValueHint::Other);
    name.help("The name of the secret: letters, digits, `_`, `-` and `.`")
}

/// What must not stand there: an error of `clap` would repeat it.
fn not_here() -> Arg {
    Arg::new("not-here")
        .num_args(0..)
        .allow_hyphen_values(true)
        .hide(true)
        .value_parser(value_parser!(std::ffi::OsString))
}

fn listing(command: Command) -> Command {
    let names = StateKind::ALL.iter().map(|kind| kind.name()).filter(|name| *name != "State");
    let states = PossibleValuesParser::new(names);
    let state = Arg::new("state").long("state").value_name("STATE").action(ArgAction::Append).value_delimiter(',');
    let limit = count("limit").default_value("50");
    let flow = Arg::new("flow").long("flow").value_name("FLOW").value_hint(ValueHint::Other);
    command
        .arg(flow.help("Those of this flow"))
        .arg(
            state
                .help("Those in this state, or in one of several")
                .value_parser(states)
                .ignore_case(true)
                .hide_possible_values(true),
        )
        .arg(limit.help("At most so many").value_parser(value_parser!(u32).range(1..)))
        .arg(json())
}

fn config() -> Command {
    Command::new("config").about("Show the settings in effect, and where each came from").arg(json())
}

fn json() -> Arg {
    Arg::new("json").long("json").action(ArgAction::SetTrue).help("As JSON")
}

fn run() -> Command {
    let value = Arg::new("param").long("param").value_name("NAME=VALUE").action(ArgAction::Append);
    let file = Arg::new("params-file").long("params-file").value_name("FILE").action(ArgAction::Append);
    let run = Command::new("run")
        .about("Run a flow; with one flow in the program, the program's name alone does the same")
        .arg(flow())
        .arg(value.help("Give a parameter its value: JSON, or a text without quotes").value_hint(ValueHint::Other))
        .arg(
            file.help("A JSON object of parameters; `--param` goes before it")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath),
        );
    let resume_last = Arg::new("resume-last").long("resume-last").action(ArgAction::SetTrue);
    let resume_last = resume_last.conflicts_with_all(["param", "params-file"]);
    if cfg!(feature = "store") {
        run.arg(resume_last.help("Go on with the flow's last run, if it has not ended well"))
    } else {
        run
    }
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

/// Of something: a negative one is a wrong number, and no option that nobody knows.
fn count(name: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("N").allow_negative_numbers(true)
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
        "run" | "graph" | "schema" | "serve" if !command.is_hide_set() => {
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
