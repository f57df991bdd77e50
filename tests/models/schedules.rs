//! Schedules by seeds.
use std::env;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use shuttle::{Config, FailurePersistence, Runner};

/// Runs `case` under so many schedules.
///
/// # Panics
/// If one of them fails, or ends in a deadlock; its seed is printed.
pub(crate) fn explore(schedules: u64, case: impl Fn() + Send + Sync + 'static) {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: {text}")));
    let (first, schedules) = (number("MODELS_SEED").unwrap_or(1_u64), number("MODELS_SCHEDULES").unwrap_or(schedules));
    let mut config = Config::new();
    config.stack_size = 1 << 18;
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    let seed = Arc::new(AtomicU64::new(0));
    let scheduler = BySeed { seeds: first..first + schedules, seed: Arc::clone(&seed), switches: 1, random: Random(1) };
    let ran = catch_unwind(AssertUnwindSafe(|| Runner::new(scheduler, config).run(case)));
    match ran {
        Ok(ran) => assert_eq!(ran as u64, schedules),
        Err(panic) => {
            println!("seed {}; again: MODELS_SEED={0} MODELS_SCHEDULES=1", seed.load(Ordering::Relaxed));
            resume_unwind(panic);
        }
    }
}

/// Leaves a thread on for a while, which is longer or shorter by seed, and then picks any.
struct BySeed {
    seeds: Range<u64>,
    seed: Arc<AtomicU64>,
    /// Of so many steps about one is another thread's.
    switches: u64,
    random: Random,
}

impl Scheduler for BySeed {
    fn new_execution(&mut self) -> Option<Schedule> {
        let seed = self.seeds.next()?;
        self.seed.store(seed, Ordering::Relaxed);
        self.random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        self.switches = [1, 3, 10, 30][self.random.below(4)];
        Some(Schedule::new(seed))
    }

    fn next_task(&mut self, ready: &[&Task], current: Option<TaskId>, gives_way: bool) -> Option<TaskId> {
        let current = current.filter(|current| ready.iter().any(|task| task.id() == *current));
        if let Some(current) = current.filter(|_| !gives_way)
            && self.random.below(self.switches as usize) != 0
        {
            return Some(current);
        }
        let others: Vec<_> =
            ready.iter().map(|task| task.id()).filter(|task| !gives_way || Some(*task) != current).collect();
        if others.is_empty() { current } else { Some(others[self.random.below(others.len())]) }
    }

    fn next_u64(&mut self) -> u64 {
        self.random.next()
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from((self.next() >> 33) % n as u64).expect("below a usize")
    }
}
