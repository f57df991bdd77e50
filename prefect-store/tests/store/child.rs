//! Other processes: this program again, which does one thing and says what it sees.
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use prefect_store::{Options, Parked, RunFilter, Store, StoreUrl};

use crate::support::*;
use crate::{claims, hammer, killed, owners};

/// What a child writes for its parent begins with this: the rest is of the test harness.
const MARK: &str = "> ";

/// Says something to the parent.
pub fn say(text: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{MARK}{text}").unwrap();
    out.flush().unwrap();
}

/// Started by other tests, with what it is to do in its environment.
#[test]
#[ignore = "a part of other tests"]
fn child() {
    let Ok(task) = std::env::var("STORE_CHILD") else { return };
    let url = &std::env::var("STORE_URL").unwrap().parse().unwrap();
    let options =
        Options::default().lease(number("STORE_LEASE_MS").map_or(Duration::from_secs(30), Duration::from_millis));
    match task.as_str() {
        "opens" => opens(url),
        "claims" => claims::child(url),
        "holds" => owners::child(url, options),
        "buried" => owners::buried(url),
        "works" => killed::child(url, options),
        "hammers" => hammer::child(url),
        other => panic!("{other}"),
    }
}

pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn opens(url: &StoreUrl) {
    match Store::open(url, Options::default()).and_then(|store| store.begin(new_run("child"))) {
        Ok(run) => end(&run, S::SUCCESS),
        Err(error) => say(error),
    }
    let seen = Store::open_read_only(url, Options::default()).and_then(|store| store.runs(&RunFilter::default()));
    match seen {
        Ok(runs) => say(format!("sees {}", runs.len())),
        Err(error) => say(error),
    }
}

/// A child that is under way.
pub struct Other {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

pub fn command(task: &str, place: &Place) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["child::child", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("STORE_CHILD", task)
        .env("STORE_URL", place.name())
        .env_remove("PREFECT_STORE_DIE_AT")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

impl Other {
    pub fn start(command: &mut Command) -> Self {
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// What it says next; `None` when it has ended.
    pub fn hear(&mut self) -> Option<String> {
        loop {
            // A process that dies while it writes may leave half a line.
            let line = self.lines.next()?.ok()?;
            if let Some((_, said)) = line.split_once(MARK) {
                return Some(said.to_owned());
            }
        }
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits until a signal has stopped it.
    pub fn wait_until_stopped(&self) {
        use rustix::process::{Pid, WaitOptions, waitpid};
        let pid = Pid::from_child(&self.process);
        let (_, status) = waitpid(Some(pid), WaitOptions::UNTRACED).unwrap().unwrap();
        assert!(status.stopped(), "{status:?}");
    }

    /// `kill -9`, and waits for its end.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits for its end; gives the rest of what it says, and whether it ended well.
    pub fn end(mut self) -> (Vec<String>, bool) {
        drop(self.process.stdin.take());
        let rest = std::iter::from_fn(|| self.hear()).collect();
        (rest, self.process.wait().unwrap().success())
    }
}

/// What a child says that has no rights but those that all have.
#[allow(dead_code, reason = "only rights of files need it")]
pub fn of_nobody(task: &str, place: &Place) -> Vec<String> {
    let mut command = command(task, place);
    if rustix::process::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    Other::start(&mut command).end().0
}

/// A claim of a child: the run that has this name.
pub fn claim(store: &Store, name: &str) -> Result<prefect_store::OwnedRun, prefect_store::ClaimRefused> {
    store.claim(&store.run(name).unwrap(), Parked::StartAgain)
}
