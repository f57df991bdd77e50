//! What a run has logged, as it is printed later.
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use prefect_store::{LogFilter, LogLevel, LogLine, LogPage, Micros, OwnedRun, StateCode, Store};
use serde_json::Value as Json;

use super::program::{Home, Ran, command, ran};
use super::store::{NOON, begin, end, open};

fn call(home: &Home, words: &[&str]) -> Ran {
    ran(command(home, words).env("PREFECT__CONTEXT__SECRETS__TOKEN", "tok-123456"))
}

/// The flow has run once: the end of its id.
fn after(flow: &str) -> (Home, String) {
    let home = Home::new();
    call(&home, &["run", flow]);
    let runs: Json = serde_json::from_str(&call(&home, &["runs", "--json"]).out).unwrap();
    let id = runs[0]["id"].as_str().unwrap()[28..].to_owned();
    (home, id)
}

fn out(home: &Home, words: &[&str]) -> String {
    let ran = call(home, words);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    ran.out
}

#[test]
fn lines_are_printed_harmless_and_without_secrets() {
    let (home, id) = after("logs");
    let span = "run{rows=3 token=\"[redacted TOKEN]\"}";
    let expected = format!(
        "\
2026-01-01 12:00:00 INFO  logs (terminal_flows): {span}: loaded with [redacted TOKEN] rows=3
2026-01-01 12:00:00 WARN  logs (terminal_flows): {span}: odd \\u{{1b}}[2J rows
2026-01-01 12:00:00 INFO  logs (elsewhere): {span}: from a library
"
    );
    assert_eq!(out(&home, &["runs", "logs", &id]), expected);
    assert_eq!(out(&home, &["runs", "logs", &id, "--follow"]), expected, "it has ended");
    let warnings = out(&home, &["runs", "logs", &id, "logs", "--level", "warn"]);
    assert!(warnings.contains(" WARN ") && warnings.lines().count() == 1, "{warnings}");
    assert!(out(&home, &["runs", "logs", &id, "--tail", "1"]).ends_with(": from a library\n"));
    assert_eq!(out(&home, &["runs", "logs", &id, "--level", "error"]), "no log lines are kept that fit\n");
}

#[test]
fn the_store_keeps_what_the_configuration_says() {
    let home = Home::new();
    let run = |level: &str| ran(command(&home, &["run", "logs"]).env("PREFECT__LOGGING__STORE_LEVEL", level));
    let printed = run("DEBUG").err;
    assert!(!printed.contains("a detail"), "what is printed is another question: {printed}");
    let lines = |place: usize| {
        let runs: Json = serde_json::from_str(&out(&home, &["runs", "--json"])).unwrap();
        let id = runs[place]["id"].as_str().unwrap().to_owned();
        let lines: Json = serde_json::from_str(&out(&home, &["runs", "logs", &id, "--json"])).unwrap();
        let levels = lines.as_array().unwrap().iter().filter(|line| !line["task"].is_null());
        levels.map(|line| line["level"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(lines(0), ["DEBUG", "INFO", "WARN", "INFO"]);
    run("OFF");
    assert_eq!(lines(0), [""; 0]);
    let wrong = run("LOUD");
    assert!(wrong.err.contains("logging.store_level") || wrong.out.contains("logging.store_level"), "{wrong:?}");
}

#[test]
fn each_attempt_has_its_lines() {
    let (home, id) = after("tried");
    let second = out(&home, &["runs", "logs", &id, "tries", "--attempt", "2", "--level", "info"]);
    let expected = "\
2026-01-01 13:00:00 INFO  tries (terminal_flows, attempt 2): tries attempt=2
2026-01-01 13:00:00 WARN  tries (terminal_flows, attempt 2): two lines
    12:00:00 ERROR forged \\u{1b}[2J
2026-01-01 13:00:00 ERROR tries (prefect.TaskRunner, attempt 2): Task 'tries': Exception encountered during task execution!
";
    assert_eq!(second, expected);
    let first: Json =
        serde_json::from_str(&out(&home, &["runs", "logs", &id, "tries-1", "--attempt", "1", "--json"])).unwrap();
    assert_eq!(first.as_array().unwrap().len(), 3);
    assert_eq!(first[0]["message"], "tries attempt=1");
    assert_eq!(
        (&first[0]["task"], &first[0]["attempt"], &first[0]["index"]),
        (&"tries-1".into(), &1.into(), &Json::Null)
    );
    assert_eq!(first[1]["message"], "two lines\n12:00:00 ERROR forged \u{1b}[2J");
    // As it is shown on top of the run.
    let shown = out(&home, &["runs", "show", &id]);
    let top = "\
Failed           tries  0s  2 attempts
    Error during execution of task: it broke
    | 13:00:00 INFO  tries attempt=2
    | 13:00:00 WARN  two lines
    |     12:00:00 ERROR forged \\u{1b}[2J
    | 13:00:00 ERROR Task 'tries': Exception encountered during task execution!

";
    assert!(shown.starts_with(top), "{shown}");
    let json: Json = serde_json::from_str(&out(&home, &["runs", "show", &id, "--json"])).unwrap();
    assert_eq!(json["tasks"][0]["log"][0]["message"], "tries attempt=2");
}

#[test]
fn a_task_that_is_not_there_is_told() {
    let (home, id) = after("tried");
    let wrong = |words: &[&str]| {
        let ran = call(&home, &[&["runs", "logs", &id], words].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{ran:?}");
        ran.err
    };
    assert_eq!(wrong(&["treis"]), format!("error: run {id} has no task `treis`: did you mean `tries`?\n"));
    assert!(wrong(&["--index", "3"]).contains("<TASK>"));
    assert!(wrong(&["--level", "loud"]).contains("--level"));
    assert_eq!(call(&home, &["runs", "logs", "nobody"]).code, Some(2));
}

/// Of a mapped task: all, or one child; of two tasks of the same name: the one whose slug is written.
#[test]
fn children_and_twins_are_told_apart() {
    use super::store::{begin, end, open};
    use prefect_store::{LogLevel, LogLine, Micros, StateCode, TaskKey};
    let home = Home::new();
    let store = open(&home.0.join(".prefect/prefect.db"));
    let run = begin(&store, "etl", "brave-otter", &[("fetch", true), ("load", false), ("load", false)]);
    for (task, index, message) in [(0, None, "a"), (0, Some(0), "b"), (0, Some(3), "c"), (1, None, "d"), (2, None, "e")]
    {
        run.log(LogLine {
            task: Some(TaskKey { task, index }),
            attempt: 1,
            at: Micros(super::store::NOON),
            level: LogLevel::Info,
            target: "t".into(),
            message: message.to_owned(),
        });
    }
    end(&run, StateCode::SUCCESS, None);
    drop((run, store));
    let said = |words: &[&str]| {
        let out = out(&home, &[&["runs", "logs", "brave-otter"], words].concat());
        out.lines().map(|line| line.split_once("INFO  ").unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(said(&["fetch"]), ["fetch (t): a", "fetch[0] (t): b", "fetch[3] (t): c"]);
    assert_eq!(said(&["fetch[3]"]), ["fetch[3] (t): c"]);
    assert_eq!(said(&["fetch-1", "--index", "0"]), ["fetch[0] (t): b"]);
    assert_eq!(said(&["load-3"]), ["load-3 (t): e"]);
    let twins = call(&home, &["runs", "logs", "brave-otter", "load"]);
    assert_eq!(twins.err, "error: several tasks are named `load`: write `load-2` or `load-3`\n");
}

/// A run that goes on, whose lines are followed by another process.
struct Spoken {
    home: Home,
    store: Store,
    run: OwnedRun,
}

impl Spoken {
    fn new() -> Self {
        let home = Home::new();
        let store = open(&home.0.join(".prefect/prefect.db"));
        let run = begin(&store, "etl", "brave-otter", &[]);
        Self { home, store, run }
    }

    fn say(&self, message: &str) {
        let (at, level) = (Micros(NOON), LogLevel::Info);
        let (target, message) = ("t".into(), message.to_owned());
        self.run.log(LogLine { task: None, attempt: 0, at, level, target, message });
    }

    /// The same, and waits until the store has it.
    fn say_and_wait(&self, message: &str) {
        self.say(message);
        let is_there = || {
            let last = LogFilter { page: LogPage::Last(1), ..LogFilter::default() };
            self.store.logs(self.run.id(), &last).unwrap().iter().any(|line| line.line.message == message)
        };
        while !is_there() {
            std::thread::yield_now();
        }
    }

    /// Follows it, with these words too. Gives what comes, as it comes.
    fn followed(&self, words: &[&str]) -> (Child, Receiver<Json>) {
        let words = [&["runs", "logs", "brave-otter", "--follow", "--json"], words].concat();
        let mut child = command(&self.home, &words).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            lines.for_each(|line| tell.send(serde_json::from_str(&line.unwrap()).unwrap()).unwrap_or_default());
        });
        (child, told)
    }
}

/// Lines of a run that goes on are printed as they come, and the end of the run is that of the command.
#[test]
fn lines_are_followed_to_the_end_of_the_run() {
    let spoken = Spoken::new();
    spoken.say("first");
    let (mut child, told) = spoken.followed(&[]);
    assert_eq!(told.recv().unwrap()["message"], "first");
    spoken.say("second");
    assert_eq!(told.recv().unwrap()["message"], "second");
    spoken.say("last");
    end(&spoken.run, StateCode::SUCCESS, None);
    assert_eq!(told.recv().unwrap()["message"], "last");
    assert!(told.recv().is_err());
    let began = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(began.elapsed() < Duration::from_mins(1));
}

/// As `tail -n 0 -f` does.
#[test]
fn only_new_lines_can_be_followed() {
    let spoken = Spoken::new();
    (0..3).for_each(|i| spoken.say_and_wait(&format!("old {i}")));
    let (mut child, told) = spoken.followed(&["--tail", "0"]);
    // Until it is there and has looked which line is the last.
    let mut said = 0;
    let first = loop {
        said += 1;
        spoken.say_and_wait(&format!("new {said}"));
        match told.try_recv() {
            Ok(line) => break line,
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => panic!("it has ended"),
        }
    };
    assert!(first["message"].as_str().unwrap().starts_with("new "), "{first}");
    end(&spoken.run, StateCode::SUCCESS, None);
    let (first, last) = (first["line"].as_u64().unwrap(), told.iter().last());
    assert_eq!(last.map_or(first, |line| line["line"].as_u64().unwrap()), 3 + said);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
