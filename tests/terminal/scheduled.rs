//! `serve` and `schedules`: programs that run until a signal ends them.
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

use crate::program::{Home, Ran, alone, command, ran};

const STOPPING: &str = "stopping: nothing starts any more, and what runs is waited for; once more ends it at once";

fn call(home: &Home, words: &[&str]) -> Ran {
    ran(command(home, words).env("FLOWS", "scheduled"))
}

/// A program that serves, and what it says.
struct Serving {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
    /// What it has said on standard output.
    said: Vec<String>,
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
    lines
}

impl Serving {
    fn start(home: &Home, flows: &[&str]) -> Self {
        let words: Vec<_> = std::iter::once("serve").chain(flows.iter().copied()).collect();
        let mut command = command(home, &words);
        command.env("FLOWS", "scheduled").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (out, err) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Self { child, out, err, said: Vec::new() }
    }

    /// The next line on standard output that has this in it.
    #[track_caller]
    fn hear(&mut self, part: &str) -> String {
        loop {
            match self.out.recv_timeout(Duration::from_mins(1)) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if line.contains(part) {
                        return line;
                    }
                }
                Err(error) => panic!("{error}, waiting for `{part}`: {:#?}", self.said),
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end: the exit code, and the rest of what it says.
    fn end(mut self) -> (Option<i32>, Vec<String>, Vec<String>) {
        let rest = |lines: &Receiver<String>| {
            std::iter::from_fn(|| lines.recv_timeout(Duration::from_mins(1)).ok()).collect::<Vec<_>>()
        };
        self.said.extend(rest(&self.out));
        let err = rest(&self.err);
        (self.child.wait().unwrap().code(), std::mem::take(&mut self.said), err)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn json(home: &Home, words: &[&str]) -> Json {
    serde_json::from_str(&call(home, words).out).unwrap()
}

#[test]
fn it_serves_until_a_signal_ends_it() {
    for signal in [Signal::INT, Signal::TERM] {
        let home = Home::new();
        let mut serving = Serving::start(&home, &["often", "nightly"]);
        let first =
            serving.hear("`often`: served on every 100ms; catch up: latest within 24h 00m, overlap: buffer one; next ");
        assert!(first.split(' ').next().unwrap().len() == "12:00:00".len(), "{first}");
        serving.hear("`nightly`: served on cron \"30 2 * * *\"; ");
        for _ in 0..3 {
            let begun = serving.hear(" has begun, for ");
            let run = begun.split(": ").nth(1).unwrap().split(" has begun").next().unwrap().to_owned();
            serving.hear(&format!("`often`: {run} has ended: Success"));
        }
        serving.signal(signal);
        let (code, _, err) = serving.end();
        assert_eq!(code, Some(0), "{err:?}");
        assert!(err.iter().any(|line| line == STOPPING), "{err:?}");
        // Log lines of bodies, with a stamp.
        assert!(err.iter().any(|line| line.contains(" INFO  tick (terminal_flows): ticks")), "{err:?}");
        let runs = json(&home, &["runs", "--json", "--limit", "1000"]);
        let runs = runs.as_array().unwrap();
        assert!(runs.len() >= 3 && runs.iter().all(|run| run["flow"] == "often" && run["owner"].is_null()), "{runs:?}");
        let schedules = json(&home, &["schedules", "--json"]);
        let of = |flow: &str| schedules.as_array().unwrap().iter().find(|row| row["flow"] == flow).unwrap().clone();
        // The last tick may have come while one waited, and have no run.
        let (tick, last) = (&of("often")["last_tick"], &of("often")["last_run"]["id"]);
        assert!(tick.is_string() && (last.is_null() || *last == runs[0]["id"]), "{schedules}");
        assert!(of("nightly")["last_run"].is_null() && of("nightly")["served"].is_string());
        assert!(of("unlucky")["served"].is_null());
    }
}

#[test]
fn a_run_that_fails_is_told_and_the_next_one_begins() {
    let home = Home::new();
    let mut serving = Serving::start(&home, &["unlucky"]);
    for _ in 0..2 {
        let ended = serving.hear("has ended: ");
        let id = ended.split("run ").nth(1).unwrap().split(' ').next().unwrap();
        assert!(ended.ends_with(&format!("has ended: Failed, `terminal_flows runs show {id}` tells why")), "{ended}");
        let shown = call(&home, &["runs", "show", id]).out;
        assert!(shown.contains("no luck"), "{shown}");
    }
}

/// What runs is cancelled in order; or not waited for.
#[test]
fn the_second_signal_ends_it_at_once() {
    let home = Home::new();
    let mut serving = Serving::start(&home, &["endless"]);
    serving.hear("begins");
    serving.signal(Signal::TERM);
    let (code, said, err) = serving.end();
    assert_eq!(code, Some(0), "{err:?}");
    assert!(said.iter().any(|line| line.contains("has ended: Cancelled")), "{said:#?}");
    let home = Home::new();
    let mut serving = Serving::start(&home, &["deaf"]);
    serving.hear("begins");
    serving.signal(Signal::TERM);
    assert_eq!(serving.err.recv_timeout(Duration::from_mins(1)).unwrap(), STOPPING);
    serving.signal(Signal::TERM);
    assert_eq!(serving.end().0, Some(130));
}

#[test]
fn a_schedule_is_paused_and_goes_on() {
    let home = Home::new();
    let mut serving = Serving::start(&home, &["often"]);
    serving.hear("has ended: Success");
    let paused = call(&home, &["schedules", "pause", "often"]);
    let text = "the schedule of `often` is paused: no run of it begins until `terminal_flows schedules resume often` lets it go on\n";
    assert_eq!((paused.code, paused.out.as_str(), paused.err.as_str()), (Some(0), text, ""));
    let runs = || json(&home, &["runs", "--json", "--limit", "1000"]).as_array().unwrap().len();
    let before = runs();
    let told = serving.hear("`often`: paused by ");
    assert!(told.contains("process "), "{told}");
    let again = call(&home, &["schedules", "pause", "often"]);
    assert!(again.code == Some(2) && again.err.starts_with("error: the schedule of `often` is paused already, since "));
    let listed = call(&home, &["schedules"]).out;
    let row = listed.lines().find(|line| line.starts_with("often ")).unwrap();
    assert!(row.contains("  paused  ") && row.contains("paused by "), "{listed}");
    assert!(json(&home, &["schedules", "list", "--json"])[0]["paused"]["by"].as_str().unwrap().contains("process "));
    assert_eq!(runs(), before, "a tick between the pause and now had a run");
    let resumed =
        ran(alone(&["schedules", "resume", "often", "--store"]).command.arg(home.0.join(".prefect/prefect.db")));
    assert_eq!((resumed.code, resumed.out.as_str()), (Some(0), "the schedule of `often` goes on\n"), "{resumed:?}");
    serving.hear("`often`: resumed");
    serving.hear("has ended: Success");
    assert!(runs() > before);
    let error = call(&home, &["schedules", "resume", "often"]);
    assert_eq!((error.code, error.err.as_str()), (Some(2), "error: the schedule of `often` is not paused\n"));
}

#[test]
fn schedules_are_listed_before_they_are_served() {
    let home = Home::new();
    let listed = call(&home, &["schedules", "list"]);
    assert_eq!((listed.code, listed.err.as_str()), (Some(0), ""));
    let rows: Vec<Vec<_>> = listed
        .out
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(rows[0], ["FLOW", "SCHEDULE", "NEXT", "CATCH UP", "OVERLAP"]);
    assert_eq!(rows[1][..2], ["often", "every 100ms"]);
    assert!(rows[2][2].ends_with(" 02:30:00"), "{}", listed.out);
    assert_eq!(rows[2][3..], ["latest within 24h 00m", "skip"]);
    assert_eq!(rows[4][2], "none");
    assert!(rows[5][2] == "broken" && rows[5].last().unwrap().ends_with("no filter today"), "{}", listed.out);
    assert_eq!(rows.len(), 8, "{}", listed.out);
    // To look makes no store.
    assert!(!home.0.join(".prefect/prefect.db").exists());
    let nightly = json(&home, &["schedules", "--json"])[1].clone();
    assert_eq!(
        (&nightly["flow"], &nightly["in_program"], nightly["next"].as_array().unwrap().len()),
        (&"nightly".into(), &true.into(), 3)
    );
    // Nor does who does something to a schedule that nobody has paused, or that there is not.
    let path = home.0.join(".prefect/prefect.db").display().to_string();
    let unknown =
        format!("error: no schedule of a flow `nihgtly` was ever served on {path}: did you mean `nightly`?\n");
    let not_paused = "error: the schedule of `nightly` is not paused\n";
    for (words, error) in
        [(["pause", "nihgtly"], &*unknown), (["resume", "nihgtly"], &unknown), (["resume", "nightly"], not_paused)]
    {
        let refused = call(&home, &[&["schedules"], &words[..]].concat());
        assert_eq!((refused.code, refused.out.as_str(), refused.err.as_str()), (Some(2), "", error));
        assert!(!home.0.join(".prefect").exists(), "{words:?}");
    }
    // One that was never served can be paused all the same; the program `prefect` sees it.
    assert_eq!(call(&home, &["schedules", "pause", "nightly"]).code, Some(0));
    let store = home.0.join(".prefect/prefect.db");
    let seen = ran(alone(&["schedules", "--store"]).command.arg(&store)).out;
    assert!(seen.contains("nightly") && seen.contains("cron \"30 2 * * *\"") && seen.contains("  paused"), "{seen}");
    let unknown = ran(alone(&["schedules", "pause", "nihgtly", "--store"]).command.arg(&store));
    let error = format!(
        "error: no schedule of a flow `nihgtly` was ever served on {}: did you mean `nightly`?\n",
        store.display()
    );
    assert_eq!((unknown.code, unknown.err), (Some(2), error));
    let none = alone(&["schedules"]).ran();
    assert_eq!((none.code, none.out.as_str()), (Some(0), "no schedule was served yet\n"), "{none:?}");
    assert_eq!(alone(&["schedules", "--json"]).ran().out, "[]\n");
}

#[test]
fn what_cannot_be_served_is_refused() {
    let home = Home::new();
    let refused = |words: &[&str], error: &str| {
        let ran = call(&home, words);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{ran:?}");
        assert!(ran.err.starts_with(&format!("error: {error}\n")), "{ran:?}");
    };
    refused(&["serve", "plain"], "the flow `plain` has no schedule: give it one by `flow.schedule(..)`");
    refused(&["serve", "often", "nihgtly"], "there is no flow `nihgtly`: did you mean `nightly`?");
    let folder = home.0.display().to_string();
    refused(&["serve", "--store", &folder], &format!("{folder} is a folder: the store needs the path of a file in it"));
    let off = ran(command(&home, &["serve"]).env("FLOWS", "scheduled").env("PREFECT__STORE__RECORD_RUNS", "false"));
    assert_eq!(off.code, Some(2));
    assert!(
        off.err.starts_with("error: to serve schedules needs a store, and `[store] record_runs` is false: "),
        "{off:?}"
    );
    let none = ran(command(&home, &["serve"]).env("FLOWS", "one"));
    assert_eq!(
        (none.code, none.err.as_str()),
        (Some(2), "error: no flow of this program has a schedule: give one its schedule by `flow.schedule(..)`\n")
    );
    let alone = alone(&["serve"]).ran();
    assert!(
        alone.code == Some(2) && alone.err.starts_with("error: `serve` is for a program that has flows, "),
        "{alone:?}"
    );
}

#[test]
fn it_ends_when_no_schedule_has_moments_to_come() {
    let home = Home::new();
    let over = call(&home, &["serve", "over"]);
    assert_eq!(over.code, Some(0), "{over:?}");
    assert!(over.out.ends_with(" `over`: no more ticks\n"), "{over:?}");
    let broken = call(&home, &["serve", "broken", "over"]);
    assert_eq!(broken.code, Some(1), "{broken:?}");
    let told = broken.out.lines().filter(|line| line.contains("`broken`: not served any more: panicked at "));
    assert_eq!(told.filter(|line| line.ends_with("no filter today")).count(), 1, "{broken:?}");
    assert_eq!(broken.err, "", "no panic message of its own");
}

/// A process that dies while it serves leaves a run behind: the next one tells of it, and runs on.
#[test]
fn who_dies_is_noticed_while_others_serve() {
    let home = Home::new();
    let mut dies = Serving::start(&home, &["endless"]);
    dies.hear("begins");
    let mut lives = Serving::start(&home, &["often"]);
    lives.hear("has ended: Success");
    dies.signal(Signal::KILL);
    let told = lives.hear(" has crashed, process ");
    let id = told.split("run ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    assert!(
        told.contains("`endless`: run ")
            && told.ends_with(&format!("is gone: `terminal_flows resume {id}` goes on with it")),
        "{told}"
    );
    lives.hear("has ended: Success");
}
