use super::*;
#[cfg(feature = "store")]
use crate::terminal::schedules::Pausing;

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

fn choose_in(flows: Option<&[&str]>, words: &[&str]) -> Choice {
    let words: Vec<OsString> = words.iter().map(Into::into).collect();
    let parameters = |place| match place {
        0 => two(),
        _ => Vec::new(),
    };
    CommandLine { program: Program { name: "prog", flows }, parameters: &parameters }.choose(&words)
}

fn choose(flows: &[&str], words: &[&str]) -> Choice {
    choose_in(Some(flows), words)
}

fn said(flows: &[&str], words: &[&str]) -> String {
    match choose(flows, words) {
        Choice::Say(text) => text,
        other => panic!("{words:?}: {other:?}"),
    }
}

/// The first line of a refusal, and the tip in it.
#[track_caller]
fn refused(flows: &[&str], words: &[&str], error: &str) {
    let Choice::Refuse(text) = choose(flows, words) else { panic!("{words:?} is not refused") };
    let tip = text.lines().find_map(|line| line.strip_prefix("  tip: "));
    let first = text.lines().next().and_then(|line| line.strip_prefix("error: ")).unwrap_or(&text);
    assert_eq!(tip.map_or_else(|| first.to_owned(), |tip| format!("{first}: {tip}")), error);
}

#[test]
fn one_flow_needs_no_name() {
    for words in [&[][..], &["run"], &["run", "etl"]] {
        assert_eq!(choose(&["etl"], words), Choice::Run(0, Words::default(), Recording::default()));
    }
    assert_eq!(choose(&["a", "b c"], &["run", "b c"]), Choice::Run(1, Words::default(), Recording::default()));
    assert_eq!(choose(&["a", "-b"], &["run", "--", "-b"]), Choice::Run(1, Words::default(), Recording::default()));
}

#[test]
fn what_cannot_be_is_refused_with_a_hint() {
    let two = &["etl", "Add Divide"];
    refused(&[], &[], "there is no flow to run");
    refused(two, &["run"], "which flow? write `prog run etl`");
    refused(two, &["run", "elt"], "there is no flow `elt`: did you mean `etl`?");
    refused(two, &["run", "add divide"], "there is no flow `add divide`: did you mean `Add Divide`?");
    refused(two, &["run", "nothing"], "there is no flow `nothing`");
    refused(two, &["etl"], "unrecognized subcommand 'etl': to run the flow, write `prog run etl`");
    refused(two, &["Add", "Divide"], "unrecognized subcommand 'Add': to run the flow, write `prog run \"Add Divide\"`");
    refused(
        two,
        &["run", "Add", "Divide"],
        "unexpected argument 'Divide' found: to run the flow, write `prog run \"Add Divide\"`",
    );
    refused(two, &["Add Divid"], "unrecognized subcommand 'Add Divid': did you mean `prog run \"Add Divide\"`?");
    refused(two, &["rnu", "etl"], "unrecognized subcommand 'rnu': did you mean `run`?");
    refused(two, &["--versoin"], "unexpected argument '--versoin' found: did you mean `--version`?");
    refused(two, &["run", "--hlep"], "unexpected argument '--hlep' found: did you mean `--help`?");
    refused(two, &["watch"], "unrecognized subcommand 'watch'");
    refused(two, &["completions", "bash\n"], "invalid value 'bash\\n' for '<SHELL>': did you mean `bash`?");
    refused(&["a", "b", "a"], &["run", "b"], "two flows are named `a`: give each a name of its own");
}

#[test]
fn a_word_moves_no_cursor() {
    let two = &["a\x1b[2Jb", "\u{202e}c"];
    refused(two, &["a\x1b[2J"], "unrecognized subcommand 'a\\u{1b}[2J': did you mean `prog run \"a\\u{1b}[2Jb\"`?");
    for words in
        [&["run", "--\x1b\n"][..], &["run", "a", "b\x1b"], &["run", "\x1b"], &["graph", "--dot=\x1b"], &["\x1b"]]
    {
        let Choice::Refuse(text) = choose(two, words) else { panic!("{words:?} is not refused") };
        assert!(!text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{text:?}");
        assert!(text.contains("\\u{1b}"), "{text}");
    }
    assert!(!said(two, &["--help"]).contains(['\x1b', '\u{202e}']));
}

#[test]
fn a_flow_is_drawn_in_one_of_three_ways() {
    assert_eq!(choose(&["etl"], &["graph"]), Choice::Draw(0, Drawing::Text));
    assert_eq!(choose(&["a", "b"], &["graph", "--dot", "b"]), Choice::Draw(1, Drawing::Dot));
    for words in [["graph", "b", "--svg", "f.svg"], ["graph", "--svg", "f.svg", "b"]] {
        assert_eq!(choose(&["a", "b"], &words), Choice::Draw(1, Drawing::Svg("f.svg".to_owned())));
    }
    assert_eq!(choose(&["a"], &["graph", "--svg=-"]), Choice::Draw(0, Drawing::Svg("-".to_owned())));
    refused(&["a"], &["graph", "--svg"], "a value is required for '--svg <FILE>' but none was supplied");
    refused(&["a"], &["graph", "--svg", "--dot"], "a value is required for '--svg <FILE>' but none was supplied");
    refused(&["a"], &["graph", "--svg=f", "--dot"], "the argument '--svg <FILE>' cannot be used with '--dot'");
    refused(&["a"], &["graph", "--dot", "--dot"], "the argument '--dot' cannot be used multiple times");
    refused(&["a", "b"], &["graph"], "which flow? write `prog graph a`");
    refused(&[], &["graph"], "there is no flow to draw");
    refused(&["a", "b"], &["graph", "c"], "there is no flow `c`");
    refused(&["a"], &["graph", "--sgv"], "unexpected argument '--sgv' found: did you mean `--svg`?");
    refused(&["a"], &["grahp"], "unrecognized subcommand 'grahp': did you mean `graph`?");
}

#[test]
#[cfg(feature = "schema")]
fn a_flow_is_described() {
    assert_eq!(choose(&["etl"], &["schema"]), Choice::Describe(0));
    assert_eq!(choose(&["a", "b"], &["schema", "b"]), Choice::Describe(1));
    refused(&["a", "b"], &["schema"], "which flow? write `prog schema a`");
    refused(&[], &["schema"], "there is no flow to describe");
    refused(&["a"], &["schema", "c"], "there is no flow `c`");
    refused(&["a"], &["schema", "a", "b"], "unexpected argument 'b' found");
    refused(&["a"], &["shema"], "unrecognized subcommand 'shema': did you mean `schema`?");
    assert!(said(&["a"], &["--help"]).contains("\n  schema  "));
}

#[test]
fn the_program_without_flows_says_who_has_them() {
    for words in [["run", "etl"], ["graph", "--dot"], ["schema", "-h"]] {
        let Choice::Refuse(text) = choose_in(None, &words) else { panic!("{words:?} is not refused") };
        let why = "is for a program that has flows, one whose `main` calls `prefect::main`: write it behind the name of that program";
        assert!(text.starts_with(&format!("error: `{}` {why}\n", words[0])), "{text}");
    }
    let Choice::Refuse(help) = choose_in(None, &[]) else { panic!("no help") };
    assert!(help.starts_with("Usage: prog [") && !help.contains("\n  run "), "{help}");
}

#[test]
fn help_and_version_are_always_there() {
    for words in [&["--help"][..], &["-h"], &["help"]] {
        let help = said(&["a\nb", "a\nb"], words);
        assert!(help.starts_with("Usage: prog [") && help.contains("\nFlows:\n  a\\nb\n  a\\nb\n"), "{help}");
    }
    let Choice::Say(alone) = choose_in(None, &["--help"]) else { panic!("no help") };
    let codes = alone.split_once("Exit code:").unwrap().1;
    assert!([" 0 ", " 1 ", " 2 ", "\n", " 3 ", " 130 "].iter().all(|code| codes.contains(code)), "{codes}");
    for words in [["graph", "-h"], ["help", "graph"]] {
        let help = said(&["a"], &words);
        assert!(help.contains("\nUsage: prog graph [OPTIONS] [FLOW]\n"), "{help}");
    }
    let version = format!("prog (prefect {})\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(said(&[], &["-V"]), version);
    assert_eq!(said(&["a"], &["--version"]), version);
}

#[test]
fn values_stand_anywhere_behind_run() {
    let words = |values: &[&str], files: &[&str]| Words {
        values: values.iter().map(ToString::to_string).collect(),
        files: files.iter().map(Into::into).collect(),
    };
    let line = ["run", "--param", "x=1=2", "b", "--params-file=a=b.json", "--param=y=--help", "--params-file", "c"];
    let expected = words(&["x=1=2", "y=--help"], &["a=b.json", "c"]);
    assert_eq!(choose(&["a", "b"], &line), Choice::Run(1, expected, Recording::default()));
    assert_eq!(choose(&["a"], &["run", "--param", "x=1"]), Choice::Run(0, words(&["x=1"], &[]), Recording::default()));
    refused(&["a"], &["run", "--param"], "a value is required for '--param <NAME=VALUE>' but none was supplied");
    let file = "a value is required for '--params-file <FILE>' but none was supplied";
    refused(&["a"], &["run", "a", "--params-file"], file);
    refused(&["a"], &["run", "--parm", "x=1"], "unexpected argument '--parm' found: did you mean `--param`?");
    refused(&["a"], &["--param", "x=1"], "unexpected argument '--param' found: values go behind `prog run`");
}

#[test]
fn help_tells_the_parameters() {
    let expected = "Parameters of etl:\n\
                    \x20 x: i64                required\n\
                    \x20     Where to\n\
                    \x20     start.\n\
                    \x20 t: Option<\\u{1b}[2J>  default: null\n";
    for words in [&["run", "etl", "--help"][..], &["run", "-h", "etl", "x"], &["run", "--help"], &["help", "run"]] {
        let help = said(&["etl", "b"], words);
        assert!(help.contains(expected) && !help.contains("of b:"), "{help}");
    }
    let help = said(&["etl", "b"], &["run", "b", "-h"]);
    assert!(help.ends_with("\nb has no parameters\n") && !help.contains("etl"), "{help}");
}

/// What a shell would expand or take apart is not in its script.
#[test]
fn completions_name_commands_and_flows() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = said(&["etl", "$(reboot)", "Add Divide", "a\"b", "a'b"], &["completions", shell]);
        // Those of the others leave values to whoever types them.
        let flow = if matches!(shell, "bash" | "zsh") { "etl" } else { "run" };
        for word in ["params-file", "graph", flow] {
            assert!(script.contains(word), "{shell}: {word}: {script}");
        }
        for word in ["reboot", "Divide", "a\"b", "a'b"] {
            assert!(!script.contains(word), "{shell}: {word}: {script}");
        }
    }
    assert!(said(&["etl"], &["completions", "fish"]).contains("prog"));
}

/// Before or behind any command, and between its words.
#[test]
#[cfg(feature = "store")]
fn the_store_is_named_anywhere() {
    let commands: [&[&str]; 6] = [
        &["runs", "show", "c"],
        &["runs", "list", "--limit=3"],
        &["schedules", "pause", "c"],
        &["schedules", "list", "--json"],
        &["store", "check"],
        &["secrets", "rm", "c"],
    ];
    for command in commands {
        let &[first, second, ref rest @ ..] = command else { panic!("two words") };
        let store = "--store=x.db";
        let before = choose_in(None, &[&[store, first, second], rest].concat());
        assert!(format!("{before:?}").ends_with("Some(\"x.db\"))"), "{before:?}");
        assert_eq!(choose_in(None, &[&[first, store, second], rest].concat()), before);
        assert_eq!(choose_in(None, &[&[first, second, store], rest].concat()), before);
        assert_eq!(choose_in(None, &[&[first, "--store", "x.db", second], rest].concat()), before);
        assert_eq!(choose_in(None, &[command, &[store]].concat()), before);
    }
    let at = |option, first, second| {
        format!("`--{option}` stands between `{first}` and `{second}`: options of `{first} {second}` go behind it")
    };
    refused(&["a"], &["runs", "--limit", "3", "show", "c"], &at("limit", "runs", "show"));
    refused(&["a"], &["runs", "--store=x.db", "--json", "list"], &at("json", "runs", "list"));
    refused(&["a"], &["schedules", "--json", "pause", "c"], &at("json", "schedules", "pause"));
}

#[test]
#[cfg(feature = "store")]
fn schedules_are_served_listed_and_paused() {
    assert_eq!(choose(&["a", "b"], &["serve"]), Choice::Serve(Vec::new(), None));
    assert_eq!(choose(&["a", "b"], &["serve", "b", "a", "b"]), Choice::Serve(vec![0, 1], None));
    let store = Some("x.db".to_owned());
    assert_eq!(choose(&["a", "b"], &["serve", "b", "--store", "x.db"]), Choice::Serve(vec![1], store.clone()));
    refused(&["a", "b"], &["serve", "c"], "there is no flow `c`");
    refused(&["a", "a"], &["serve"], "two flows are named `a`: give each a name of its own");
    let list = |format, store| Choice::Ask(Question::Schedules, format, store);
    for flows in [Some(&["a"][..]), None] {
        assert_eq!(choose_in(flows, &["schedules"]), list(Format::Table, None));
        assert_eq!(choose_in(flows, &["schedules", "list", "--json"]), list(Format::Json, None));
        for (word, to) in [("pause", Pausing::Pause), ("resume", Pausing::Resume)] {
            let errand = ScheduleErrand { flow: "c".to_owned(), to };
            let expected = Choice::ChangeSchedule(errand, store.clone());
            assert_eq!(choose_in(flows, &["schedules", word, "c", "--store=x.db"]), expected);
        }
    }
    let Choice::Refuse(text) = choose_in(None, &["serve"]) else { panic!("`prefect` has nothing to serve") };
    assert!(text.starts_with("error: `serve` is for a program that has flows"), "{text}");
    let Choice::Refuse(text) = choose(&["a"], &["schedules", "pause"]) else { panic!("which one?") };
    assert!(text.contains("<FLOW>"), "{text}");
}
