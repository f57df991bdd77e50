//! Runs that are recorded in a store, and go on.
mod changes;
mod dies;
mod disks;
mod goes_on;
mod held;
mod killed;
mod outbox;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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

pub(crate) fn open(path: &Path) -> Store {
    Store::open(&StoreUrl::sqlite(path), Options::default()).unwrap()
}

pub(crate) fn settings(store: &Store, executor: Executor) -> RunSettings {
    let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
    RunSettings::new().executor(executor).clock(clock).seed(1).config(Config::default()).store(store.clone())
}

pub(crate) fn executors() -> [Executor; 3] {
    [Executor::Local, Executor::threads(1), Executor::threads(2)]
}

/// How often each body has begun, by the line that it has written.
pub(crate) fn effects(path: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in fs::read_to_string(path).unwrap_or_default().lines() {
        *counts.entry(line.to_owned()).or_insert(0) += 1;
    }
    counts
}
