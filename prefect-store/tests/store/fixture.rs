//! Databases of releases: `v1.db` is opened by this one and all later ones. Never written anew once it is released.
use std::path::{Path, PathBuf};

use prefect_store::{Micros, Options, Parked, RunFilter, Store, StoreUrl, TaskChange, TaskKey};

use crate::support::*;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1.db")
}

/// Made it: `cargo test -p prefect-store -- --ignored the_fixture_is_written`.
#[test]
#[ignore = "writes the fixture, if it is not there"]
fn the_fixture_is_written() {
    if fixture().exists() {
        return;
    }
    let place = Place::new();
    let store = place.open_with(on_machine("a-machine", &Time::new()));
    let good = store.begin(new_run("brave-otter")).unwrap();
    let mut done = finish(0, None);
    done.notifications = vec![told(1, "{}")];
    record(&good, vec![start(0, None), done, start(1, Some(0)), finish(1, Some(0)).with_result(2, vec![1; 1000])]);
    end(&good, S::SUCCESS);
    let bad = store.begin(new_run("calm-heron")).unwrap();
    let mut failed = TaskChange::new(0, None, (S::RUNNING, S::FAILED), 1, 2, Micros(31));
    failed.message = Some("it broke".into());
    record(&bad, vec![start(0, None), failed]);
    end(&bad, S::FAILED);
    drop((good, bad, store));
    std::fs::create_dir_all(fixture().parent().unwrap()).unwrap();
    place.sql().execute("VACUUM INTO ?1", [fixture().to_str().unwrap()]).unwrap();
}

#[test]
fn a_store_of_release_1_opens() {
    let place = Place::new();
    std::fs::copy(fixture(), place.path()).unwrap();
    let store = Store::open(&StoreUrl::sqlite(place.path()), Options::default()).unwrap();
    let names: Vec<_> =
        store.runs(&RunFilter::default()).unwrap().into_iter().map(|run| (run.name, run.state)).collect();
    assert_eq!(names, [("calm-heron".to_owned(), S::FAILED), ("brave-otter".to_owned(), S::SUCCESS)]);
    let good = store.run("brave-otter").unwrap();
    assert_eq!((good.n_ok, good.n_failed, good.version), (2, 0, 2));
    assert_eq!(store.input(good.id).unwrap().graph, graph());
    assert_eq!(store.result(good.id, 0, None).unwrap().unwrap().bytes, b"42");
    assert_eq!(store.result(good.id, 1, Some(0)).unwrap().unwrap().bytes, [1; 1000]);
    assert_eq!(store.transitions(good.id, 0, 100).unwrap().len(), 6);

    let bad = store.run("calm-heron").unwrap();
    assert_eq!(store.task_runs(bad.id).unwrap()[0].message.as_deref(), Some("it broke"));
    let run = store.claim(&bad, Parked::Refuse).unwrap();
    record(&run, vec![TaskChange::new(0, None, (S::FAILED, S::RUNNING), 2, 3, Micros(90))]);
    end(&run, S::SUCCESS);
    let last = store.transitions(bad.id, 5, 100).unwrap();
    assert_eq!(last[0].of, Some(TaskKey { task: 0, index: None }));
    check(&place.sql());
}

/// Whatever release a store comes from, its tables are those of a new one.
#[test]
fn an_old_store_has_the_tables_of_a_new_one() {
    let tables = |place: &Place| {
        drop(place.open());
        let sql = place.sql();
        let mut query = sql.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<Vec<(String, Option<String>)>, _>>().unwrap()
    };
    let (old, new) = (Place::new(), Place::new());
    std::fs::copy(fixture(), old.path()).unwrap();
    assert_eq!(tables(&old), tables(&new));
}
