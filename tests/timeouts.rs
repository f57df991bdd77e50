//! A timeout gives back what its body held.
#![cfg(target_os = "linux")]
use std::fs::{self, File};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use prefect::jiff::Timestamp;
use prefect::{
    Clock, Config, Executor, Flow, FlowBuilder, FlowOptions, RunSettings, StateKind, TaskBody, TaskDefinition,
    TaskError, Trigger, Value,
};
use tokio::sync::Semaphore;
use tokio::task;

const LIMIT: Duration = Duration::from_secs(5);
/// At once: a process may have about a thousand files, and not more threads than this are replaced.
const BODIES: usize = 200;
const REPLACED: usize = 512;
/// A thousand bodies on each executor. What one round keeps, the next would find.
const ROUNDS: usize = 5;

const EXECUTORS: [fn() -> Executor; 3] = [|| Executor::Local, || Executor::threads(1), || Executor::threads(4)];

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

fn set_up(flow: FlowBuilder, executor: Executor, clock: &Clock) -> Flow {
    flow.build().with(RunSettings::new().executor(executor).clock(clock.clone()).seed(1).config(Config::default()))
}

/// Tells at its end what the time is.
struct TellsEnd(Clock, mpsc::Sender<Timestamp>);

impl Drop for TellsEnd {
    fn drop(&mut self) {
        let _ = self.1.send(self.0.timestamp());
    }
}

/// One after the other in one test: files and threads are counted for the whole process, and each test has a thread.
#[test]
fn what_is_left_of_late_bodies() {
    async_bodies_give_back_what_they_held();
    a_run_takes_its_runtime_along();
    threads_of_late_bodies_end_with_them();
    as_many_threads_are_replaced_in_every_run();
}

/// An async body is dropped at its deadline, and with it its file, its permit and whatever else it held.
fn async_bodies_give_back_what_they_held() {
    // In our hands: once each of its tasks has had a turn, all has been dropped that will be.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let permits = Arc::new(Semaphore::new(BODIES));
    for executor in EXECUTORS.map(|executor| executor()) {
        for round in 1..=ROUNDS {
            let clock = Clock::virtual_from(start());
            let (tell, told) = mpsc::channel();
            let mut flow = FlowBuilder::new(FlowOptions::new("late"));
            for _ in 0..BODIES {
                let (clock, permits, tell) = (clock.clone(), Arc::clone(&permits), tell.clone());
                let body = TaskBody::new_async([], move |_| {
                    let (end, permits) = (TellsEnd(clock.clone(), tell.clone()), Arc::clone(&permits));
                    async move {
                        let _end = end;
                        let _permit = permits.acquire_owned().await.expect("never closed");
                        let _file = File::open("/proc/self/status").expect("a file");
                        prefect::sleep(Duration::MAX).await;
                        Ok::<_, TaskError>(Value::new(()))
                    }
                });
                flow.task(TaskDefinition::new("late").timeout(LIMIT), body);
            }
            let flow = set_up(flow, executor, &clock);
            let before = files();
            let run = runtime.block_on(async {
                let run = flow.run_async().await;
                for _ in 0..BODIES {
                    task::yield_now().await;
                }
                run
            });
            assert!(run.task_runs().all(|task| task.state.kind() == StateKind::TimedOut), "{executor:?}");
            let mut dropped: Vec<_> = told.try_iter().collect();
            assert_eq!(dropped.len(), BODIES, "{executor:?}, round {round}: the bodies that were dropped");
            dropped.sort_unstable();
            // One after the other, or all at the same time.
            let at = |i: usize| if executor == Executor::Local { LIMIT * u32::try_from(i + 1).unwrap() } else { LIMIT };
            for (i, dropped) in dropped.iter().enumerate() {
                assert_eq!(*dropped, start() + at(i), "{executor:?}, round {round}");
            }
            assert_eq!(permits.available_permits(), BODIES, "{executor:?}, round {round}");
            let left = files();
            assert!(left <= before, "{executor:?}, round {round}: {left} files, {before} before");
        }
    }
}

/// The async runtime that a run makes for itself goes with the run, though all its bodies have been late.
fn a_run_takes_its_runtime_along() {
    for executor in EXECUTORS.map(|executor| executor()) {
        let (files_before, threads_before) = (files(), threads());
        let mut flow = FlowBuilder::new(FlowOptions::new("late"));
        let body = TaskBody::new_async([], |_| async move {
            prefect::sleep(Duration::MAX).await;
            Ok::<_, TaskError>(Value::new(()))
        });
        let late = flow.task(TaskDefinition::new("late").timeout(LIMIT), body);
        let run = set_up(flow, executor, &Clock::virtual_from(start())).run();
        assert_eq!(run.state_of(late).kind(), StateKind::TimedOut, "{executor:?}");
        drop(run);
        let left = threads_left(threads_before);
        assert!(left <= threads_before, "{executor:?}: {left} threads, {threads_before} before");
        let left = files();
        assert!(left <= files_before, "{executor:?}: {left} files, {files_before} before");
    }
}

/// A plain function cannot be stopped. Its task is `TimedOut` at the deadline, its thread is kept until it returns, and
/// ends then.
fn threads_of_late_bodies_end_with_them() {
    const LONG: Duration = Duration::from_hours(1);
    for executor in EXECUTORS.map(|executor| executor()) {
        for round in 1..=ROUNDS {
            let (clock, before) = (Clock::virtual_from(start()), threads());
            let mut flow = FlowBuilder::new(FlowOptions::new("late"));
            let mut late = Vec::new();
            for _ in 0..BODIES {
                let body = TaskBody::new([], |_| {
                    prefect::sleep_blocking(LONG);
                    Ok(Value::new(()))
                });
                late.push(flow.task(TaskDefinition::new("late").timeout(LIMIT), body));
            }
            let definition = TaskDefinition::new("counts").trigger(Trigger::new(prefect::trigger::all_finished));
            let counts = flow.task(definition, TaskBody::new([], |_| Ok(Value::new(threads()))));
            for task in late {
                flow.order(task, counts);
            }
            let run = set_up(flow, executor, &clock).run();
            let late = run.task_runs().filter(|task| task.state.kind() == StateKind::TimedOut).count();
            assert_eq!(late, BODIES, "{executor:?}, round {round}: {}", run.state());
            let most = *run.state_of(counts).value::<usize>().expect("a count");
            assert!(most >= before + BODIES, "{executor:?}: {most} threads");
            assert!(run.duration() < LONG, "{executor:?}");
            clock.sleep_blocking(2 * LONG);
            let left = threads_left(before);
            assert!(left <= before, "{executor:?}, round {round}: {left} threads, {before} before");
        }
    }
}

/// One late body more than threads are replaced ends the run. When all have returned, the next run may leave as many behind, and
/// no more.
fn as_many_threads_are_replaced_in_every_run() {
    const LONG: Duration = Duration::from_hours(2);
    for round in 1..=2 {
        let (clock, before) = (Clock::virtual_from(start()), threads());
        let mut flow = FlowBuilder::new(FlowOptions::new("late"));
        for _ in 0..REPLACED + 2 {
            let body = TaskBody::new([], |_| {
                prefect::sleep_blocking(LONG);
                Ok(Value::new(()))
            });
            flow.task(TaskDefinition::new("late").timeout(LIMIT), body);
        }
        let run = set_up(flow, Executor::threads(1), &clock).run();
        assert_eq!(run.state().kind(), StateKind::Failed, "round {round}");
        let late = run.task_runs().filter(|task| task.state.kind() == StateKind::TimedOut).count();
        assert_eq!(late, REPLACED, "round {round}: {}", run.state());
        clock.sleep_blocking(2 * LONG);
        let left = threads_left(before);
        assert!(left <= before, "round {round}: {left} threads, {before} before");
    }
}

/// How many threads there are, once those are gone that are about to end. So many turns are given to them that none is left
/// that will.
fn threads_left(expected: usize) -> usize {
    for _ in 0..5_000 {
        if threads() <= expected {
            break;
        }
        thread::yield_now();
    }
    threads()
}
