//! No wake-up is lost: many short runs whose bodies wait in all the ways that there are, woken from threads of others,
//! twice, too early and too late.
//!
//! A lost one shows as a run that never ends: `WAKEUPS_SHOW=1` with `--nocapture` prints each seed before its run.
//! `WAKEUPS_SEED` and `WAKEUPS_FLOWS` choose other flows.
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::{env, thread};

use prefect::{
    Clock, Config, Executor, FlowBuilder, FlowOptions, Inputs, Parameter, RunSettings, StateKind, TaskBody,
    TaskDefinition, TaskError, TaskRef, Value,
};

type Job = Box<dyn FnOnce() + Send>;

/// Threads that have nothing to do with the run.
#[derive(Clone)]
struct Foreign([mpsc::Sender<Job>; 2]);

impl Foreign {
    fn start() -> Self {
        Self([(); 2].map(|()| {
            let (give, take) = mpsc::channel::<Job>();
            thread::spawn(move || take.into_iter().for_each(|job| job()));
            give
        }))
    }

    fn run(&self, on: usize, job: impl FnOnce() + Send + 'static) {
        self.0[on % 2].send(Box::new(job)).expect("its thread lives as long as this");
    }
}

/// How a future is woken.
#[derive(Clone, Copy, Debug)]
enum Woken {
    Once,
    /// By two threads at a time.
    Twice,
    /// Before the poll returns in which it said that it waits.
    DuringPoll,
    /// Once in time, and again when it has long been ready.
    Late,
    /// By itself, again and again.
    ByItself,
}

/// Ends when it was woken.
struct Waits {
    how: Woken,
    by: Foreign,
    polls: u32,
    ready: Arc<AtomicBool>,
    waker: Arc<Mutex<Option<Waker>>>,
}

impl Waits {
    fn new(how: Woken, by: &Foreign) -> Self {
        Self { how, by: by.clone(), polls: 0, ready: Arc::default(), waker: Arc::default() }
    }

    /// Asks a thread to set it ready and to wake whoever polled it last.
    fn ask(&self, on: usize) -> mpsc::Receiver<()> {
        let (ready, waker) = (Arc::clone(&self.ready), Arc::clone(&self.waker));
        let (tell, told) = mpsc::channel();
        let again = matches!(self.how, Woken::Late);
        self.by.run(on, move || {
            ready.store(true, Ordering::SeqCst);
            let waker = waker.lock().unwrap().clone();
            if let Some(waker) = waker {
                waker.wake_by_ref();
                if again {
                    thread::yield_now();
                    waker.wake_by_ref();
                }
                waker.wake();
            }
            // Nobody may be listening.
            let _ = tell.send(());
        });
        told
    }
}

impl Future for Waits {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.polls += 1;
        let first = self.polls == 1;
        if !first && self.ready.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        *self.waker.lock().unwrap() = Some(cx.waker().clone());
        match self.how {
            Woken::ByItself => {
                self.ready.store(self.polls >= 5, Ordering::SeqCst);
                cx.waker().wake_by_ref();
            }
            // Whoever is polled in place has nobody to wake: then it is asked again at the next poll.
            Woken::DuringPoll => self.ask(self.polls as usize).recv().expect("the thread tells"),
            Woken::Once | Woken::Late if first => drop(self.ask(0)),
            Woken::Twice if first => drop((self.ask(0), self.ask(1))),
            // The waker is a new one; it may have been ready before that was seen.
            _ if self.ready.load(Ordering::SeqCst) => return Poll::Ready(()),
            _ => {}
        }
        Poll::Pending
    }
}

/// What a body does before it gives its sum.
#[derive(Clone, Copy, Debug)]
enum Does {
    Nothing,
    ReadyAtOnce,
    Waits(Woken),
    Sleeps,
    SleepsInPlace,
    /// Fails so often first.
    Fails(u32),
    /// Longer than its timeout: nobody reads it.
    TakesTooLong,
    BlocksTooLong,
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 33) % n as u64).expect("below a usize")
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn does(&mut self, clock: &Clock) -> Does {
        const WOKEN: [Woken; 5] = [Woken::Once, Woken::Twice, Woken::DuringPoll, Woken::Late, Woken::ByItself];
        // The machine's clock is not to be waited for.
        match self.below(if clock.is_virtual() { 12 } else { 8 }) {
            0..3 => Does::Nothing,
            3 => Does::ReadyAtOnce,
            4..8 => Does::Waits(self.pick(&WOKEN)),
            8 => Does::Sleeps,
            9 => Does::SleepsInPlace,
            _ => Does::Fails(1 + u32::try_from(self.below(2)).expect("small")),
        }
    }
}

fn sum(inputs: &mut Inputs<'_>) -> i64 {
    (0..inputs.len()).fold(1, |sum, i| sum.wrapping_add(*inputs.take::<i64>(i)))
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn task(flow: &mut FlowBuilder, does: Does, reads: &[TaskRef], by: &Foreign) -> TaskRef {
    let parameters = NAMES[..reads.len()].iter().map(|name| Parameter::of::<i64>(name));
    let definition = TaskDefinition::new(format!("{does:?}"));
    let definition = match does {
        Does::Fails(n) => definition.max_retries(n).retry_delay(Duration::from_secs(u64::from(n) - 1)),
        Does::Sleeps | Does::SleepsInPlace => definition.timeout(Duration::from_mins(1)),
        Does::TakesTooLong | Does::BlocksTooLong => definition.timeout(Duration::from_secs(1)),
        _ => definition,
    };
    let (by, calls) = (by.clone(), AtomicU32::new(0));
    let body = match does {
        Does::Nothing => TaskBody::new(parameters, |inputs| Ok(Value::new(sum(inputs)))),
        Does::Fails(n) => TaskBody::new(parameters, move |inputs| {
            if calls.fetch_add(1, Ordering::SeqCst) < n { Err("not yet".into()) } else { Ok(Value::new(sum(inputs))) }
        }),
        Does::SleepsInPlace | Does::BlocksTooLong => TaskBody::new(parameters, |inputs| {
            prefect::sleep_blocking(Duration::from_secs(2));
            Ok(Value::new(sum(inputs)))
        }),
        _ => TaskBody::new_async(parameters, move |inputs| {
            let (sum, by) = (sum(inputs), by.clone());
            async move {
                match does {
                    Does::Waits(how) => Waits::new(how, &by).await,
                    Does::Sleeps => prefect::sleep(Duration::from_secs(2)).await,
                    Does::TakesTooLong => std::future::pending().await,
                    _ => {}
                }
                Ok::<_, TaskError>(Value::new(sum))
            }
        }),
    };
    let task = flow.task(definition, body);
    for (from, name) in reads.iter().zip(NAMES) {
        flow.edge(*from, task, name);
    }
    task
}

/// Layers of tasks that read from the layer before, one task that reads the last, and some that nobody reads.
fn run(seed: u64, executor: Executor, by: &Foreign) {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut flow = FlowBuilder::new(FlowOptions::new("wake-ups"));
    let clock = match random.below(3) {
        0 => Clock::system(),
        _ => Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap()),
    };
    let mut layer: Vec<(TaskRef, i64)> = Vec::new();
    for _ in 0..=1 + random.below(4) {
        let width = 1 + random.below(8);
        layer = (0..width)
            .map(|_| {
                let reads: Vec<_> = if layer.is_empty() {
                    Vec::new()
                } else {
                    (0..=random.below(3)).map(|_| random.pick(&layer)).collect()
                };
                let does = random.does(&clock);
                let tasks: Vec<_> = reads.iter().map(|(task, _)| *task).collect();
                (task(&mut flow, does, &tasks, by), reads.iter().fold(1, |sum, (_, value)| sum + value))
            })
            .collect();
    }
    let late: Vec<_> = (0..if clock.is_virtual() { random.below(3) } else { 0 })
        .map(|_| {
            let does = random.pick(&[Does::TakesTooLong, Does::BlocksTooLong]);
            task(&mut flow, does, &[], by)
        })
        .collect();
    let settings = RunSettings::new().executor(executor).seed(seed).clock(clock).config(Config::default());
    let run = flow.build().with(settings).run();
    for (task, value) in layer {
        let state = run.state_of(task);
        assert_eq!(state.value::<i64>(), Some(&value), "seed {seed}, {executor:?}: {state}");
    }
    for task in late {
        assert_eq!(run.state_of(task).kind(), StateKind::TimedOut, "seed {seed}, {executor:?}");
    }
}

fn runs(executor: Executor) {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: {text}")));
    let (first, flows) = (number("WAKEUPS_SEED").unwrap_or(1_u64), number("WAKEUPS_FLOWS").unwrap_or(400));
    println!("seeds {first} to {}", first + flows - 1);
    let by = Foreign::start();
    for seed in first..first + flows {
        if env::var("WAKEUPS_SHOW").is_ok() {
            println!("seed {seed}");
        }
        run(seed, executor, &by);
    }
}

#[test]
fn no_wakeup_is_lost_on_the_callers_thread() {
    runs(Executor::Local);
}

#[test]
fn no_wakeup_is_lost_on_one_worker() {
    runs(Executor::threads(1));
}

#[test]
fn no_wakeup_is_lost_on_two_workers() {
    runs(Executor::threads(2));
}

#[test]
fn no_wakeup_is_lost_on_eight_workers() {
    runs(Executor::threads(8));
}
