//! A store as a whole: the last run of each flow, sizes, damage.
use prefect_store::{Options, Store};

use crate::support::*;

#[test]
fn each_flow_has_its_last_run() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(store.last_runs().unwrap(), []);
    for (flow, name) in [("etl", "a"), ("report", "b"), ("etl", "c"), ("etl", "d"), ("report", "e"), ("etl", "f")] {
        let mut run = new_run(name);
        run.flow = flow.into();
        end(&store.begin(run).unwrap(), S::SUCCESS);
    }
    let last: Vec<_> = store.last_runs().unwrap().into_iter().map(|run| (run.flow, run.name)).collect();
    assert_eq!(last, [("etl".to_owned(), "f".to_owned()), ("report".to_owned(), "e".to_owned())]);
    // One whose runs are gone has none.
    place
        .sql()
        .execute_batch("DELETE FROM flow_runs WHERE flow_no = (SELECT flow_no FROM flows WHERE name='etl')")
        .unwrap();
    assert_eq!(store.last_runs().unwrap().len(), 1);
}

#[test]
fn a_sound_store_is_counted() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    record(&run, (0..100).flat_map(|i| [start(0, Some(i)), finish(0, Some(i))]).collect());
    record(&run, vec![start(1, None), finish(1, None).with_result(1, vec![1; 100_000])]);
    end(&run, S::SUCCESS);
    let checkup = store.check().unwrap();
    assert_eq!(
        (checkup.version, checkup.runs, checkup.task_runs, checkup.transitions),
        (prefect_store::TABLES_VERSION, 1, 101, 204)
    );
    assert_eq!(checkup.damage, [""; 0]);
    assert!(checkup.log.unwrap() > 0, "what was written is in the log first");
    drop((run, store));
    let checkup = place.open().check().unwrap();
    assert_eq!((checkup.database, checkup.log), (std::fs::metadata(place.path()).unwrap().len(), Some(0)));
    // What is deleted leaves room for what comes.
    assert_eq!(checkup.unused, Some(0));
    place.sql().execute_batch("DELETE FROM results").unwrap();
    let unused = place.open().check().unwrap().unused.unwrap();
    assert!((90_000..200_000).contains(&unused), "{unused}");
}

#[test]
fn damage_is_told_and_is_no_error() {
    let place = Place::new();
    let store = place.open();
    end(&store.begin(new_run("one")).unwrap(), S::SUCCESS);
    place.sql().execute_batch("PRAGMA foreign_keys=OFF; UPDATE flow_runs SET flow_no = 99").unwrap();
    assert_eq!(store.check().unwrap().damage, ["a row of flow_runs names one of flows that is not there"]);
    let sql = place.sql();
    sql.pragma_update(None, "writable_schema", true).unwrap();
    sql.execute_batch(
        "UPDATE sqlite_schema SET sql = replace(sql, '(name)', '(message)') WHERE name = 'flow_runs_name'",
    )
    .unwrap();
    drop(sql);
    let damage = place.open().check().unwrap().damage;
    assert!(damage[0].contains("missing from index flow_runs_name"), "{damage:?}");
    assert_eq!(damage.len(), 2, "{damage:?}");
}

/// Nothing that reads such a page gets anything: whoever looks is told all the same.
#[test]
fn a_page_that_cannot_be_read_is_damage() {
    for table in ["flows", "flow_runs", "task_runs", "transitions"] {
        let place = Place::new();
        let run = place.open().begin(new_run("one")).unwrap();
        record(&run, vec![start(0, None), finish(0, None)]);
        end(&run, S::SUCCESS);
        drop(run);
        let sql = place.sql();
        let pages =
            sql.rows(&format!("SELECT rootpage FROM sqlite_schema WHERE tbl_name = '{table}' AND rootpage > 0"));
        let size = sql.number("PRAGMA page_size") as usize;
        drop(sql);
        let mut bytes = std::fs::read(place.path()).unwrap();
        for page in pages {
            let page: usize = page[0].parse().unwrap();
            bytes[(page - 1) * size..page * size].fill(0xff);
        }
        std::fs::write(place.path(), bytes).unwrap();
        let store = Store::open_read_only(&place.url(), Options::default()).unwrap();
        let checkup = store.check().unwrap();
        assert!(checkup.damage.len() > 1, "{table}: {:?}", checkup.damage);
        assert_eq!(checkup.damage.last().unwrap(), "database disk image is malformed", "{table}");
        let counts = [("flow_runs", checkup.runs), ("task_runs", checkup.task_runs)];
        assert_eq!(counts.map(|(counted, _)| u64::from(counted != table)), counts.map(|(_, count)| count));
        assert_eq!(checkup.transitions == 0, table == "transitions");
        assert!(checkup.used > 0, "{checkup:?}");
    }
}
