//! Answers that nobody reads, and such as cannot be written.
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use super::program::{Home, Ran, command, ran};
use super::store::{open, three};

/// On this device there is never any room.
fn without_room(home: &Home, words: &[&str]) -> Ran {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command(home, words).stdout(full).stderr(Stdio::piped()).output().unwrap();
    Ran { code: output.status.code(), out: String::new(), err: String::from_utf8(output.stderr).unwrap() }
}

/// A script must not take the half of an answer for all of it, or an empty file for a secret.
#[test]
fn an_answer_that_cannot_be_written_is_an_error() {
    let home = Home::new();
    let at = home.0.join(".prefect/prefect.db");
    three(&at);
    // A line in its log.
    ran(&mut command(&home, &["run", "logs"]));
    let id = open(&at).runs(&prefect_store::RunFilter::default()).unwrap()[0].id.to_string();
    for words in [
        &["runs"][..],
        &["runs", "--json"],
        &["runs", "show", "brave-otter"],
        &["runs", "logs", &id],
        &["runs", "watch", "brave-otter"],
        &["store", "check", "--json"],
        &["graph", "chain"],
        &["config"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let ran = without_room(&home, words);
        let told = "error: standard output cannot be written: No space left on device (os error 28)\n";
        assert_eq!((ran.code, ran.err.as_str()), (Some(1), told), "{words:?}");
    }
    // What became of a run is more than whether somebody has read it.
    assert_eq!(without_room(&home, &["run", "empty"]).code, Some(0));
    assert_eq!(without_room(&home, &["run", "paused"]).code, Some(3));
}

/// `runs watch RUN | head -1`
#[test]
fn who_has_heard_enough_gets_no_error() {
    let home = Home::new();
    three(&home.0.join(".prefect/prefect.db"));
    let watched = ["runs", "watch", "dim-\u{1b}[2J", "--json"];
    let mut child = command(&home, &watched).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
