//! The words of the command line, and the exit code.
use super::program::{program, run};

#[test]
fn one_flow_runs_without_a_word() {
    for words in [&[][..], &["run"], &["run", "Add Divide Flow"]] {
        let ran = program(words).env("FLOWS", "one").ran();
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.out.contains("\nFailed           Add Divide Flow  Some reference tasks failed."), "{}", ran.out);
        assert_eq!(ran.err, "");
    }
}

#[test]
fn the_exit_code_tells_how_it_ended() {
    for (flow, code) in [("empty", 0), ("flaky", 0), ("chain", 1), ("stuck", 1), ("paused", 3)] {
        let ran = run(flow).ran();
        assert_eq!(ran.code, Some(code), "{flow}: {ran:?}");
    }
}

#[test]
fn wrong_words_get_a_hint_on_standard_error() {
    let refused = |words: &[&str]| {
        let ran = program(words).ran();
        assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
        ran.err
    };
    assert!(refused(&[]).starts_with("error: which flow? write `terminal_flows run \"Add Divide Flow\"`\n\nflows:\n"));
    let error = refused(&["run", "chian"]);
    assert!(error.starts_with("error: there is no flow `chian`: did you mean `chain`?\n"), "{error}");
    assert!(error.contains("\n  co\\u{1b}[2Jn\\ntrols\n"), "{error}");
    let error = refused(&["chain"]);
    let hint = "  tip: to run the flow, write `terminal_flows run chain`\n";
    assert!(error.starts_with(&format!("error: unrecognized subcommand 'chain'\n\n{hint}\n")), "{error}");
    let error = refused(&["rn", "chain"]);
    assert!(error.starts_with("error: unrecognized subcommand 'rn'\n\n  tip: did you mean `run`?\n\n"), "{error}");
}

#[test]
fn flows_of_one_name_and_no_flow_at_all_are_refused() {
    let ran = program(&["run", "twin"]).env("FLOWS", "doubled").ran();
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.starts_with("error: two flows are named `twin`: give each a name of its own\n"), "{}", ran.err);
    let ran = program(&[]).env("FLOWS", "none").ran();
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.starts_with("error: there is no flow to run\n"), "{}", ran.err);
}

#[test]
fn help_and_version() {
    let help = program(&["--help"]).ran();
    assert_eq!((help.code, &*help.err), (Some(0), ""));
    assert!(
        help.out.starts_with("Usage: terminal_flows [") && help.out.contains("\n  run            Run a flow; "),
        "{}",
        help.out
    );
    for part in ["\n  chain\n", "RUST_LOG", "NO_COLOR", "Exit code: 0"] {
        assert!(help.out.contains(part), "{part}: {}", help.out);
    }
    // The version of the library, which its packages share.
    let version = include_str!("../../Cargo.toml").lines().find_map(|line| line.strip_prefix("version = \"")).unwrap();
    let version = version.trim_end_matches('"');
    let ran = program(&["-V"]).ran();
    assert_eq!((ran.code, ran.out), (Some(0), format!("terminal_flows (prefect {version})\n")));
}

/// The page on the command line has every command, and nothing else.
#[test]
fn the_page_has_every_command() {
    let page = include_str!("../../docs/command-line.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| command |")).skip(2);
    let rows = rows.map_while(|line| line.strip_prefix("| `")).map(|line| line.split(' ').next().unwrap());
    let mut told: Vec<_> = rows.map(|word| word.trim_end_matches('`')).collect();
    told.dedup();
    let help = program(&["--help"]).ran().out;
    let commands = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let commands: Vec<_> = commands.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(told, commands);
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt as _;
    let mut program = program(&["run"]);
    program.command.arg(std::ffi::OsStr::from_bytes(b"\xff"));
    let ran = program.ran();
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.starts_with("error: invalid UTF-8 was detected in one or more arguments\n"), "{}", ran.err);
}
