//! Runs of other processes, watched.
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Stdio};

use prefect_store::{OwnedRun, StateCode, Store};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

use super::program::{Home, command, program};
use super::pty::Terminal;
use super::store::{begin, end, open, path, task};

/// A run of this very process, and who watches it.
struct Watched {
    _home: Home,
    store: Store,
    run: Option<OwnedRun>,
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Watched {
    fn new(words: &[&str]) -> Self {
        let home = Home::new();
        let store = open(&home.0.join(".prefect/prefect.db"));
        let run = begin(&store, "etl", "brave-otter", &[("load", false), ("fetch", true)]);
        let mut command = command(&home, &[&["runs", "watch", "brave-otter"], words].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { _home: home, store, run: Some(run), child, out }
    }

    fn run(&self) -> &OwnedRun {
        self.run.as_ref().unwrap()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }

    fn ended(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

#[test]
fn each_change_is_a_line_and_the_exit_code_is_that_of_the_run() {
    let mut watched = Watched::new(&[]);
    assert_eq!(watched.line(), "12:00:00 Running          etl\n");
    task(watched.run(), 0, None, StateCode::SUCCESS, None);
    assert_eq!(watched.line(), "12:00:00 Running          load  Starting task run.\n");
    assert_eq!(watched.line(), "12:00:01 Success          load  Task run succeeded.\n");
    task(watched.run(), 1, Some(3), StateCode::FAILED, Some("no \u{1b}[2J"));
    watched.line();
    assert_eq!(watched.line(), "12:00:03 Failed           fetch[3]  no \\u{1b}[2J\n");
    let id = end(watched.run(), StateCode::FAILED, Some("Some reference tasks failed."));
    let (code, rest) = watched.ended();
    let expected = format!(
        "12:01:05 Failed           etl  Some reference tasks failed.\nrun {} (brave-otter) of etl: Failed, took 1m 05s\n",
        id.short()
    );
    assert_eq!((code, rest), (Some(1), expected));
}

#[test]
fn a_run_that_waits_ends_the_watching_with_three_and_a_good_one_with_zero() {
    for (state, expected) in [(StateCode::SUCCESS, 0), (StateCode::PAUSED, 3), (StateCode::CANCELLED, 1)] {
        let watched = Watched::new(&[]);
        end(watched.run(), state, None);
        assert_eq!(watched.ended().0, Some(expected), "{state}");
    }
}

#[test]
fn a_program_gets_an_object_for_each_change() {
    let watched = Watched::new(&["--json"]);
    task(watched.run(), 1, Some(0), StateCode::SUCCESS, None);
    end(watched.run(), StateCode::SUCCESS, None);
    let (code, out) = watched.ended();
    let objects: Vec<Json> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, objects.len()), (Some(0), 5), "{out}");
    assert_eq!((&objects[0]["task"], &objects[0]["state"]), (&Json::Null, &"Running".into()));
    assert_eq!((&objects[2]["task"], &objects[2]["index"]), (&"fetch-2".into(), &0.into()));
    assert_eq!((&objects[2]["state"], &objects[2]["attempt"]), (&"Success".into(), &1.into()));
    assert_eq!((&objects[4]["name"], &objects[4]["state"]), (&"brave-otter".into(), &"Success".into()));
}

/// Who watches sees that nobody runs it any more.
#[test]
fn the_end_of_its_process_is_the_end_of_the_run() {
    let mut watched = Watched::new(&[]);
    watched.line();
    watched.run = None;
    let (code, rest) = watched.ended();
    assert_eq!(code, Some(1), "{rest}");
    assert!(rest.contains(" of etl: Crashed"), "{rest}");

    // One that was killed has told nobody.
    let home = Home::new();
    let mut running = command(&home, &["run", "endless"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(running.stdout.take().unwrap());
    let mut line = String::new();
    while line != "begins\n" {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0);
    }
    let runs: Json = serde_json::from_slice(&command(&home, &["runs", "--json"]).output().unwrap().stdout).unwrap();
    let name = runs[0]["name"].as_str().unwrap().to_owned();
    let watching = command(&home, &["runs", "watch", &name]).stdout(Stdio::piped()).spawn().unwrap();
    running.kill().unwrap();
    running.wait().unwrap();
    let output = watching.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{out}");
    assert!(out.contains(" of endless: Crashed"), "{out}");
}

#[test]
fn ctrl_c_leaves_the_run_alone() {
    let mut watched = Watched::new(&[]);
    watched.line();
    kill_process(Pid::from_child(&watched.child), Signal::INT).unwrap();
    let code = watched.child.wait().unwrap().code();
    assert_eq!(code, Some(130));
    assert_eq!(watched.store.run("brave-otter").unwrap().state, StateCode::RUNNING);
    end(watched.run(), StateCode::SUCCESS, None);
}

#[test]
fn a_terminal_has_the_table() {
    let program = program(&["runs", "watch", "brave-otter"]).env("TERM", "xterm");
    let store = open(&path(&program));
    let run = begin(&store, "etl", "brave-otter", &[("load", false), ("fetch", true)]);
    task(&run, 1, None, StateCode::MAPPED, None);
    task(&run, 1, Some(0), StateCode::SUCCESS, None);
    let mut terminal = Terminal::start(program, 24, 80);
    terminal.until("the table", |lines| {
        let has = |text: &str| lines.iter().any(|line| line.contains(text));
        has("2 of 3 tasks finished: 1 Success, 1 Mapped") && has("  Success          fetch[0]")
    });
    end(&run, StateCode::SUCCESS, None);
    let (code, lines, _) = terminal.ended();
    let id = store.run("brave-otter").unwrap().id.short();
    let last = format!("run {id} (brave-otter) of etl: Success, took 1m 05s");
    assert_eq!((code, lines), (Some(0), vec![last]));
}
