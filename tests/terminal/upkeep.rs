//! `store prune` and `store backup`.
use std::fs;
use std::sync::Arc;

use prefect_store::{FlowChange, Message, Micros, Notification, StateCode, Store, StoreUrl};
use serde_json::Value as Json;

use super::program::{Home, Program, Ran, alone, alone_at, command, program, ran};
use super::pty::Terminal;
use super::store::{NOON, begin, open, path, task};

/// The store of this program has runs: four old ones, of which one is paused and one failed, and one that is not.
fn fill(program: &Program) {
    let at = path(program);
    let store = open(&at);
    let states = [StateCode::SUCCESS, StateCode::PAUSED, StateCode::SUCCESS, StateCode::FAILED, StateCode::SUCCESS];
    for (i, state) in states.into_iter().enumerate() {
        let run = begin(&store, "etl", &format!("run-{i}"), &[("load", true)]);
        (0..200).for_each(|index| task(&run, 0, Some(index), StateCode::SUCCESS, None));
        // Long ago, or in 2099.
        let at = if i == 4 { NOON } else { 1_000_000 };
        let version = run.version() + 1;
        let end = FlowChange { state, version, at: Micros(at), message: None, notifications: Vec::new() };
        run.wait(run.record_run(end)).unwrap();
    }
}

fn said(words: &[&str]) -> (Ran, Program) {
    let program = alone(words);
    fill(&program);
    let Program { mut command, home } = program;
    (ran(&mut command), Program { command, home })
}

fn names(program: &Program) -> Vec<String> {
    let store = Store::open_read_only(&StoreUrl::sqlite(path(program)), prefect_store::Options::default()).unwrap();
    store.runs(&prefect_store::RunFilter::default()).unwrap().into_iter().map(|run| run.name).collect()
}

#[test]
fn old_runs_are_removed_and_what_was_is_told() {
    let (ran, program) = said(&["store", "prune"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let told = "3 runs that ended more than 30 days ago removed, with ";
    assert!(ran.out.starts_with(told) && ran.out.ends_with(" after\n"), "{}", ran.out);
    assert_eq!(names(&program), ["run-4", "run-1"]);
}

#[test]
fn what_would_be_removed_is_only_told() {
    let (ran, program) = said(&["store", "prune", "--dry-run", "--keep", "3", "--older-than", "12h"]);
    let told =
        "1 run that ended more than 12h 00m ago, but for the newest 3 of each flow, would be removed; nothing is\n";
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), told));
    assert_eq!(names(&program).len(), 5);
    let (ran, program) = said(&["store", "prune", "--dry-run", "--json"]);
    assert_eq!(
        serde_json::from_str::<Json>(&ran.out).unwrap(),
        serde_json::json!({ "dry_run": true, "runs": 3, "held_up": 0 })
    );
    assert_eq!(names(&program).len(), 5);
}

/// Of one of the old runs nobody has heard yet.
#[test]
fn a_run_stays_as_long_as_a_notification_of_it_waits() {
    let program = alone(&["store", "prune"]);
    fill(&program);
    let store = open(&path(&program));
    let run = begin(&store, "etl", "told", &[]);
    let (version, state, at) = (run.version() + 1, StateCode::FAILED, Micros(1_000_000));
    let message = Arc::new(Message { kind: "slack".into(), to: "HOOK".into(), payload: "{}".into() });
    let notifications = vec![Notification { ticket: 1, message, cause: None }];
    run.wait(run.record_run(FlowChange { state, version, at, message: None, notifications })).unwrap();
    drop((run, store));
    let home = program.home;
    let call = |words: &[&str]| ran(&mut alone_at(&home, words));
    let json = |words: &[&str]| serde_json::from_str::<Json>(&call(words).out).unwrap();
    let would = call(&["store", "prune", "--dry-run"]);
    let told = "1 more stays: notifications of it wait to be sent (`notifications list`)\n";
    assert!(would.out.starts_with("3 runs ") && would.out.ends_with(&format!("; nothing is\n{told}")), "{would:?}");
    assert_eq!(json(&["store", "prune", "--json"])["held_up"], 1);
    let again = call(&["store", "prune"]);
    assert!(again.out.starts_with("0 runs ") && again.out.ends_with(told), "{again:?}");
    let listed = json(&["notifications", "list", "--json"]);
    assert_eq!((&listed[0]["run_name"], &listed[0]["status"]), (&"told".into(), &"waits".into()));
}

#[test]
fn a_program_is_told_in_json() {
    let (ran, program) = said(&["store", "prune", "--keep", "2", "--json"]);
    let json: Json = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&json["runs"], &json["dry_run"], &json["graphs"]), (&2.into(), &false.into(), &0.into()));
    assert!(json["rows"].as_u64().unwrap() > 800 && json["bytes"]["before"].as_u64() > json["bytes"]["after"].as_u64());
    assert_eq!(names(&program), ["run-4", "run-3", "run-1"]);
}

#[test]
fn long_work_has_a_bar_where_there_is_a_terminal() {
    let program = program(&["store", "prune"]).env("TERM", "xterm");
    fill(&program);
    let (code, lines, _) = Terminal::start(program, 24, 120).ended();
    let lines: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    assert_eq!((code, lines.len()), (Some(0), 1), "the bar is gone: {lines:?}");
    assert!(lines[0].starts_with("3 runs that ended"), "{lines:?}");
}

#[test]
fn a_copy_is_sound_and_has_the_runs() {
    let home = Home::new();
    let call = |words: &[&str]| ran(command(&home, words).current_dir(&home.0));
    call(&["run", "release"]);
    let copied = call(&["store", "backup", "copy.db"]);
    assert_eq!((copied.code, copied.err.as_str()), (Some(0), ""), "{copied:?}");
    assert!(copied.out.starts_with("the store is copied to copy.db ("), "{copied:?}");
    let checked = call(&["--store", "copy.db", "store", "check"]);
    assert!(checked.out.contains("copy.db is sound\n"), "{checked:?}");
    assert!(call(&["--store", "copy.db", "runs"]).out.contains(" release "));
    // It goes on from the copy.
    assert_eq!(call(&["--store", "copy.db", "resume"]).code, Some(0));
    let again = call(&["store", "backup", "copy.db"]);
    let told = "error: copy.db is there already: name a file that is not\n";
    assert_eq!((again.code, again.err.as_str()), (Some(2), told));
    let json: Json = serde_json::from_str(&call(&["store", "backup", "two.db", "--json"]).out).unwrap();
    assert_eq!(json["bytes"], fs::metadata(home.0.join("two.db")).unwrap().len());
}

#[test]
fn a_copy_is_a_file() {
    let home = Home::new();
    let call = |words: &[&str]| ran(command(&home, words).current_dir(&home.0));
    call(&["run", "empty"]);
    let output = call(&["store", "backup", "-"]);
    let told = "error: a copy is a file, and cannot go to standard output: name a file\n";
    assert_eq!((output.code, output.err.as_str()), (Some(2), told));
    let server = call(&["store", "backup", "postgres://me:hunter2@host/jobs"]);
    let told = "error: a copy is an SQLite file: name a file, and not a server\n";
    assert_eq!((server.code, server.err.as_str()), (Some(2), told));
    let url = call(&["store", "backup", "sqlite:copy.db"]);
    assert!(url.code == Some(0) && url.out.starts_with("the store is copied to copy.db ("), "{url:?}");
    assert!(home.0.join("copy.db").exists() && !home.0.join("sqlite:copy.db").exists());
    // What SQLite would take for something else is a file too.
    for name in [":memory:", "file:two.db", "file:x?mode=memory"] {
        let copied = call(&["store", "backup", name]);
        assert!(copied.code == Some(0) && !copied.out.contains("(0 bytes)"), "{copied:?}");
        let listed = call(&["--store", &format!("./{name}"), "runs"]);
        assert!(listed.out.contains(" empty "), "{name}: {listed:?}");
    }
    assert!(!home.0.join("two.db").exists());
}

#[test]
fn what_is_no_store_is_not_made_and_wrong_words_are_told() {
    for words in [&["store", "prune"][..], &["store", "backup", "copy.db"]] {
        let program = alone(words);
        let (home, at) = (program.home.0.clone(), path(&program));
        let mut command = program.command;
        let ran = ran(command.current_dir(&home));
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(!at.exists() && !home.join("copy.db").exists());
    }
    let wrong = alone(&["store", "prune", "--older-than", "soon"]).ran();
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("a duration such as 12h or 30d is expected"), "{}", wrong.err);
    assert!(wrong.err.contains("--older-than"), "{}", wrong.err);
    let wrong = alone(&["store", "prune", "--keep", "-1"]).ran();
    assert!(wrong.code == Some(2) && wrong.err.contains("invalid value '-1' for '--keep <N>'"), "{}", wrong.err);
}
