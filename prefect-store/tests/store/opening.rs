//! What may be opened, what is made, and what is refused in which words.
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use prefect_store::{Options, RunFilter, Store, StoreError, StoreUrl};
use rusqlite::Connection;

use crate::child;
use crate::support::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_store_is_made_for_its_user_alone() {
    let place = Place::new();
    let path = place.folder().join("a/b/runs.db");
    let store = Store::open(&StoreUrl::sqlite(&path), Options::default()).unwrap();
    let run = store.begin(new_run("one")).unwrap();

    assert_eq!(mode(&place.folder().join("a")), 0o700);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let mut names = Vec::new();
    for file in fs::read_dir(path.parent().unwrap()).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        assert_eq!(mode(&file.path()), if name == "runs.db-processes" { 0o700 } else { 0o600 }, "{name}");
        names.push(name);
    }
    names.sort();
    assert_eq!(names, ["runs.db", "runs.db-processes", "runs.db-shm", "runs.db-turn", "runs.db-wal"]);
    end(&run, S::SUCCESS);
    drop((run, store));

    let sql = Connection::open(&path).unwrap();
    let pragma = |name: &str| {
        sql.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
    assert_eq!(pragma("auto_vacuum"), 2.into());
    assert_eq!(pragma("user_version"), prefect_store::TABLES_VERSION.into());
    assert_eq!(fs::read_dir(path.parent().unwrap().join("runs.db-processes")).unwrap().count(), 0);
}

#[test]
fn it_can_be_opened_again_and_by_many_at_once() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for i in 0..8 {
            let place = &place;
            scope.spawn(move || {
                let store = place.open();
                end(&store.begin(new_run(&format!("run {i}"))).unwrap(), S::SUCCESS);
            });
        }
    });
    assert_eq!(place.open().runs(&RunFilter::default()).unwrap().len(), 8);
    check(&place.sql());
}

/// Opens it, and gives what is said; the file must be as it was.
fn refusal(path: &Path) -> String {
    let before = fs::read(path).ok();
    let error = Store::open(&StoreUrl::sqlite(path), Options::default()).unwrap_err();
    assert_eq!(fs::read(path).ok(), before, "the file has changed");
    let looked = Store::open_read_only(&StoreUrl::sqlite(path), Options::default()).unwrap_err();
    if !matches!(error, StoreError::ReadOnly(_)) {
        assert_eq!(looked, error);
    }
    error.to_string().replace(path.to_str().unwrap(), "PATH")
}

#[test]
fn what_is_no_store_is_refused_and_stays_as_it_is() {
    let place = Place::new();
    let path = place.path();

    assert_eq!(refusal(place.folder()), "PATH is a folder: the store needs the path of a file in it");

    fs::write(&path, "name,age\n".repeat(1000)).unwrap();
    assert_eq!(
        refusal(&path),
        "PATH is no SQLite database: nothing was changed in it. Name another path for the store, or move the file away"
    );

    fs::remove_file(&path).unwrap();
    place.sql().execute_batch("CREATE TABLE mails(id INTEGER PRIMARY KEY)").unwrap();
    assert_eq!(
        refusal(&path),
        "PATH is a database of another program: nothing was changed in it. Name another path for the store"
    );

    rustix::fs::mknodat(rustix::fs::CWD, place.folder().join("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    let pipe = Store::open(&StoreUrl::sqlite(place.folder().join("pipe")), Options::default());
    assert!(matches!(pipe, Err(StoreError::NotADatabase(_))), "{pipe:?}");

    let below = path.join("runs.db");
    let error = Store::open(&StoreUrl::sqlite(&below), Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{} cannot be opened: Not a directory (os error 20). Check that the folder is there and that this user may \
             read and write it",
            below.display()
        )
    );
}

#[test]
fn a_newer_store_is_refused_and_stays_as_it_is() {
    let place = Place::new();
    drop(place.open());
    place.sql().execute_batch("PRAGMA user_version = 99; CREATE TABLE novelties(x)").unwrap();
    assert_eq!(
        refusal(&place.path()),
        format!(
            "PATH was made by a newer release of prefect (tables of version 99, this release knows {}): nothing was changed in \
             it. Use that release, or another path for the store",
            prefect_store::TABLES_VERSION
        )
    );
}

#[test]
fn a_damaged_store_is_an_error_and_no_panic() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    record(&run, (0..3000).flat_map(|i| [start(0, Some(i)), finish(0, Some(i))]).collect());
    end(&run, S::SUCCESS);
    let id = run.id();
    drop((run, store));
    let whole = fs::read(place.path()).unwrap();
    let mut random = Random::new();
    for _ in 0..60 {
        let mut bytes = whole.clone();
        for _ in 0..1 + random.below(200) {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = random.below(256) as u8;
        }
        bytes.truncate(1 + random.below(bytes.len() as u64) as usize);
        fs::write(place.path(), &bytes).unwrap();
        for file in ["-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{file}", place.path().display()));
        }
        let Ok(store) = Store::open(&place.url(), Options::default()) else { continue };
        let _ = store.runs(&RunFilter::default());
        let _ = store.recorded(id, None, 5000);
        let _ = store.transitions(id, 0, 10_000);
        let _ = store.run("one").and_then(|row| {
            store.claim(&row, prefect_store::Parked::Refuse).map_err(|_| StoreError::WriterGone(place.path().into()))
        });
    }
}

#[test]
fn who_only_looks_makes_nothing() {
    let place = Place::new();
    let look = || Store::open_read_only(&place.url(), Options::default());
    let missing = look().unwrap_err();
    assert_eq!(
        missing.to_string(),
        format!("there is no store at {}: it is made by the first durable run", place.path().display())
    );
    assert!(!place.path().exists());

    end(&place.open().begin(new_run("one")).unwrap(), S::SUCCESS);
    fs::remove_file(place.folder().join("runs.db-turn")).unwrap();
    fs::remove_dir(place.folder().join("runs.db-processes")).unwrap();
    let store = look().unwrap();
    assert_eq!(store.runs(&RunFilter::default()).unwrap().len(), 1);
    assert_eq!(store.begin(new_run("two")).unwrap_err(), StoreError::ReadOnly(place.path().into()));
    assert_eq!(store.reap().unwrap_err(), StoreError::ReadOnly(place.path().into()));
    assert!(!place.folder().join("runs.db-turn").exists() && !place.folder().join("runs.db-processes").exists());
}

/// The system gives back all locks that a process has on a file when the process closes it anywhere, and another process may
/// take itself for the last then, and take the log away.
#[test]
#[cfg(target_os = "linux")]
fn opening_a_store_once_more_gives_no_lock_back() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    let (process, database) =
        (format!(" {} ", std::process::id()), format!(":{} ", fs::metadata(place.path()).unwrap().ino()));
    // File by file: the list of all locks of the machine is read in pieces, and what others lock and release meanwhile makes it
    // leave lines out. Files that other tests close meanwhile are not ours.
    let locks = || -> Vec<String> {
        let files = fs::read_dir("/proc/self/fdinfo").unwrap().flatten();
        let all: String = files.flat_map(|file| fs::read_to_string(file.path())).collect();
        all.lines().filter(|lock| lock.contains(&process) && lock.contains(&database)).map(Into::into).collect()
    };
    let shared = |locks: &[String]| locks.iter().any(|lock| lock.contains("READ") && lock.contains(" 1073741826 "));
    assert!(shared(&locks()), "{:?}", locks());
    drop(place.open());
    drop(Store::open_read_only(&place.url(), Options::default()).unwrap());
    assert!(shared(&locks()), "{:?}", locks());
    end(&run, S::SUCCESS);
}

#[test]
fn an_empty_file_is_a_store_that_nobody_has_used() {
    let place = Place::new();
    fs::write(place.path(), "").unwrap();
    assert!(matches!(Store::open_read_only(&place.url(), Options::default()), Err(StoreError::Missing(_))));
    end(&place.open().begin(new_run("one")).unwrap(), S::SUCCESS);
}

/// What stands beside the database is the same for all who open it.
#[test]
fn links_lead_to_the_same_store() {
    let place = Place::new();
    drop(place.open());
    let link = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(place.path(), link.path().join("runs.db")).unwrap();
    let store = Store::open(&StoreUrl::sqlite(link.path().join("runs.db")), Options::default()).unwrap();
    let run = store.begin(new_run("one")).unwrap();
    assert_eq!(place.open().reap().unwrap(), [], "its lock file is found");
    end(&run, S::SUCCESS);
    assert_eq!(fs::read_dir(link.path()).unwrap().count(), 1, "nothing but the link");
}

/// Rights count for nobody who is root: a child that is not.
#[test]
fn without_rights_the_message_says_so() {
    let place = Place::new();
    end(&place.open().begin(new_run("one")).unwrap(), S::SUCCESS);
    let set = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let said = |mode: (u32, u32)| {
        set(&place.path(), mode.0);
        set(place.folder(), mode.1);
        let lines = child::of_nobody("opens", &place);
        set(place.folder(), 0o700);
        lines.join("\n").replace(place.path().to_str().unwrap(), "PATH")
    };
    let cannot = "PATH cannot be opened: Permission denied (os error 13). Check that the folder is there and that this user \
                  may read and write it";
    let read_only = "PATH cannot be written: check the rights of the file and of its folder, and that the disk is not mounted \
                     read-only";
    assert_eq!(said((0o666, 0o700)), format!("{cannot}\n{cannot}"));
    assert_eq!(said((0o444, 0o777)), format!("{read_only}\nsees 1"));
    // SQLite cannot put its files beside it, and neither can we.
    let turn = "PATH-turn cannot be opened: Permission denied (os error 13). Check that the folder is there and that this user \
                may read and write it";
    fs::remove_file(place.folder().join("runs.db-turn")).unwrap();
    let lines = said((0o666, 0o555));
    assert!(lines.starts_with(turn) || lines.starts_with("PATH cannot be"), "{lines}");
    assert!(lines.ends_with("sees 1"), "{lines}");
}

#[test]
fn urls_say_where_or_why_not() {
    let path = |text: &str| {
        text.parse::<StoreUrl>().map(|url| url.path().unwrap().to_owned()).map_err(|error| error.to_string())
    };
    assert_eq!(path("sqlite:runs.db").unwrap(), Path::new("runs.db"));
    assert_eq!(path("sqlite:///a b/c%20d.db?x").unwrap(), Path::new("/a b/c%20d.db?x"));
    assert_eq!(path("runs.db").unwrap(), Path::new("runs.db"));
    assert_eq!(path("~/x.db").unwrap(), std::env::home_dir().unwrap().join("x.db"));
    assert_eq!(
        StoreUrl::default_of_user().unwrap().path().unwrap(),
        std::env::home_dir().unwrap().join(".prefect/prefect.db")
    );
    #[cfg(not(feature = "postgres"))]
    assert_eq!(
        path("postgres://me:hunter2@host/db").unwrap_err(),
        "a store in PostgreSQL needs the feature `postgres` of the crate `prefect`: turn it on, or write `sqlite:PATH`"
    );
    assert_eq!(path("mysql://me:hunter2@host/db").unwrap_err(), "a store cannot be in `mysql`: write `sqlite:PATH`");
    for bad in ["", "sqlite:", "sqlite::memory:", "sqlite://host/x.db", "a\0b"] {
        let error = path(bad).unwrap_err();
        assert!(!error.contains("hunter2") && error.len() > 30, "{bad:?}: {error}");
    }
}
