//! Runs that the program records, and goes on with.
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, Signal, kill_process};

use crate::program::{Home, Ran, command, ran};

/// `terminal_flows` with these words, and with a check that dies or fails if it is told to.
fn call(home: &Home, check: &str, words: &[&str]) -> Ran {
    ran(command(home, words).env("CHECK", check))
}

/// The end of the id, and the name, of the one run that there is.
fn the_run(home: &Home) -> (String, String) {
    let listed = call(home, "", &["runs", "--json"]).out;
    let runs: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(runs.as_array().unwrap().len(), 1, "{listed}");
    let text = |name: &str| runs[0][name].as_str().unwrap().to_owned();
    (text("id")[28..].to_owned(), text("name"))
}

/// What the bodies have printed.
fn bodies(ran: &Ran) -> Vec<&str> {
    ran.out
        .lines()
        .filter(|line| ["builds ", "checks ", "deploys "].iter().any(|body| line.starts_with(body)))
        .collect()
}

#[test]
fn a_run_that_died_goes_on_and_waits_and_is_approved() {
    let home = Home::new();
    let died = call(&home, "dies", &["run", "release", "--param", "version=8"]);
    assert_eq!((died.code, bodies(&died)), (None, vec!["builds 8", "checks 8"]), "{died:?}");
    let (id, name) = the_run(&home);

    let resumed = call(&home, "", &["resume"]);
    let told = format!(
        "run {id} ({name}) of `release` has crashed, process {} is gone: `terminal_flows resume {id}` goes on with it\n",
        resumed.err.split("process ").nth(1).and_then(|rest| rest.split(" is gone").next()).unwrap_or_default()
    );
    assert_eq!(resumed.err, told);
    assert_eq!((resumed.code, bodies(&resumed)), (Some(3), vec!["checks 8"]), "{resumed:?}");
    let ends = format!(
        "run {id} ({name}); `terminal_flows resume {id}`, to let the next task go on\nwaits for somebody: deploy\n"
    );
    assert!(resumed.out.ends_with(&ends), "{resumed:?}");

    let approved = call(&home, "", &["resume", &name, "deploy", "--note", "looks good"]);
    assert_eq!((approved.code, bodies(&approved)), (Some(0), vec!["deploys Some(8)"]), "{approved:?}");
    assert!(approved.out.ends_with(&format!("run {id} ({name})\n")), "{approved:?}");

    let again = call(&home, "", &["resume"]);
    let nothing =
        "error: there is nothing to go on with: no recorded run of these flows is Crashed, Paused or Failed\n";
    assert_eq!((again.code, again.err.as_str(), again.out.as_str()), (Some(2), nothing, ""));
    let ended = call(&home, "", &["resume", &id]);
    assert_eq!(ended.err, format!("error: run {id} is Success, which is final: start a new run instead\n"));
}

#[test]
fn somebody_says_no() {
    let home = Home::new();
    assert_eq!(call(&home, "", &["run", "release"]).code, Some(3));
    let wrong = call(&home, "", &["resume", &the_run(&home).0, "deplyo"]);
    let error = format!(
        "error: task `deplyo` of run {} does not wait for anybody: those that do are `deploy-1`\n",
        the_run(&home).0
    );
    assert_eq!((wrong.code, wrong.err), (Some(2), error));
    let no = call(&home, "", &["resume", &the_run(&home).0, "--reject", "--note", "not on a Friday"]);
    assert_eq!((no.code, bodies(&no)), (Some(1), Vec::new()), "{no:?}");
    assert!(no.out.contains("\n    Rejected: not on a Friday\n"), "{no:?}");
}

/// Who answers means a run that waits, and not that one which has failed goes on.
#[test]
fn a_run_that_waits_for_nobody_takes_no_answer() {
    let home = Home::new();
    assert_eq!(call(&home, "dies", &["run", "release"]).code, None);
    let (id, _) = the_run(&home);
    call(&home, "", &["resume", "nobody"]);
    for words in [&["--reject"][..], &["--note", "not on a Friday"], &[&id, "deploy"]] {
        let refused = call(&home, "", &[&["resume"], words].concat());
        let error = format!(
            "error: run {id} does not wait for anybody: nothing was answered, and it goes on without an answer only\n"
        );
        assert_eq!((refused.code, refused.err, refused.out.as_str()), (Some(2), error, ""));
    }
    assert!(call(&home, "", &["runs", "--json"]).out.contains("\"state\": \"Crashed\""));
}

#[test]
fn what_failed_runs_again() {
    let home = Home::new();
    let failed = call(&home, "fails", &["run", "release"]);
    let (id, name) = the_run(&home);
    assert_eq!(failed.code, Some(3), "{failed:?}");
    let hints = format!(
        "run {id} ({name}); `terminal_flows resume {id}`, to let the next task go on; `terminal_flows retry {id}`, to run \
         again what failed\n"
    );
    assert!(failed.out.contains(&hints), "{failed:?}");
    let retried = call(&home, "", &["retry", &id]);
    assert_eq!((retried.code, bodies(&retried)), (Some(3), vec!["checks 7"]), "{retried:?}");
    assert!(retried.out.contains("\nSuccess          build    kept\n"), "{retried:?}");
    let from = call(&home, "", &["retry", &name, "--from", "build"]);
    assert_eq!((from.code, bodies(&from)), (Some(3), vec!["builds 7", "checks 7"]), "{from:?}");
    let unknown = call(&home, "", &["retry", &name, "--from", "biuld"]);
    assert_eq!(unknown.err, "error: the flow has no task `biuld`: did you mean `build`?\n");
    let last = call(&home, "", &["run", "release", "--resume-last"]);
    assert_eq!((last.code, bodies(&last)), (Some(0), vec!["deploys Some(7)"]), "{last:?}");
    let fresh = call(&home, "", &["run", "release", "--resume-last"]);
    assert_eq!((fresh.code, bodies(&fresh)), (Some(3), vec!["builds 7", "checks 7"]), "{fresh:?}");
}

#[test]
fn a_run_that_ends_its_process_three_times_is_put_aside_until_somebody_says_so() {
    let home = Home::new();
    call(&home, "dies", &["run", "release"]);
    let (id, _) = the_run(&home);
    call(&home, "dies", &["resume"]);
    call(&home, "dies", &["resume"]);
    let aside = call(&home, "", &["resume"]);
    assert!(
        aside
            .err
            .contains(&format!("for the 3. time, so it is put aside; `terminal_flows retry {id}` starts it again\n")),
        "{aside:?}"
    );
    let refused = format!(
        "error: run {id} has ended its process 3 times and is put aside: see which of its tasks do that, then say that it may \
         start again\n"
    );
    assert!(aside.err.ends_with(&refused), "{aside:?}");
    assert_eq!((aside.code, bodies(&aside)), (Some(2), Vec::new()));
    let started = call(&home, "", &["retry", &id]);
    assert_eq!((started.code, bodies(&started)), (Some(3), vec!["checks 7"]), "{started:?}");
}

/// The program has changed since: the difference is shown, and what has changed starts anew if somebody says so.
#[test]
fn a_flow_that_has_changed_goes_on_by_force() {
    for (verb, check) in [("resume", "dies"), ("retry", "fails")] {
        let home = Home::new();
        call(&home, check, &["run", "release", "--param", "version=8"]);
        let (id, name) = the_run(&home);
        let changed = |words: &[&str]| ran(command(&home, words).env("FLOWS", "changed"));
        changed(&["runs"]);
        let refused = changed(&[verb, &id]);
        let refusal = format!(
            "error: run {id} cannot go on: the flow has changed since it was started\n  - task `check-1` is gone\n  ~ task \
             `deploy-1` waited for `check-1`, and waits for `review-1`\n  + task `review-1` is new\nstart a new run, go on with \
             the program that started this one, or say `--force`: what has changed starts anew, and everything downstream of \
             it\n"
        );
        assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""), "{refused:?}");
        assert!(refused.err.ends_with(&refusal), "{refused:?}");
        let forced = changed(&[verb, &id, "--force"]);
        assert_eq!(forced.code, Some(3), "{forced:?}");
        assert!(forced.out.starts_with("reviews 8\n") || forced.out.contains("\nreviews 8\n"), "{forced:?}");
        assert!(!forced.out.contains("builds"), "what is the same is kept: {forced:?}");
        let shown = call(&home, "", &["runs", "show", &name]).out;
        let tasks: Vec<_> = shown.lines().skip_while(|line| !line.starts_with("TASK")).skip(1).collect();
        let starts = ["version ", "build ", "check (gone) ", "deploy ", "review "];
        assert!(tasks.iter().zip(starts).all(|(task, start)| task.starts_with(start)), "{shown}");
        assert!(!shown.starts_with("Failed"), "what is gone has not failed: {shown}");
        let approved = changed(&["resume", &id]);
        assert_eq!((approved.code, bodies(&approved)), (Some(0), vec!["deploys Some(8)"]), "{approved:?}");
    }
}

/// The default store is a convenience, and one that was named is not.
#[test]
fn a_store_that_cannot_be_used_is_a_warning_or_an_error() {
    let home = Home::new();
    fs::create_dir_all(home.0.join(".prefect/prefect.db")).unwrap();
    let at = home.0.join(".prefect/prefect.db").display().to_string();
    let ran = call(&home, "", &["run", "release"]);
    let why = format!("{at} is a folder: the store needs the path of a file in it\n");
    assert_eq!((ran.code, ran.err), (Some(3), format!("warning: the run is not recorded: {why}")));
    assert!(!ran.out.contains("resume"), "{}", ran.out);
    let ran = call(&home, "", &["run", "release", "--store", &at]);
    assert_eq!((ran.code, ran.err, ran.out.as_str()), (Some(2), format!("error: {why}"), ""));
    let here = home.0.join("here.db").display().to_string();
    assert_eq!(call(&home, "", &["--store", &here, "run", "release"]).err, "");
    assert_eq!(call(&home, "", &["--store", &here, "resume"]).code, Some(0));
    assert_eq!(call(&home, "", &["resume", "--store", &at]).err, format!("error: {why}"));
    // Nothing is recorded, and nothing said.
    let off = ran_without(&home);
    assert_eq!((off.code, off.err.as_str()), (Some(3), ""));
}

/// A new run in its place, which nobody records, would do all again that is done.
#[test]
fn to_go_on_with_the_last_run_needs_a_store() {
    let home = Home::new();
    fs::create_dir_all(home.0.join(".prefect/prefect.db")).unwrap();
    let last = ["run", "release", "--resume-last"];
    let refused = call(&home, "", &last);
    let at = home.0.join(".prefect/prefect.db").display().to_string();
    let why = format!("error: {at} is a folder: the store needs the path of a file in it\n");
    assert_eq!((refused.code, refused.err, refused.out.as_str()), (Some(2), why, ""));
    let off = ran(command(&home, &last).env("PREFECT__STORE__RECORD_RUNS", "false"));
    let why = "error: to go on with the last run needs a store, and `[store] record_runs` is false: say which one by \
               `--store URL`, or let runs be recorded\n";
    assert_eq!((off.code, off.err.as_str(), off.out.as_str()), (Some(2), why, ""));
    // One that is named is used all the same.
    let here = home.0.join("here.db").display().to_string();
    let words = [&last[..], &["--store", &here]].concat();
    let named = || ran(command(&home, &words).env("PREFECT__STORE__RECORD_RUNS", "false"));
    assert_eq!((named().code, named().code), (Some(3), Some(0)));
}

#[test]
fn the_last_run_is_not_begun_again_while_a_process_has_it() {
    let home = Home::new();
    let running = Running::start(&home, "endless");
    let (id, _) = the_run(&home);
    let last = ended_or_begun(&home, &["run", "endless", "--resume-last"]);
    let resumed = ended_or_begun(&home, &["resume", &id]);
    let told = format!("error: run {id} is being run by process {} on ", running.child.id());
    running.signal(Signal::INT);
    running.end();
    assert!(last.err.starts_with(&told), "{last:?}");
    assert_eq!((last.code, last.out.as_str(), last.err), (Some(2), "", resumed.err));
    assert_eq!(the_run(&home).0, id, "there is no second one");
}

/// What it says, if it ends; one that is in a body would never.
fn ended_or_begun(home: &Home, words: &[&str]) -> Ran {
    let mut child = command(home, words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut out, mut stdout) = (String::new(), BufReader::new(child.stdout.take().unwrap()));
    while stdout.read_line(&mut out).unwrap() > 0 {
        if out.ends_with("begins\n") {
            child.kill().unwrap();
        }
    }
    let ended = child.wait_with_output().unwrap();
    Ran { code: ended.status.code(), out, err: String::from_utf8(ended.stderr).unwrap() }
}

fn ran_without(home: &Home) -> Ran {
    ran(command(home, &["run", "release"]).env("PREFECT__STORE__RECORD_RUNS", "false"))
}

#[test]
fn runs_of_others_are_refused() {
    let home = Home::new();
    assert_eq!(call(&home, "", &["run", "release"]).code, Some(3));
    let (id, _) = the_run(&home);
    let other = ran(command(&home, &["resume", &id]).env("FLOWS", "one"));
    let error = format!("error: run {id} is one of the flow `release`, which this program does not have\n");
    assert_eq!((other.code, other.err), (Some(2), error));
    let unknown = call(&home, "", &["resume", "nobody"]);
    let at = home.0.join(".prefect/prefect.db").display().to_string();
    let error = format!(
        "error: no run in {at} has the id or name `nobody`: an id, at least 4 digits of its beginning or end, or the name of a \
         run is expected\n"
    );
    assert_eq!((unknown.code, unknown.err), (Some(2), error));
}

/// A program that is in a body: it has said so.
struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    fn start(home: &Home, flow: &str) -> Self {
        Self::start_with(home, flow, Stdio::piped())
    }

    fn start_with(home: &Home, flow: &str, err: Stdio) -> Self {
        let mut command = command(home, &["run", flow]);
        let mut child = command.stdout(Stdio::piped()).stderr(err).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while line != "begins\n" {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "it has ended");
        }
        Self { child, out }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its first line on standard error from here on.
    fn says(&mut self) -> String {
        let mut line = Vec::new();
        let err = self.child.stderr.as_mut().unwrap();
        let mut byte = [0];
        while line.last() != Some(&b'\n') && err.read(&mut byte).unwrap() > 0 {
            line.push(byte[0]);
        }
        String::from_utf8(line).unwrap()
    }

    fn end(mut self) -> Ran {
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        Ran { code: self.child.wait().unwrap().code(), out, err }
    }
}

#[test]
fn another_process_cancels_a_run() {
    let home = Home::new();
    let running = Running::start(&home, "endless");
    let (id, name) = the_run(&home);
    let asked = call(&home, "", &["cancel", &id]);
    assert_eq!((asked.code, asked.err.as_str()), (Some(0), ""), "{asked:?}");
    let told = format!("run {id} ({name}) of `endless` is told to stop: process {} on ", running.child.id());
    assert!(asked.out.starts_with(&told), "{asked:?}");
    let ended = running.end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("The run is cancelled by process "), "{ended:?}");
    let parts =
        ["\n    Cancelled while it ran: told to stop\n", "\nPending          build\n", "Flow run was cancelled."];
    assert!(parts.iter().all(|part| ended.out.contains(part)), "{ended:?}");
    let shown = call(&home, "", &["runs", "show", &id, "--json"]).out;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["state"], "Cancelled");
    let twice = call(&home, "", &["cancel", &id]);
    let error = format!("error: run {id} has ended already: it is Cancelled\n");
    assert_eq!((twice.code, twice.err, twice.out.as_str()), (Some(2), error, ""));
    let resumed = call(&home, "", &["resume", &id]);
    assert_eq!(resumed.err, format!("error: run {id} is Cancelled, which is final: start a new run instead\n"));
}

#[test]
fn a_paused_run_is_cancelled_at_once() {
    let home = Home::new();
    assert_eq!(call(&home, "", &["run", "release"]).code, Some(3));
    let (id, name) = the_run(&home);
    let cancelled = call(&home, "", &["cancel", &name]);
    assert_eq!((cancelled.code, cancelled.out), (Some(0), format!("run {id} ({name}) of `release` is cancelled\n")));
    let nothing = call(&home, "", &["resume"]);
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
}

const STOPPING: &str = "stopping: nothing starts any more, and what runs is waited for; once more ends it at once\n";

#[test]
fn the_first_signal_cancels_in_order() {
    for signal in [Signal::INT, Signal::TERM] {
        let home = Home::new();
        let mut running = Running::start(&home, "endless");
        running.signal(signal);
        assert_eq!(running.says(), STOPPING);
        let ended = running.end();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let listed = call(&home, "", &["runs", "--json"]).out;
        assert!(listed.contains("\"state\": \"Cancelled\""), "{listed}");
    }
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let home = Home::new();
    let mut running = Running::start(&home, "deaf");
    running.signal(Signal::INT);
    assert_eq!(running.says(), STOPPING);
    while !call(&home, "", &["runs", "--json"]).out.contains("\"state\": \"Cancelling\"") {}
    running.signal(Signal::INT);
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    // It was being cancelled, and its process is gone: nobody goes on with it.
    let resumed = call(&home, "", &["resume"]);
    assert_eq!(resumed.code, Some(2), "{resumed:?}");
    assert!(resumed.err.ends_with("no recorded run of these flows is Crashed, Paused or Failed\n"), "{resumed:?}");
    let listed = call(&home, "", &["runs", "--json"]).out;
    assert!(listed.contains("\"state\": \"Cancelled\""), "{listed}");
}

/// Whoever does not read standard error does not keep the program from ending.
#[test]
fn signals_are_heard_though_standard_error_is_full() {
    let home = Home::new();
    let (_unread, mut full) = std::io::pipe().unwrap();
    let mut running = Running::start_with(&home, "deaf", full.try_clone().unwrap().into());
    ioctl_fionbio(&full, true).unwrap();
    for size in [1024, 1] {
        while full.write(&vec![b'.'; size]).is_ok() {}
    }
    ioctl_fionbio(&full, false).unwrap();
    running.signal(Signal::INT);
    let begun = Instant::now();
    let is_cancelling = || call(&home, "", &["runs", "--json"]).out.contains("\"state\": \"Cancelling\"");
    while !is_cancelling() {
        if begun.elapsed() > Duration::from_mins(1) {
            running.child.kill().unwrap();
            panic!("the first signal is not heard");
        }
    }
    running.signal(Signal::INT);
    assert_eq!(running.child.wait().unwrap().code(), Some(130));
}
