//! As little as an engine of this kind can do: workers that steal from each other, and for each task what an engine has
//! to keep (a state, the times of start and end, a result of any type, a boxed asynchronous body, a place for a handler).
//! It has no triggers, retries, errors or waits, catches no panics and frees no result.
use std::any::Any;
use std::future::Future;
use std::hint;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Instant;

use crossbeam_deque::{Steal, Stealer, Worker};

use super::edges::Edges;
use super::{Finished, workers};
use crate::workload::{Builder, Work, Workload, spin, sum};

type Value = Arc<dyn Any + Send + Sync>;
type Running = Pin<Box<dyn Future<Output = Value> + Send>>;
type Body = Box<dyn Fn(Inputs<'_>) -> Running + Send + Sync>;
type Handler = Box<dyn Fn(u32, State) + Send + Sync>;

#[derive(Clone, Copy)]
#[repr(u8)]
enum State {
    Pending,
    Running,
    Success,
}

/// What a body reads.
#[derive(Clone, Copy)]
struct Inputs<'a> {
    results: &'a [OnceLock<Value>],
    tasks: &'a [u32],
}

impl<'a> Inputs<'a> {
    fn numbers(self) -> impl Iterator<Item = &'a i64> {
        self.tasks.iter().map(move |task| number(&self.results[*task as usize]))
    }
}

fn number(result: &OnceLock<Value>) -> &i64 {
    result.get().and_then(|value| value.downcast_ref()).expect("a task runs after its inputs, which are numbers")
}

struct Graph {
    upstream: Edges,
    bodies: Vec<Body>,
}

impl Graph {
    fn push<'a, F>(
        &mut self,
        inputs: impl IntoIterator<Item = &'a u32>,
        body: impl Fn(Inputs<'_>) -> F + Send + Sync + 'static,
    ) -> u32
    where
        F: Future<Output = i64> + Send + 'static,
    {
        self.bodies.push(Box::new(move |inputs| {
            let running = body(inputs);
            Box::pin(async move { Arc::new(running.await) as Value })
        }));
        self.upstream.push(inputs.into_iter().copied())
    }

    fn adding<'a>(&mut self, inputs: impl IntoIterator<Item = &'a u32>) -> u32 {
        self.push(inputs, |inputs| {
            let sum = sum(inputs.numbers());
            async move { sum }
        })
    }
}

impl Builder for Graph {
    type Node = u32;

    fn start(&mut self, work: Work) -> u32 {
        match work {
            Work::Nothing => self.adding([]),
            Work::Spin => self.push([], |_| async {
                spin();
                1
            }),
            Work::Wait => unreachable!("the floor waits for nothing"),
        }
    }

    fn given(&mut self, number: i64) -> u32 {
        self.push([], move |_| async move { sum(&[number]) })
    }

    fn next(&mut self, input: &u32) -> u32 {
        self.adding([input])
    }

    fn three(&mut self, inputs: [&u32; 3]) -> u32 {
        self.adding(inputs)
    }

    fn all(&mut self, inputs: Vec<u32>) -> u32 {
        self.adding(&inputs)
    }
}

/// What is kept of one task run.
struct Record {
    missing: AtomicU32,
    state: AtomicU8,
    started: AtomicU64,
    ended: AtomicU64,
}

struct Run {
    graph: Graph,
    readers: Edges,
    records: Vec<Record>,
    results: Vec<OnceLock<Value>>,
    handler: Option<Handler>,
    began: Instant,
    /// How many tasks have ended, as far as workers have told.
    ended: AtomicUsize,
    stealers: Vec<Stealer<u32>>,
    bed: Bed,
}

/// Where workers sleep that find nothing to do.
#[derive(Default)]
struct Bed {
    sleepers: AtomicUsize,
    lock: Mutex<()>,
    bell: Condvar,
}

impl Bed {
    /// Called after work was pushed, or all has ended: whoever goes to sleep meanwhile sees either the work or the bell.
    fn wake(&self) {
        fence(Ordering::SeqCst);
        if self.sleepers.load(Ordering::Relaxed) > 0 {
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.bell.notify_all();
        }
    }

    fn sleep(&self, is_idle: impl Fn() -> bool) {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if is_idle() {
            drop(self.bell.wait(guard).unwrap_or_else(PoisonError::into_inner));
        }
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Run {
    fn tasks(&self) -> usize {
        self.records.len()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn change(&self, task: u32, state: State) {
        self.records[task as usize].state.store(state as u8, Ordering::Relaxed);
        if let Some(handler) = &self.handler {
            handler(task, state);
        }
    }

    /// Runs a task; gives one that it released, and pushes the others.
    fn step(&self, task: u32, queue: &Worker<u32>) -> Option<u32> {
        let place = task as usize;
        let record = &self.records[place];
        record.started.store(self.now(), Ordering::Relaxed);
        self.change(task, State::Running);
        let mut running =
            self.graph.bodies[place](Inputs { results: &self.results, tasks: self.graph.upstream.of(task) });
        let Poll::Ready(value) = running.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            unreachable!("the floor waits for nothing")
        };
        self.results[place].set(value).expect("a task runs once");
        record.ended.store(self.now(), Ordering::Relaxed);
        self.change(task, State::Success);
        let mut next = None;
        let mut pushed = false;
        for reader in self.readers.of(task) {
            if self.records[*reader as usize].missing.fetch_sub(1, Ordering::AcqRel) == 1 {
                if next.is_none() {
                    next = Some(*reader);
                } else {
                    queue.push(*reader);
                    pushed = true;
                }
            }
        }
        if pushed {
            self.bed.wake();
        }
        next
    }

    fn work(&self, queue: &Worker<u32>) {
        loop {
            let mut count = 0;
            while let Some(mut task) = queue.pop().or_else(|| self.steal(queue)) {
                loop {
                    count += 1;
                    let Some(next) = self.step(task, queue) else { break };
                    task = next;
                }
            }
            if self.ended.fetch_add(count, Ordering::AcqRel) + count == self.tasks() {
                self.bed.wake();
                return;
            }
            self.bed.sleep(|| !self.is_over() && self.stealers.iter().all(Stealer::is_empty));
            if self.is_over() {
                return;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.ended.load(Ordering::Acquire) == self.tasks()
    }

    fn steal(&self, queue: &Worker<u32>) -> Option<u32> {
        for _ in 0..64 {
            for stealer in &self.stealers {
                if let Steal::Success(task) = stealer.steal_batch_and_pop(queue) {
                    return Some(task);
                }
            }
            hint::spin_loop();
        }
        None
    }
}

pub(crate) fn run(workload: Workload, n: usize) -> Finished {
    let mut graph = Graph { upstream: Edges::new(), bodies: Vec::new() };
    let last = workload.lay(n, &mut graph);
    let tasks = graph.upstream.tasks();
    let queues: Vec<Worker<u32>> = (0..workers()).map(|_| Worker::new_lifo()).collect();
    let mut records = Vec::with_capacity(tasks);
    for task in 0..u32::try_from(tasks).unwrap_or(u32::MAX) {
        let missing = u32::try_from(graph.upstream.of(task).len()).unwrap_or(u32::MAX);
        if missing == 0 {
            queues[0].push(task);
        }
        records.push(Record {
            missing: AtomicU32::new(missing),
            state: AtomicU8::new(State::Pending as u8),
            started: AtomicU64::new(0),
            ended: AtomicU64::new(0),
        });
    }
    let run = Run {
        readers: graph.upstream.turned(),
        graph,
        records,
        results: (0..tasks).map(|_| OnceLock::new()).collect(),
        handler: hint::black_box(None),
        began: Instant::now(),
        ended: AtomicUsize::new(0),
        stealers: queues.iter().map(Worker::stealer).collect(),
        bed: Bed::default(),
    };
    thread::scope(|scope| {
        for queue in queues {
            scope.spawn(|| {
                let queue = queue;
                run.work(&queue);
            });
        }
    });
    Finished { output: *number(&run.results[last as usize]), tasks, kept: Box::new(run) }
}
