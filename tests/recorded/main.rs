//! Runs that are recorded in a store, and go on.
mod again;
mod approved;
mod changes;
mod dies;
mod disks;
mod forced;
mod goes_on;
mod held;
mod killed;
mod logs;
mod mapped;
mod outbox;
mod retried;

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use prefect::store::{Options, Store, StoreUrl};
use prefect::{Clock, Config, Executor, RunSettings};

/// A store in a folder of its own.
pub(crate) struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("runs.db")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn store(&self) -> Store {
        open(&self.path())
    }
}

/// The store that belongs to this path: the file, or (where `PREFECT_TEST_POSTGRES` names a server) a schema of its own.
pub(crate) fn open(path: &Path) -> Store {
    let url = match std::env::var("PREFECT_TEST_POSTGRES") {
        Ok(server) => {
            let mut hash = DefaultHasher::new();
            path.hash(&mut hash);
            format!("{server}?schema=recorded_{:016x}", hash.finish()).parse().unwrap()
        }
        Err(_) => StoreUrl::sqlite(path),
    };
    Store::open(&url, Options::default()).unwrap()
}

pub(crate) fn settings(store: &Store, executor: Executor) -> RunSettings {
    let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
    RunSettings::new().executor(executor).clock(clock).seed(1).config(Config::default()).store(store.clone())
}

pub(crate) fn executors() -> [Executor; 3] {
    [Executor::Local, Executor::threads(1), Executor::threads(2)]
}

/// This program once more, as a process that runs an ignored test on this store; its bodies note in this file that they begin.
pub(crate) fn child(test: &str, store: &Path, effects: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env("STORE", store).env("EFFECTS", effects);
    command
}

/// How often each body has begun, by the line that it has written.
pub(crate) fn effects(path: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in fs::read_to_string(path).unwrap_or_default().lines() {
        *counts.entry(line.to_owned()).or_insert(0) += 1;
    }
    counts
}
