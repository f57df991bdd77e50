//! Old runs that are removed, and copies of a store.
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

use prefect_store::{
    Fate, Fault, FlowChange, LogFilter, LogLevel, LogLine, Mark, Micros, NewRun, Options, OwnedRun, Parked, Prune,
    PruneStep, RecordedGraph, RunFilter, StateCode, Store, StoreError, StoreUrl, TaskChange,
};

use crate::support::*;

/// A run of this flow, whose graph is its own, with something in every table; it has ended then, and its notification was sent.
fn run_of(store: &Store, flow: &str, name: &str, state: StateCode, ended: i64) -> OwnedRun {
    let graph = RecordedGraph { hash: name.as_bytes().to_vec(), text: "a".into(), slugs: vec!["a-1".into()] };
    let run = store.begin(NewRun { flow: flow.into(), graph, ..new_run(name) }).unwrap();
    let mut told = finish(0, None);
    told.notifications = vec![crate::support::told_because(1, "because")];
    run.tell_of_crash(vec![crate::support::message("HOOK", "gone")]).unwrap();
    record(&run, vec![start(0, None), told, start(0, Some(0)), finish(0, Some(0)).with_result(1, vec![1; 1000])]);
    let (target, message) = ("t".into(), "line".to_owned());
    run.log(LogLine { task: None, attempt: 0, at: Micros(1), level: LogLevel::Info, target, message });
    let version = run.version() + 1;
    let end = FlowChange { state, version, at: Micros(ended), message: None, notifications: Vec::new() };
    run.wait(run.record_run(end)).unwrap();
    store.mark(vec![Mark { of: run.tickets().of(1), fate: Fate::Sent }]);
    store.wait_for_marks().unwrap();
    run
}

fn names(store: &Store) -> Vec<String> {
    store.runs(&RunFilter::default()).unwrap().into_iter().map(|run| run.name).collect()
}

fn old(before: i64) -> Prune {
    Prune { ended_before: Micros(before), keep: 0 }
}

const TABLES: [&str; 10] = [
    "flow_runs",
    "task_runs",
    "results",
    "transitions",
    "outbox",
    "outbox_causes",
    "crash_notices",
    "logs",
    "run_logs",
    "graphs",
];

#[test]
fn only_runs_that_are_over_for_good_go_with_all_that_they_have() {
    let place = Place::new();
    let store = place.open();
    for (name, state, ended) in [
        ("good", S::SUCCESS, 100),
        ("cancelled", S::CANCELLED, 100),
        ("failed", S::FAILED, 100),
        ("young", S::SUCCESS, 200),
        ("young failed", S::FAILED, 200),
        ("paused", S::PAUSED, 100),
    ] {
        run_of(&store, "etl", name, state, ended);
    }
    drop(store.begin(new_run("crashed")).unwrap());
    let running = store.begin(new_run("running")).unwrap();
    assert_eq!(store.count_prunable(&old(200)).unwrap().runs, 3);
    let mut steps = Vec::new();
    let pruned = store.prune(&old(200), |step| steps.push(step)).unwrap();
    assert_eq!((pruned.runs, pruned.graphs), (3, 3));
    assert_eq!(names(&store), ["running", "crashed", "paused", "young failed", "young"]);
    let rows = TABLES.map(|table| place.number(&format!("SELECT count(*) FROM {table}")));
    // Three that had them stay, besides the two without.
    assert_eq!(rows, [5, 6, 3, 3 * 6 + 3, 3, 3, 3, 3, 3, 4]);
    assert!(steps.contains(&PruneStep::Runs(3)) && steps.last() == Some(&PruneStep::Space(0)), "{steps:?}");
    assert_eq!(store.prune(&old(200), |_| {}).unwrap().runs, 0);
    // What is left is whole, and goes on.
    check(&place.sql());
    assert_eq!(store.check().unwrap().damage, [""; 0]);
    let failed = store.claim(&store.run("young failed").unwrap(), Parked::Refuse).unwrap();
    end(&failed, S::SUCCESS);
    end(&running, S::SUCCESS);
    store.cancel(store.run("crashed").unwrap().id, "me").unwrap();
    assert_eq!(store.prune(&old(i64::MAX), |_| {}).unwrap().runs, 4);
    assert_eq!(names(&store), ["paused"]);
}

#[test]
fn the_newest_of_each_flow_can_stay() {
    let place = Place::new();
    let store = place.open();
    for (flow, name) in [("a", "1"), ("b", "2"), ("a", "3"), ("a", "4"), ("b", "5"), ("c", "6")] {
        run_of(&store, flow, name, S::SUCCESS, 100);
    }
    let prune = Prune { ended_before: Micros(200), keep: 2 };
    assert_eq!(store.count_prunable(&prune).unwrap().runs, 1);
    store.prune(&prune, |_| {}).unwrap();
    assert_eq!(names(&store), ["6", "5", "4", "3", "2"]);
    store.prune(&Prune { keep: 1, ..prune }, |_| {}).unwrap();
    assert_eq!(names(&store), ["6", "5", "4"]);
}

/// Whoever looks which graphs are needed, and the database itself when one goes, finds the runs of a graph by it.
#[test]
fn graphs_go_a_few_at_a_time() {
    let place = Place::in_memory();
    let store = place.open();
    let stays = run_of(&store, "etl", "stays", S::SUCCESS, 1000);
    place
        .sql()
        .execute_batch(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM n WHERE n < 1200) \
             INSERT INTO graphs(hash, body, slugs) SELECT CAST('graph ' || n AS BLOB), 'a', '[]' FROM n",
        )
        .unwrap();
    let mut told = Vec::new();
    let pruned = store.prune(&old(200), |step| {
        if let PruneStep::Graphs(n) = step {
            told.push(n);
        }
    });
    assert_eq!(pruned.unwrap().graphs, 1200);
    assert!(told.len() > 2 && told[0] < told[1], "in several transactions: {told:?}");
    assert_eq!(store.input(stays.id()).unwrap().graph.slugs, ["a-1"]);
    let plan = place.sql().rows("EXPLAIN QUERY PLAN SELECT 1 FROM flow_runs f WHERE f.graph_hash=x'00'");
    assert!(plan[0][3].contains("flow_runs_graph"), "{plan:?}");
}

/// A run of many rows, and many runs: the file gets smaller, and the log is written back.
#[test]
fn the_space_is_given_back() {
    let place = Place::new();
    let store = place.open();
    for run in 0..3 {
        let run = store.begin(new_run(&run.to_string())).unwrap();
        record(&run, (0..4000).flat_map(|i| [start(0, Some(i)), finish(0, Some(i))]).collect());
        end(&run, S::SUCCESS);
    }
    let large = run_of(&store, "etl", "stays", S::SUCCESS, 1000);
    let mut rows = Vec::new();
    let pruned = store
        .prune(&old(500), |step| {
            if let PruneStep::Rows(n) = step {
                rows.push(n);
            }
        })
        .unwrap();
    assert_eq!((pruned.runs, pruned.graphs), (3, 1));
    assert!(rows.len() > 3, "in several transactions: {rows:?}");
    assert_eq!(place.number("SELECT count(*) FROM pruned"), 0);
    assert!(pruned.bytes.0 > 1_000_000 && pruned.bytes.1 < 300_000, "{pruned:?}");
    let on_disk = fs::metadata(place.path()).unwrap().len();
    assert!(on_disk <= pruned.bytes.1, "{on_disk}: {pruned:?}");
    assert_eq!(store.logs(large.id(), &LogFilter::default()).unwrap().len(), 1);
    check(&place.sql());
}

/// Wherever it is interrupted: what is gone is gone for all who look, and the next one does the rest.
#[test]
fn whoever_prunes_next_goes_on() {
    let mut interrupted = 0;
    for nth in 1.. {
        let place = Place::in_memory();
        let options = Options::default();
        let faults = options.faults.clone();
        let store = place.open_with(options);
        (0..3).for_each(|i| drop(run_of(&store, "etl", &i.to_string(), S::SUCCESS, 100)));
        faults.fail(nth, 1, Fault::Io);
        let done = store.prune(&old(200), |_| {});
        faults.heal();
        interrupted += u32::from(done.is_err());
        let left = names(&store).len();
        assert!(left == 0 || left == 3, "{nth}: {left}");
        check(&Sql::Sqlite(Copy::without_pruned(&place)));
        store.prune(&old(200), |_| {}).unwrap();
        for table in TABLES {
            assert_eq!(place.number(&format!("SELECT count(*) FROM {table}")), 0, "{nth}: {table}");
        }
        if done.is_ok() {
            break;
        }
    }
    assert!(interrupted > 10, "{interrupted}");
}

/// The database without the rows of runs that are being removed.
struct Copy;

impl Copy {
    fn without_pruned(place: &Place) -> rusqlite::Connection {
        let copy = rusqlite::Connection::open_in_memory().unwrap();
        let mut copy = copy;
        {
            let from = place.sql();
            let backup = rusqlite::backup::Backup::new(&from, &mut copy).unwrap();
            backup.run_to_completion(1000, std::time::Duration::ZERO, None).unwrap();
        }
        for table in ["task_runs", "transitions", "results"] {
            let sql = format!("DELETE FROM {table} WHERE run_no IN (SELECT run_no FROM pruned)");
            copy.execute(&sql, []).unwrap();
        }
        copy
    }
}

#[test]
fn others_write_while_it_is_done() {
    let place = Place::new();
    let store = place.open();
    (0..300).for_each(|i| drop(run_of(&store, "etl", &i.to_string(), S::SUCCESS, 100)));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let other = place.open();
            let mut n = 0;
            while !over.load(Ordering::SeqCst) || n < 10 {
                n += 1;
                run_of(&other, "report", &format!("new {n}"), S::SUCCESS, 1000);
            }
        });
        let pruned = store.prune(&old(200), |_| {});
        let copied = store.backup(&place.folder().join("copy.db"), |_, _| {});
        over.store(true, Ordering::SeqCst);
        assert_eq!(pruned.unwrap().runs, 300);
        assert!(copied.unwrap() > 0);
    });
    check(&place.sql());
    let copy = Store::open(&StoreUrl::sqlite(place.folder().join("copy.db")), Options::default()).unwrap();
    assert_eq!(copy.check().unwrap().damage, [""; 0]);
}

#[test]
fn a_copy_is_the_store_as_it_was_and_its_own() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("running")).unwrap();
    record(&run, (0..5000).flat_map(|i| [start(0, Some(i)), finish(0, Some(i))]).collect());
    run_of(&store, "etl", "good", S::SUCCESS, 100);
    let file = place.folder().join("copy.db");
    let mut told = Vec::new();
    let size = store.backup(&file, |done, of| told.push((done, of))).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().len(), size);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(told.iter().all(|(done, of)| done <= of), "{told:?}");
    assert_eq!(dump(&place.sql()), dump(&Sql::Sqlite(rusqlite::Connection::open(&file).unwrap())));
    let copy = Store::open(&StoreUrl::sqlite(&file), Options::default()).unwrap();
    assert_eq!(copy.check().unwrap().damage, [""; 0]);
    // What the one does, the other does not hear of.
    record(&run, vec![start(1, None), TaskChange::new(1, None, (S::RUNNING, S::FAILED), 1, 2, Micros(5))]);
    assert_eq!((store.run("running").unwrap().n_failed, copy.run("running").unwrap().n_failed), (1, 0));
}

#[test]
fn nothing_is_written_over_and_no_half_copy_stays() {
    let place = Place::new();
    let store = place.open();
    let file = place.folder().join("copy.db");
    fs::write(&file, "mine").unwrap();
    assert_eq!(store.backup(&file, |_, _| {}).unwrap_err(), StoreError::Exists(file.clone().into()));
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    assert_eq!(store.backup(&place.path(), |_, _| {}).unwrap_err(), StoreError::Exists(place.path().into()));
    let nowhere = place.folder().join("no/such/folder.db");
    assert!(matches!(store.backup(&nowhere, |_, _| {}).unwrap_err(), StoreError::CannotOpen { .. }));
    // Its own text, which names it and says what to do.
    let text = StoreError::Exists(file.clone().into()).to_string();
    assert_eq!(text, format!("{} is there already: name a file that is not", file.display()));
}
