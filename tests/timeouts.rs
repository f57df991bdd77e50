//! A timeout gives back what its body held. One test at a time: files and threads are counted in the process.
#![cfg(target_os = "linux")]
use std::fs::{self, File};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use prefect::jiff::Timestamp;
use prefect::{
    Clock, Config, Executor, FlowBuilder, FlowOptions, FlowRun, RunSettings, StateKind, TaskBody, TaskDefinition,
    TaskError, Trigger, Value,
};
use tokio::sync::Semaphore;

static ALONE: Mutex<()> = Mutex::new(());

const LIMIT: Duration = Duration::from_secs(5);
const BODIES: usize = 200;

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

fn run(flow: FlowBuilder, executor: Executor, clock: &Clock) -> FlowRun {
    flow.build()
        .with(RunSettings::new().executor(executor).clock(clock.clone()).seed(1).config(Config::default()))
        .run()
}

/// Tells at its end what the time is.
struct TellsEnd(Clock, mpsc::Sender<Timestamp>);

impl Drop for TellsEnd {
    fn drop(&mut self) {
        let _ = self.1.send(self.0.timestamp());
    }
}

/// An async body is dropped at its deadline, and with it its file, its permit and whatever else it held.
#[test]
fn async_bodies_give_back_what_they_held() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for executor in [Executor::Local, Executor::threads(1), Executor::threads(4)] {
        let (clock, permits) = (Clock::virtual_from(start()), Arc::new(Semaphore::new(BODIES)));
        let (tell, told) = mpsc::channel();
        let files_before = files();
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
        drop(tell);
        let run = run(flow, executor, &clock);
        assert!(run.task_runs().all(|task| task.state.kind() == StateKind::TimedOut), "{executor:?}");
        let mut dropped = Vec::new();
        for _ in 0..BODIES {
            dropped.push(told.recv().expect("each body is dropped"));
        }
        dropped.sort_unstable();
        // One after the other, or all at the same time.
        let at = |i: usize| if executor == Executor::Local { LIMIT * u32::try_from(i + 1).unwrap() } else { LIMIT };
        for (i, dropped) in dropped.iter().enumerate() {
            assert_eq!(*dropped, start() + at(i), "{executor:?}");
        }
        assert_eq!(permits.available_permits(), BODIES, "{executor:?}");
        // The async runtime has a few of its own, and closes them when it likes.
        until(|| files() < files_before + BODIES / 10);
    }
}

/// A plain function cannot be stopped. Its task is `TimedOut` at the deadline, its thread is kept until it returns, and
/// ends then.
#[test]
fn threads_of_late_bodies_end_with_them() {
    const LONG: Duration = Duration::from_hours(1);
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for executor in [Executor::Local, Executor::threads(1), Executor::threads(4)] {
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
        let run = run(flow, executor, &clock);
        let late = run.task_runs().filter(|task| task.state.kind() == StateKind::TimedOut).count();
        assert_eq!(late, BODIES, "{executor:?}");
        let most = *run.state_of(counts).value::<usize>().expect("a count");
        assert!(most >= BODIES, "{executor:?}: {most} threads");
        assert!(run.duration() < LONG, "{executor:?}");
        clock.sleep_blocking(2 * LONG);
        until(|| threads() < before + BODIES / 10);
    }
}

/// What nobody waits for, and comes soon: the ends of threads.
fn until(done: impl Fn() -> bool) {
    while !done() {
        thread::yield_now();
    }
}
