//! Two processes on one store: limits hold over both, and who dies gives back what it had.
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use prefect::prelude::*;
use prefect::store::{RunFilter, RunRow, StateCode, Store};
use prefect::{Config, Executor, Flow, Limits, RunSettings, StateKind};

use crate::recorded::{Folder, open};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_mins(2);

/// Writes a line, in one write: others write to the same file.
fn write(line: &str) {
    let path = std::env::var_os("LINES").expect("a child knows where to write");
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(format!("{line} {}\n", std::process::id()).as_bytes()).unwrap();
}

#[task(tags = ["db"])]
async fn counted(i: u32) -> u32 {
    write("+");
    tokio::time::sleep(Duration::from_millis(15)).await;
    write("-");
    i
}

#[task(tags = ["db"])]
fn holds() {
    write("holds");
    thread::sleep(LONG);
}

#[task(tags = ["db"])]
fn quick() -> u32 {
    7
}

#[task]
fn waits() {
    write("waits");
    thread::sleep(LONG);
}

#[task(tags = ["db"])]
fn dies(i: u32) -> u32 {
    if std::env::var_os("DIES").is_some() {
        std::process::abort();
    }
    i
}

/// Fails at first; its second attempt has to wait for a place, and ends the process.
#[task(tags = ["db"], max_retries = 1, retry_delay = "100ms")]
fn dies_at_the_second(lines: String) -> Result<u32, String> {
    let count = context().task_run_count();
    let mut file = OpenOptions::new().create(true).append(true).open(lines).unwrap();
    file.write_all(format!("attempt {count}\n").as_bytes()).unwrap();
    match count {
        1 => Err("at first".to_owned()),
        2 if std::env::var_os("DIES").is_some() => {
            // Not before it is recorded that it runs.
            let store = open(&PathBuf::from(std::env::var_os("STORE").unwrap()));
            until("it is recorded", || {
                let run = last(&store, "second")?;
                store.task_runs(run.id).unwrap().into_iter().find(|row| row.attempt == 2)
            });
            std::process::abort()
        }
        count => Ok(count),
    }
}

#[task]
async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

#[task(tags = ["db"])]
async fn holds_for_a_while() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

fn second(lines: &std::path::Path) -> Flow<Node<u32>> {
    flow!("second", {
        let moment = a_moment();
        for _ in 0..2 {
            holds_for_a_while(upstream_tasks = [moment]);
        }
        dies_at_the_second(lines.display().to_string())
    })
}

fn many() -> Flow<Vec<Node<u32>>> {
    flow!("many", { (0..12).map(counted).collect::<Vec<_>>() })
}

fn dying() -> Flow<Vec<Node<u32>>> {
    flow!("dying", { (0..4).map(dies).collect::<Vec<_>>() })
}

fn settings(store: &Store) -> RunSettings {
    let limits = Limits::new().tag("db", 2).flow("alone", 1);
    let settings = RunSettings::new().executor(Executor::threads(3)).config(Config::default());
    settings.limits(limits).store(store.clone())
}

/// What each process does.
#[test]
#[ignore = "what the other tests start"]
fn process() {
    let Some(path) = std::env::var_os("STORE") else { return };
    let store = open(&PathBuf::from(path));
    match std::env::var("DOES").unwrap().as_str() {
        "many" => assert_eq!(many().with(settings(&store)).run().output().unwrap(), (0..12).collect::<Vec<_>>()),
        "holds" => drop(flow!("holder", { (holds(), holds()) }).with(settings(&store)).run()),
        "alone" => drop(flow!("alone", { waits() }).with(settings(&store)).run()),
        "second" => {
            let lines = PathBuf::from(std::env::var_os("LINES").unwrap());
            drop(second(&lines).with(settings(&store)).run());
        }
        "dying" => drop(dying().with(settings(&store)).run()),
        other => panic!("{other}"),
    }
}

/// A process that is killed when this is dropped.
struct Process(Child);

impl Process {
    fn start(folder: &Folder, does: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "processes::process", "--ignored", "--nocapture"]).stdout(Stdio::null());
        command.env("STORE", folder.file("runs.db")).env("LINES", folder.file("lines")).env("DOES", does);
        if does == "dying" || does == "second" {
            command.env("DIES", "1").stderr(Stdio::null());
        }
        Self(command.spawn().unwrap())
    }

    fn ends_well(mut self) {
        assert!(self.0.wait().unwrap().success());
    }

    /// As by `kill -9`.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn lines(folder: &Folder) -> Vec<String> {
    let text = std::fs::read_to_string(folder.file("lines")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Asks until there is an answer.
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < LONG, "{what}");
        thread::yield_now();
        thread::park_timeout(Duration::from_millis(5));
    }
}

fn last(store: &Store, flow: &str) -> Option<RunRow> {
    let filter = RunFilter { flow: Some(flow.to_owned()), ..RunFilter::default() };
    store.runs(&filter).unwrap().into_iter().next()
}

#[test]
fn never_more_at_once_over_two_processes() {
    let folder = Folder::new();
    drop(folder.store());
    let both = [Process::start(&folder, "many"), Process::start(&folder, "many")];
    for process in both {
        process.ends_well();
    }
    let lines = lines(&folder);
    let (mut now, mut most) = (0, 0);
    let mut begun: Vec<&str> = Vec::new();
    for line in &lines {
        let (sign, pid) = line.split_once(' ').unwrap();
        if sign == "+" {
            now += 1;
            most = most.max(now);
            begun.push(pid);
        } else {
            now -= 1;
        }
    }
    assert_eq!((begun.len(), now, most), (24, 0, 2), "{lines:#?}");
    assert_eq!(folder.store().slots().unwrap(), []);
}

/// Runs the flow on a thread of its own, and tells how it ended.
fn run_beside(flow: Flow<Node<u32>>) -> mpsc::Receiver<StateKind> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(flow.run().state().kind()));
    told
}

#[test]
fn a_killed_process_gives_its_places_back() {
    let folder = Folder::new();
    let store = folder.store();
    let mut holder = Process::start(&folder, "holds");
    until("both hold a place", || (lines(&folder).len() == 2).then_some(()));
    let ended = run_beside(flow!("quick", { quick() }).with(settings(&store)));
    let task = until("it waits", || {
        let run = last(&store, "quick")?;
        store.task_runs(run.id).unwrap().into_iter().find(|row| row.state == StateCode::QUEUED)
    });
    let name = last(&store, "holder").unwrap().name;
    let message = task.message.unwrap();
    assert_eq!(message, format!("Waiting for tag 'db': 2 of 2 places are taken (by `holds` in run {name} and 1 more)"));
    assert_eq!(store.slots().unwrap().len(), 2);
    holder.kill();
    assert_eq!(ended.recv_timeout(LONG), Ok(Success));
    assert_eq!(last(&store, "holder").unwrap().state, StateCode::CRASHED);
    assert_eq!(store.slots().unwrap(), []);
}

#[test]
fn a_run_that_died_goes_on_with_what_waited() {
    let folder = Folder::new();
    let store = folder.store();
    let mut process = Process::start(&folder, "dying");
    assert!(!process.0.wait().unwrap().success());
    // As long as nobody has looked, its places are taken.
    assert!(!store.slots().unwrap().is_empty());
    assert_eq!(store.reap().unwrap().len(), 1);
    assert_eq!(store.slots().unwrap(), []);
    let run = last(&store, "dying").unwrap();
    let run = dying().with(settings(&store)).resume(&store, &run.id.to_string()).unwrap();
    assert_eq!(run.output().unwrap(), [0, 1, 2, 3]);
    assert_eq!(store.slots().unwrap(), []);
}

/// The attempt that had waited in the line, and was running when its process died, is made once more, and no other.
#[test]
fn an_attempt_that_waited_is_made_again() {
    let folder = Folder::new();
    let store = folder.store();
    let mut process = Process::start(&folder, "second");
    assert!(!process.0.wait().unwrap().success());
    store.reap().unwrap();
    let run = last(&store, "second").unwrap();
    let flow = second(&folder.file("lines")).with(settings(&store));
    assert_eq!(flow.resume(&store, &run.id.to_string()).unwrap().output().unwrap(), 2);
    assert_eq!(lines(&folder), ["attempt 1", "attempt 2", "attempt 2"]);
}

#[test]
fn runs_of_a_flow_wait_for_another_process() {
    let folder = Folder::new();
    let store = folder.store();
    let mut holder = Process::start(&folder, "alone");
    until("it runs", || (!lines(&folder).is_empty()).then_some(()));
    let name = last(&store, "alone").unwrap().name;
    let alone = || flow!("alone", { quick() }).with(settings(&store));
    let cancelled = run_beside(alone());
    let waits = || until("it waits", || last(&store, "alone").filter(|run| run.state == StateCode::QUEUED));
    let run = waits();
    let said = format!("Waiting for flow 'alone': 1 of 1 place is taken (by run {name})");
    assert_eq!(run.message.as_deref(), Some(said.as_str()));
    assert!(store.task_runs(run.id).unwrap().is_empty());
    store.cancel(run.id, "a test").unwrap();
    assert_eq!(cancelled.recv_timeout(LONG), Ok(Cancelled));
    assert_eq!(last(&store, "alone").unwrap().state, StateCode::CANCELLED);
    let goes_on = run_beside(alone());
    waits();
    holder.kill();
    assert_eq!(goes_on.recv_timeout(LONG), Ok(Success));
    let ended = last(&store, "alone").unwrap();
    assert_eq!((ended.state, ended.message.as_deref()), (StateCode::SUCCESS, Some("All reference tasks succeeded.")));
    // It is given back behind the end of the run, and nobody waits for that.
    until("its place is free", || store.slots().unwrap().is_empty().then_some(()));
}
