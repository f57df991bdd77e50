//! Stores in temporary places, and short ways to write changes.
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, SystemTime};

use prefect_store::{
    Clock, Faults, FlowChange, Location, Machine, Message, Micros, NewRun, Notification, Options, OwnedRun, Position,
    RecordedGraph, StateCode, Store, StoreUrl, TaskChange,
};
use rusqlite::Connection;

pub use prefect_store::StateCode as S;

/// A place for one store, gone afterwards: a folder with a database in it, or (in the test program `postgres`) a schema on the
/// server that `PREFECT_TEST_POSTGRES` names.
pub struct Place {
    folder: tempfile::TempDir,
    #[cfg(feature = "postgres")]
    schema: Option<crate::schema::Schema>,
}

impl Place {
    pub fn new() -> Self {
        Self::within(tempfile::tempdir())
    }

    /// The same in memory, where there is such a place: for hundreds of stores that need no disk.
    pub fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Self::within(tempfile::tempdir_in(memory)) } else { Self::new() }
    }

    fn within(folder: std::io::Result<tempfile::TempDir>) -> Self {
        Self {
            folder: folder.unwrap(),
            #[cfg(feature = "postgres")]
            schema: crate::schema::Schema::new(),
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of an SQLite database.
    pub fn path(&self) -> PathBuf {
        #[cfg(feature = "postgres")]
        assert!(self.schema.is_none(), "it is on a server");
        self.folder.path().join("runs.db")
    }

    /// The URL, with its password: for other processes.
    pub fn name(&self) -> String {
        #[cfg(feature = "postgres")]
        if let Some(schema) = &self.schema {
            return schema.url();
        }
        format!("sqlite:{}", self.path().display())
    }

    pub fn url(&self) -> StoreUrl {
        self.name().parse().unwrap()
    }

    /// As messages name it.
    pub fn location(&self) -> Location {
        self.url().location()
    }

    /// The folder of the lock files.
    pub fn locks(&self) -> PathBuf {
        #[cfg(feature = "postgres")]
        if let Some(schema) = &self.schema {
            return schema.locks();
        }
        self.folder().join("runs.db-processes")
    }

    pub fn open(&self) -> Store {
        self.open_with(Options::default())
    }

    pub fn open_with(&self, options: Options) -> Store {
        Store::open(&self.url(), options).unwrap()
    }

    /// With calls that fail when the test says so.
    pub fn open_failing(&self, options: Options) -> (Store, Faults) {
        let faults = Faults::default();
        (self.open_with(failing(options, &faults)), faults)
    }

    /// The database, behind the store's back.
    pub fn sql(&self) -> Sql {
        #[cfg(feature = "postgres")]
        if let Some(schema) = &self.schema {
            return Sql::Postgres(schema.connect().into());
        }
        Sql::Sqlite(Connection::open(self.path()).unwrap())
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.sql().number(sql)
    }
}

pub fn failing(mut options: Options, faults: &Faults) -> Options {
    options.faults = faults.clone();
    options
}

/// A connection to a database, for statements that both engines understand.
pub enum Sql {
    Sqlite(Connection),
    #[cfg(feature = "postgres")]
    Postgres(std::cell::RefCell<postgres::Client>),
}

impl Sql {
    pub fn execute_batch(&self, sql: &str) -> Result<(), String> {
        match self {
            Self::Sqlite(connection) => connection.execute_batch(sql).map_err(|error| error.to_string()),
            #[cfg(feature = "postgres")]
            Self::Postgres(client) => client.borrow_mut().batch_execute(sql).map_err(|error| format!("{error:?}")),
        }
    }

    /// Rows as texts.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self {
            Self::Sqlite(connection) => {
                let mut query = connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
                let columns = query.column_count();
                let mut found = query.query([]).unwrap();
                let mut rows = Vec::new();
                while let Some(row) = found.next().unwrap() {
                    rows.push((0..columns).map(|i| shown(row.get_ref(i).unwrap())).collect());
                }
                rows
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(client) => {
                let answer = client.borrow_mut().simple_query(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
                let rows = answer.into_iter().filter_map(|message| match message {
                    postgres::SimpleQueryMessage::Row(row) => Some(row),
                    _ => None,
                });
                rows.map(|row| (0..row.len()).map(|i| row.get(i).unwrap_or("NULL").to_owned()).collect()).collect()
            }
        }
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.rows(sql)[0][0].parse().unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

/// For what only SQLite does.
impl std::ops::Deref for Sql {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match self {
            Self::Sqlite(connection) => connection,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => panic!("not SQLite"),
        }
    }
}

fn shown(value: rusqlite::types::ValueRef<'_>) -> String {
    use rusqlite::types::ValueRef;
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        other => format!("{other:?}"),
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

/// Holds the writer of a run's store, until what this gives is dropped: what is recorded meanwhile is one batch.
pub fn hold_writer(run: &OwnedRun) -> mpsc::Sender<()> {
    let (enter, entered) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    run.on_commit(Box::new(move |_| {
        let _ = enter.send(());
        let _ = released.lock().unwrap().recv();
    }));
    run.record(start(99, None));
    entered.recv().unwrap();
    release
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

/// Every row, but for ids and what depends on them: in any order, and runs by their place among all.
pub fn dump(sql: &Sql) -> Vec<String> {
    let run = "(SELECT count(*) FROM flow_runs f WHERE f.run_no <= x.run_no)";
    let task = "task_no, map_index";
    let tables = [
        "SELECT name FROM flows".to_owned(),
        "SELECT hash, body, slugs FROM graphs".to_owned(),
        format!(
            "SELECT {run}, name, state, version, message, params, created_at, started_at, ended_at, proc_no IS NULL, epoch, \
             crashes, n_ok, n_failed, last_seq FROM flow_runs x"
        ),
        format!(
            "SELECT {run}, {task}, state, version, attempt, started_at, ended_at, message, codec, result, detail \
             FROM task_runs x"
        ),
        format!("SELECT {run}, {task}, body FROM results x"),
        format!("SELECT {run}, seq, {task}, version, attempt, state, at, message FROM transitions x"),
        // One that a process has which could not say that it ended waits.
        format!(
            "SELECT {run}, kind, dest, payload, CASE status WHEN 1 THEN 0 ELSE status END, attempts, not_before, changes \
             FROM outbox x"
        ),
    ];
    let mut rows = Vec::new();
    for table in tables {
        let name = table.rsplit("FROM ").next().unwrap().trim_end_matches(" x");
        rows.extend(sql.rows(&table).into_iter().map(|row| format!("{name} {}", row.join(", "))));
    }
    rows.sort();
    rows
}

/// The file is whole.
pub fn check_file(sql: &Sql) {
    #[cfg(feature = "postgres")]
    if matches!(sql, Sql::Postgres(_)) {
        return;
    }
    let connection: &Connection = sql;
    let integrity: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
    let foreign: i64 =
        connection.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
    assert_eq!(foreign, 0, "references to what is not there");
}

/// What must hold of every store at any time. Looks at each row several times: for small stores.
pub fn check(sql: &Sql) {
    check_file(sql);
    let none = |what: &str, query: &str| assert_eq!(sql.number(query), 0, "{what}");
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
