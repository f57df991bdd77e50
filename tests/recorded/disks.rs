//! Disks that fill up, and disks that cannot be written for a while, under a run. They are disks of their own:
//! `scripts/hostile-disks` makes them.
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use prefect::prelude::*;
use prefect::store::{Checkup, Options, RunFilter, StateCode, Store, StoreUrl};
use prefect::{Executor, Flow};

use crate::settings;

const CHILDREN: u64 = 300;

#[task]
fn numbers() -> Vec<u64> {
    (0..CHILDREN).collect()
}

/// Four kilobytes for each, which no page shares.
#[task]
fn grow(n: u64) -> String {
    format!("{n:04}").repeat(1024)
}

#[task]
fn measure(all: Vec<String>) -> u64 {
    all.iter().map(|text| text.len() as u64).sum()
}

fn flow() -> Flow<Node<u64>> {
    flow!("grows", { measure(grow::map(numbers())) })
}

/// The disk that the script has mounted.
fn disk() -> PathBuf {
    std::env::var_os("DISK").expect("`scripts/hostile-disks` runs these tests").into()
}

fn open(folder: &Path, options: Options) -> Store {
    Store::open(&StoreUrl::sqlite(folder.join("runs.db")), options).unwrap()
}

fn has_room(disk: &Path) -> bool {
    let probe = disk.join("probe");
    let written = File::create(&probe).and_then(|mut file| file.write_all(&[1; 16_384]));
    let _ = std::fs::remove_file(&probe);
    written.is_ok()
}

/// Fills the disk but for so many bytes.
fn fill(disk: &Path, room: usize) -> PathBuf {
    let (ballast, kept) = (disk.join("ballast"), disk.join("kept"));
    std::fs::write(&kept, vec![0; room]).unwrap();
    let mut file = File::create(&ballast).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    std::fs::remove_file(kept).unwrap();
    ballast
}

fn all_is_there(store: &Store) {
    let row = store.runs(&RunFilter::default()).unwrap().remove(0);
    assert_eq!((row.state, row.n_ok, row.n_failed), (StateCode::SUCCESS, CHILDREN + 3, 0));
    let Checkup { damage, .. } = store.check().unwrap();
    assert_eq!(damage, [""; 0]);
}

#[test]
#[ignore = "needs a disk of its own: scripts/hostile-disks"]
fn a_run_waits_for_room_on_a_full_disk() {
    let disk = disk();
    let folder = tempfile::tempdir_in(&disk).unwrap();
    let store = open(folder.path(), Options::default());
    let ballast = fill(&disk, 900_000);
    let flow = flow().with(settings(&store, Executor::threads(2)));
    let run = std::thread::scope(|scope| {
        let run = scope.spawn(|| flow.run());
        while has_room(&disk) {
            assert!(!run.is_finished(), "the disk is too large for this test");
            std::thread::yield_now();
        }
        // The store has met the end of the disk, and tries again and again.
        std::thread::sleep(Duration::from_millis(300));
        assert!(!run.is_finished(), "what is not recorded is not over");
        std::fs::remove_file(&ballast).unwrap();
        run.join().unwrap()
    });
    assert!(run.state().kind().is_successful(), "{:?}", run.state());
    assert_eq!(run.output().unwrap(), CHILDREN * 4096);
    all_is_there(&store);
}

#[test]
#[ignore = "needs a disk of its own: scripts/hostile-disks"]
fn a_run_that_has_waited_too_long_for_room_says_so_and_is_resumed() {
    let disk = disk();
    let folder = tempfile::tempdir_in(&disk).unwrap();
    let store = open(folder.path(), Options::default().keep_trying(Duration::from_millis(100)));
    let ballast = fill(&disk, 900_000);
    let failed = flow().with(settings(&store, Executor::threads(2))).run();
    assert!(failed.state().kind().is_failed(), "no false Success: {:?}", failed.state());
    let message = failed.state().message().unwrap();
    assert!(message.contains("is full: make room, then go on with the run"), "{message}");
    // Not even its end can be recorded.
    drop((failed, store));

    std::fs::remove_file(ballast).unwrap();
    let store = open(folder.path(), Options::default());
    let last = || store.runs(&RunFilter::default()).unwrap().remove(0);
    // Whoever let go of the store last did not wait for its thread, perhaps.
    while last().owner.is_some() {
        store.reap().unwrap();
    }
    let row = last();
    assert!(row.n_ok > 0 && row.n_ok < CHILDREN, "{row:?}");
    let run = flow().with(settings(&store, Executor::threads(2))).resume(&store, &row.id.to_string()).unwrap();
    assert_eq!(run.output().unwrap(), CHILDREN * 4096);
    all_is_there(&store);
}

#[test]
#[ignore = "needs a disk of its own: scripts/hostile-disks"]
fn a_store_on_a_read_only_disk_is_refused() {
    let disk = disk();
    let folder = tempfile::tempdir_in(&disk).unwrap();
    let store = open(folder.path(), Options::default());
    assert!(flow().with(settings(&store, Executor::Local)).run().state().kind().is_successful());
    drop(store);
    let mount = |how: &str| {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&disk).status().unwrap();
        assert!(done.success(), "remount,{how}");
    };
    mount("ro");
    let url = StoreUrl::sqlite(folder.path().join("runs.db"));
    let refused = Store::open(&url, Options::default()).unwrap_err();
    let looked_at = Store::open_read_only(&url, Options::default()).and_then(|store| store.runs(&RunFilter::default()));
    mount("rw");
    assert_eq!(refused, prefect::store::StoreError::ReadOnly(folder.path().join("runs.db").into()), "{refused}");
    // SQLite needs a file beside the database even to look.
    let error = looked_at.unwrap_err();
    assert!(error.to_string().ends_with("and that this user may read and write it"), "{error}");
    all_is_there(&open(folder.path(), Options::default()));
}
