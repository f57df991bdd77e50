//! What recording costs: task runs a second, CPU time and bytes for each.
//!
//!     cargo run --release -p prefect-store --example throughput -- [TASK_RUNS] [IN_FLIGHT] [URL]
//!
//! Each task run is a Start and a Finish with a result of 47 bytes; so many are under way at once, and a next one starts when
//! the Finish of one is committed. Without a URL, the database is in a temporary folder; with the feature `postgres` it may
//! name a server (`scripts/with-postgres` brings one).
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use prefect_store::{
    FlowChange, Micros, NewRun, Options, OwnedRun, Position, RecordedGraph, StateCode, Store, StoreUrl, TaskChange,
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u32| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (task_runs, in_flight) = (number(100_000), number(64));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = match arguments.next() {
        Some(url) => url.parse().unwrap_or_else(|error| panic!("{error}")),
        None => StoreUrl::sqlite(folder.path().join("runs.db")),
    };

    let store = Store::open(&url, Options::default()).unwrap_or_else(|error| panic!("{error}"));
    let run = store.begin(new_run()).expect("a run");
    let (began, cpu) = (Instant::now(), cpu_time());
    record(&run, task_runs, in_flight);
    let (took, cpu) = (began.elapsed(), cpu_time().saturating_sub(cpu));
    let version = run.version() + 1;
    run.record_run(FlowChange {
        state: StateCode::SUCCESS,
        version,
        at: Micros(0),
        message: None,
        notifications: Vec::new(),
    });
    drop((run, store));

    let bytes =
        Store::open_read_only(&url, Options::default()).and_then(|store| store.check()).expect("a store").database;
    let per_second = f64::from(task_runs) / took.as_secs_f64();
    let micros = cpu.as_secs_f64() * 1e6 / f64::from(task_runs);
    println!(
        "{task_runs} task runs, {in_flight} in flight: {per_second:.0}/s, {micros:.1} us of CPU and {} bytes each",
        bytes / u64::from(task_runs)
    );
}

fn record(run: &OwnedRun, task_runs: u32, in_flight: u32) {
    let mut under_way: VecDeque<Position> = VecDeque::new();
    for index in 0..task_runs {
        if under_way.len() == in_flight as usize {
            let first = under_way.pop_front().expect("one that is under way");
            run.wait(first).expect("recorded");
        }
        let at = Micros(1_790_000_000_000_000 + i64::from(index));
        run.record(TaskChange::new(0, Some(index), (StateCode::PENDING, StateCode::RUNNING), 1, 1, at));
        let done = TaskChange::new(0, Some(index), (StateCode::RUNNING, StateCode::SUCCESS), 1, 2, at);
        under_way.push_back(run.record(done.with_result(1, vec![b'7'; 47])));
    }
    for position in under_way {
        run.wait(position).expect("recorded");
    }
}

fn new_run() -> NewRun {
    NewRun {
        flow: "throughput".into(),
        name: "one".into(),
        parameters: "{}".into(),
        graph: RecordedGraph { hash: vec![0; 32], text: "{}".into(), slugs: vec!["noop-1".into()] },
        state: StateCode::RUNNING,
        at: Micros(0),
    }
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
