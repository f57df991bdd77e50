//! A store with many runs: how long it takes to list them, how large they are, and what it gives back when they go.
//!
//!     cargo run --release -p prefect-store --example many_runs -- [RUNS] [TASKS] [FILE]
//!
//! By default 10,000 runs of 20 tasks each, in a temporary folder. Each time is the median of several.
use std::hint::black_box;
use std::time::{Duration, Instant};

use prefect_store::{
    FlowChange, Micros, NewRun, Options, Prune, RecordedGraph, RunFilter, StateCode, Store, StoreUrl, TaskChange,
};

/// So often each question is asked.
const TIMES: usize = 21;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u32| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (runs, tasks) = (number(10_000), number(20));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = arguments.next().map_or_else(|| folder.path().join("runs.db"), Into::into);

    let store = Store::open(&StoreUrl::sqlite(&path), Options::default()).expect("a store");
    let began = Instant::now();
    fill(&store, runs, tasks);
    println!("{runs} runs of {tasks} tasks are recorded in {:.1?}", began.elapsed());
    drop(store);

    let store = Store::open(&StoreUrl::sqlite(&path), Options::default()).expect("the store");
    let checkup = store.check().expect("a sound store");
    assert!(checkup.damage.is_empty(), "{:?}", checkup.damage);
    println!("{} bytes for each run", checkup.used / u64::from(runs.max(1)));
    for limit in [50, runs] {
        let filter = RunFilter { limit, ..RunFilter::default() };
        println!("the newest {limit} runs: {:.2?}", median(|| store.runs(&filter).expect("runs").len()));
    }
    let failed = RunFilter { states: vec![StateCode::FAILED], ..RunFilter::default() };
    println!("the newest 50 that failed: {:.2?}", median(|| store.runs(&failed).expect("runs").len()));
    println!("the last run of each flow: {:.2?}", median(|| store.last_runs().expect("runs").len()));

    let began = Instant::now();
    let pruned = store.prune(&Prune { ended_before: Micros(i64::MAX), keep: 100 }, |_| {}).expect("pruned");
    let (before, after) = pruned.bytes;
    println!(
        "{} runs with {} rows are removed in {:.1?}: {before} bytes before, {after} after",
        pruned.runs,
        pruned.rows,
        began.elapsed()
    );
}

/// Runs of ten flows, of which every tenth fails at its last task.
fn fill(store: &Store, runs: u32, tasks: u32) {
    for number in 0..runs {
        let at = |task: u32| Micros(1_790_000_000_000_000 + i64::from(number) * 1_000_000 + i64::from(task) * 1_000);
        let slugs = (0..tasks).map(|task| format!("task-{task}")).collect();
        let run = NewRun {
            flow: format!("flow {}", number % 10),
            name: format!("run-{number}"),
            parameters: "{}".into(),
            graph: RecordedGraph { hash: vec![1], text: "{}".into(), slugs },
            state: StateCode::RUNNING,
            at: at(0),
        };
        let run = store.begin(run).expect("a run");
        let fails = number % 10 == 9;
        run.record_many((0..tasks).flat_map(|task| {
            let start = TaskChange::new(task, None, (StateCode::PENDING, StateCode::RUNNING), 1, 1, at(task));
            let state = if fails && task + 1 == tasks { StateCode::FAILED } else { StateCode::SUCCESS };
            let end = TaskChange::new(task, None, (StateCode::RUNNING, state), 1, 2, at(task + 1));
            [start, end.with_result(1, vec![b'7'; 47])]
        }));
        let state = if fails { StateCode::FAILED } else { StateCode::SUCCESS };
        let version = run.version() + 1;
        let end = FlowChange { state, version, at: at(tasks + 1), message: None, notifications: Vec::new() };
        run.wait(run.record_run(end)).expect("recorded");
    }
}

fn median(mut ask: impl FnMut() -> usize) -> Duration {
    let mut times: Vec<Duration> = (0..TIMES)
        .map(|_| {
            let began = Instant::now();
            black_box(ask());
            began.elapsed()
        })
        .collect();
    times.sort();
    times[TIMES / 2]
}
