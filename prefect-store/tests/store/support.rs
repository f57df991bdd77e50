//! Stores in temporary folders, and short ways to write changes.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use prefect_store::{
    Clock, FlowChange, Machine, Message, Micros, NewRun, Notification, Options, OwnedRun, Position, RecordedGraph,
    StateCode, Store, StoreUrl, TaskChange,
};
use rusqlite::Connection;

pub use prefect_store::StateCode as S;

/// A folder with a database in it, gone afterwards.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// The same in memory, where there is such a place: for hundreds of stores that need no disk.
    pub fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Self { folder: tempfile::tempdir_in(memory).unwrap() } } else { Self::new() }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("runs.db")
    }

    pub fn url(&self) -> StoreUrl {
        StoreUrl::sqlite(self.path())
    }

    pub fn open(&self) -> Store {
        self.open_with(Options::default())
    }

    pub fn open_with(&self, options: Options) -> Store {
        Store::open(&self.url(), options).unwrap()
    }

    /// The database, behind the store's back.
    pub fn sql(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.sql().query_row(sql, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

pub fn new_run(name: &str) -> NewRun {
    NewRun {
        flow: "etl".into(),
        name: name.into(),
        parameters: r#"{"x":1}"#.into(),
        graph: graph(),
        state: S::RUNNING,
        at: Micros(10),
    }
}

pub fn graph() -> RecordedGraph {
    RecordedGraph { hash: vec![7; 32], text: "a -> b".into(), slugs: vec!["a-1".into(), "b \"x\"\n-1".into()] }
}

/// The first change of a task run: it starts.
pub fn start(task: u32, index: Option<u32>) -> TaskChange {
    TaskChange::new(task, index, (S::PENDING, S::RUNNING), 1, 1, Micros(20))
}

/// The second one: it ends well.
pub fn finish(task: u32, index: Option<u32>) -> TaskChange {
    TaskChange::new(task, index, (S::RUNNING, S::SUCCESS), 1, 2, Micros(30)).with_result(1, b"42".to_vec())
}

pub fn flow_change(state: StateCode, version: u32) -> FlowChange {
    FlowChange { state, version, at: Micros(40), message: None, notifications: Vec::new() }
}

/// Ends the run, and waits for it.
pub fn end(run: &OwnedRun, state: StateCode) {
    let position = run.record_run(flow_change(state, run.version() + 1));
    run.wait(position).unwrap();
}

/// Records these, and waits for them.
pub fn record(run: &OwnedRun, changes: Vec<TaskChange>) {
    let position: Position = run.record_many(changes).unwrap();
    run.wait(position).unwrap();
}

/// Time that tests move.
#[derive(Clone)]
pub struct Time(Arc<AtomicI64>);

impl Time {
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_000_000_000)))
    }

    pub fn clock(&self) -> Clock {
        let time = Arc::clone(&self.0);
        Clock::new(move || Micros(time.load(Ordering::SeqCst)))
    }

    pub fn pass(&self, time: Duration) {
        self.0.fetch_add(time.as_micros() as i64, Ordering::SeqCst);
    }
}

/// A notification with this ticket, to the secret `HOOK`.
pub fn told(ticket: u32, payload: &str) -> Notification {
    Notification { ticket, message: Arc::new(message("HOOK", payload)), cause: None }
}

/// The same because of this.
pub fn told_because(ticket: u32, cause: &str) -> Notification {
    Notification { cause: Some(cause.into()), ..told(ticket, "some") }
}

pub fn message(to: &str, payload: &str) -> Message {
    Message { kind: "slack".into(), to: to.into(), payload: payload.into() }
}

/// A store as a machine of this name would open it.
pub fn on_machine(host: &str, time: &Time) -> Options {
    let mut options = Options::default().clock(time.clock());
    options.machine = Machine { host: host.into(), boot_id: format!("boot of {host}") };
    options
}

/// Numbers that look random, and are the same for the same seed.
pub struct Random(u64);

impl Random {
    /// Prints the seed; `STORE_SEED` gives another one.
    pub fn new() -> Self {
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
        let seed = std::env::var("STORE_SEED").map_or(time, |seed| seed.parse().unwrap());
        println!("STORE_SEED={seed}");
        Self(seed)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// Every row, but for ids and what depends on them.
pub fn dump(connection: &Connection) -> Vec<String> {
    let tables = [
        "SELECT name FROM flows",
        "SELECT hash, body, slugs FROM graphs",
        "SELECT flow_no, name, state, version, message, params, created_at, started_at, ended_at, proc_no IS NULL, epoch, \
         crashes, n_ok, n_failed, last_seq FROM flow_runs",
        "SELECT * FROM task_runs",
        "SELECT * FROM results",
        "SELECT * FROM transitions",
        // One that a process has which could not say that it ended waits.
        "SELECT run_no, kind, dest, payload, CASE status WHEN 1 THEN 0 ELSE status END, attempts, not_before, changes FROM outbox",
    ];
    let mut rows = Vec::new();
    for table in tables {
        let mut query = connection.prepare(table).unwrap();
        let columns = query.column_count();
        let mut found = query.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let values: Vec<String> = (0..columns).map(|i| format!("{:?}", row.get_ref(i).unwrap())).collect();
            rows.push(format!("{} {}", table.rsplit(' ').next().unwrap(), values.join(", ")));
        }
    }
    rows
}

/// The file is whole.
pub fn check_file(connection: &Connection) {
    let integrity: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
    let foreign: i64 =
        connection.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
    assert_eq!(foreign, 0, "references to what is not there");
}

/// What must hold of every store at any time. Looks at each row several times: for small stores.
pub fn check(connection: &Connection) {
    check_file(connection);
    let none = |what: &str, sql: &str| {
        let found: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(found, 0, "{what}");
    };
    none(
        "transitions of a run that are not numbered from 1 without gaps",
        "SELECT count(*) FROM flow_runs f WHERE last_seq <> (SELECT count(*) FROM transitions t WHERE t.run_no=f.run_no) \
         OR last_seq <> (SELECT max(seq) FROM transitions t WHERE t.run_no=f.run_no)",
    );
    none(
        "task runs whose row is not what their last transition says",
        "SELECT count(*) FROM task_runs r WHERE NOT EXISTS(SELECT 1 FROM transitions t WHERE t.run_no=r.run_no \
         AND t.task_no=r.task_no AND t.map_index=r.map_index AND t.version=r.version AND t.state=r.state \
         AND t.attempt=r.attempt AND t.seq=(SELECT max(seq) FROM transitions m WHERE m.run_no=r.run_no \
         AND m.task_no=r.task_no AND m.map_index=r.map_index))",
    );
    none(
        "task runs whose changes are not numbered from 1 without gaps",
        "SELECT count(*) FROM task_runs r WHERE version <> (SELECT count(*) FROM transitions t WHERE t.run_no=r.run_no \
         AND t.task_no=r.task_no AND t.map_index=r.map_index)",
    );
    none(
        "transitions of task runs without a row",
        "SELECT count(*) FROM transitions t WHERE task_no >= 0 AND NOT EXISTS(SELECT 1 FROM task_runs r \
         WHERE t.run_no=r.run_no AND t.task_no=r.task_no AND t.map_index=r.map_index)",
    );
    none(
        "counters that do not count",
        "SELECT count(*) FROM flow_runs f WHERE n_ok <> (SELECT count(*) FROM task_runs t WHERE t.run_no=f.run_no \
         AND state BETWEEN 33 AND 47) OR n_failed <> (SELECT count(*) FROM task_runs t WHERE t.run_no=f.run_no \
         AND state BETWEEN 48 AND 63)",
    );
    none(
        "results that are not there",
        "SELECT count(*) FROM task_runs t WHERE codec IS NOT NULL AND result IS NULL AND NOT EXISTS(SELECT 1 FROM results r \
         WHERE t.run_no=r.run_no AND t.task_no=r.task_no AND t.map_index=r.map_index)",
    );
    none(
        "runs that have ended and belong to somebody",
        "SELECT count(*) FROM flow_runs WHERE (state >= 32 OR state = 3) AND proc_no IS NOT NULL",
    );
}
