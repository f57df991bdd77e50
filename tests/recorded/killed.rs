//! A run of a thousand tasks whose process is killed at a call of the store, and gone on with: at every call that
//! `KILL_EVERY` reaches (by default every 211th; `scripts/kill-at-store-calls` tries all of them).
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use prefect::prelude::*;
use prefect::store::{RunFilter, StateCode, Store, TaskKey};
use prefect::{Executor, Flow};

use crate::{Folder, effects, settings};

/// So many bodies may have ended without being recorded, and so many may be running.
const IN_FLIGHT: usize = 64 + 2;

/// So many processes are killed side by side.
const AT_A_TIME: usize = 4;

/// Notes that a body has begun: which one, and which child.
fn begins() {
    let mut file = OpenOptions::new().create(true).append(true).open(std::env::var_os("EFFECTS").unwrap()).unwrap();
    let context = context();
    let index = context.map_index().map_or("-".to_owned(), |index| index.to_string());
    // One write: another thread may be at it.
    file.write_all(format!("{} {index}\n", context.task_slug().unwrap()).as_bytes()).unwrap();
}

#[task]
fn numbers() -> Vec<u64> {
    begins();
    (1..=8).collect()
}

#[task]
fn twice(n: u64) -> u64 {
    begins();
    2 * n
}

#[task]
fn sum(ns: Vec<u64>) -> u64 {
    begins();
    ns.iter().sum()
}

#[task]
fn next(a: u64, b: u64) -> u64 {
    begins();
    (a + b) % 1_000_003
}

/// Ten at a time, each of which reads two of those before.
fn thousand() -> Flow<Node<u64>> {
    flow!("thousand", {
        let first = sum(twice::map(numbers()));
        let mut layer = vec![first; 10];
        for _ in 0..99 {
            layer = (0..10).map(|i| next(layer[i], layer[(i + 3) % 10])).collect();
        }
        sum(layer)
    })
}

#[test]
#[ignore = "what the other test starts"]
fn process() {
    let Some(path) = std::env::var_os("STORE") else { return };
    let store = crate::open(&PathBuf::from(path));
    store.reap().unwrap();
    let flow = thousand().with(settings(&store, Executor::threads(2)));
    let run = match store.runs(&RunFilter::default()).unwrap().first() {
        None => flow.run(),
        Some(row) => flow.resume(&store, &row.id.to_string()).unwrap(),
    };
    println!("output {}", run.output().unwrap());
}

fn start(store: &Path, effects: &Path, die_at: Option<usize>) -> (ExitStatus, String) {
    let mut command = crate::child("killed::process", store, effects);
    if let Some(at) = die_at {
        command.env("PREFECT_STORE_DIE_AT", at.to_string());
        if at % 2 == 0 {
            command.env("PREFECT_STORE_DIE_AFTER_COMMIT", "1");
        }
    }
    let output = command.output().unwrap();
    (output.status, String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The bodies whose results are recorded.
fn recorded(store: &Store) -> Vec<String> {
    let Some(run) = store.runs(&RunFilter::default()).unwrap().into_iter().next() else { return Vec::new() };
    let slugs = store.input(run.id).unwrap().graph.slugs;
    let mut done = Vec::new();
    let mut after: Option<TaskKey> = None;
    loop {
        let page = store.recorded(run.id, after, 500).unwrap();
        let Some((last, _)) = page.last() else { return done };
        after = Some(last.key());
        let ended = page.iter().filter(|(row, _)| row.state == StateCode::SUCCESS);
        done.extend(ended.map(|(row, _)| {
            let index = row.index.map_or("-".to_owned(), |index| index.to_string());
            format!("{} {index}", slugs[row.task as usize])
        }));
    }
}

/// What a run says that it gave.
fn output(said: &str) -> &str {
    said.lines().find(|line| line.starts_with("output ")).unwrap()
}

#[test]
fn nothing_that_is_recorded_is_lost_or_done_twice() {
    let whole = Folder::new();
    let (status, said) = start(&whole.path(), &whole.file("effects"), None);
    assert!(status.success(), "{said}");
    let expected = effects(&whole.file("effects"));
    assert_eq!(expected.len(), 2 + 8 + 990 + 1);
    let (_, again) = start(&Folder::new().path(), &whole.file("others"), None);
    let result = output(&again).to_owned();

    let every: usize = std::env::var("KILL_EVERY").map_or(211, |every| every.parse().unwrap());
    // Some at a time, as most of their time they wait for the disk.
    let (turns, last, kills) = (AtomicUsize::new(0), AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while !last.load(Ordering::Relaxed) {
                    let die_at = 1 + every * turns.fetch_add(1, Ordering::Relaxed);
                    match kill(die_at, &expected, &result) {
                        Killed::Killed => drop(kills.fetch_add(1, Ordering::Relaxed)),
                        Killed::HasNotSoManyCalls => last.store(true, Ordering::Relaxed),
                    }
                }
            });
        }
    });
    let kills = kills.into_inner();
    println!("killed {kills} times");
    assert!(kills > 3, "killed {kills} times");
}

enum Killed {
    Killed,
    HasNotSoManyCalls,
}

/// Kills a run at a call of its store, and goes on with it.
fn kill(die_at: usize, expected: &BTreeMap<String, usize>, result: &str) -> Killed {
    let folder = Folder::new();
    let (path, file) = (folder.path(), folder.file("effects"));
    let (status, said) = start(&path, &file, Some(die_at));
    if status.success() {
        assert_eq!(output(&said), result);
        return Killed::HasNotSoManyCalls;
    }
    let store = folder.store();
    let (done, begun) = (recorded(&store), effects(&file));
    if store.runs(&RunFilter::default()).unwrap().first().is_some_and(|run| run.state == StateCode::SUCCESS) {
        // All was done, and it only had to say goodbye.
        assert_eq!((done.len(), &begun), (expected.len(), expected), "killed at call {die_at}");
        return Killed::Killed;
    }
    drop(store);
    let (status, said) = start(&path, &file, None);
    assert!(status.success(), "killed at call {die_at}: {said}");
    assert_eq!(output(&said), result, "killed at call {die_at}");
    let counts = effects(&file);
    assert!(counts.keys().eq(expected.keys()), "killed at call {die_at}");
    for body in &done {
        assert_eq!(counts[body], begun[body], "killed at call {die_at}: `{body}` was recorded, and has begun again");
    }
    let twice = counts.values().filter(|count| **count > 1).count();
    assert!(twice <= IN_FLIGHT && counts.values().all(|count| *count <= 2), "killed at call {die_at}: {twice} again");
    let store = folder.store();
    let run = &store.runs(&RunFilter::default()).unwrap()[0];
    assert_eq!((run.state, run.n_ok, run.n_failed), (StateCode::SUCCESS, 1_001 + 1, 0), "killed at call {die_at}");
    assert_eq!(recorded(&store).len(), expected.len());
    Killed::Killed
}
