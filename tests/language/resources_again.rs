//! Resources that are set up again before a retry. On record: `resource_manager_with_retry`.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prefect::prelude::*;
use prefect::{Clock, Executor, Flow, FlowOutput, FlowRun, RunSettings};
use prefect_tests::seen::{message_of, states};

/// What happens to the resources of one run.
#[derive(Default)]
struct World {
    log: Mutex<Vec<String>>,
    opened: Mutex<BTreeMap<String, u32>>,
    /// Those that cannot be opened.
    broken: BTreeSet<&'static str>,
}

impl World {
    fn note(&self, what: impl Into<String>) {
        self.log.lock().unwrap().push(what.into());
    }

    /// The log, without the ends of those that were not cleaned up: when those come depends on the executor.
    fn told(&self) -> Vec<String> {
        self.log.lock().unwrap().iter().filter(|line| !line.starts_with("drop")).cloned().collect()
    }

    /// Each name counts its resources: `a1`, `a2`.
    fn open(self: &Arc<Self>, name: &str) -> Result<Db, String> {
        let mut opened = self.opened.lock().unwrap();
        let n = opened.entry(name.to_owned()).or_default();
        *n += 1;
        let db = Db { name: format!("{name}{n}"), world: Arc::clone(self) };
        self.note(format!("open {}", db.name));
        if self.broken.contains(&*db.name) { Err("broken".to_owned()) } else { Ok(db) }
    }
}

/// Neither `Clone` nor `Serialize`.
struct Db {
    name: String,
    world: Arc<World>,
}
impl Drop for Db {
    fn drop(&mut self) {
        self.world.note(format!("drop {}", self.name));
    }
}

#[task]
fn path(name: String, #[shared] world: &Arc<World>) -> String {
    world.note("path");
    name
}
#[task(in_memory)]
fn open(name: String, #[shared] world: &Arc<World>) -> Result<Db, String> {
    world.open(&name)
}
#[task(in_memory, max_retries = 1, retry_delay = "1s")]
fn open_patiently(name: String, #[shared] world: &Arc<World>) -> Result<Db, String> {
    world.open(&name)
}
#[task(in_memory)]
fn open_within(outer: &Db, name: String) -> Result<Db, String> {
    outer.world.open(&format!("{}/{name}", outer.name))
}
#[task]
fn close(db: &Db) {
    db.world.note(format!("close {}", db.name));
}
#[task]
fn query(db: &Db) -> String {
    db.name.clone()
}
/// Fails the first time.
#[task(max_retries = 1, retry_delay = "5s")]
fn flaky(db: &Db) -> Result<String, String> {
    fail_first()?;
    Ok(db.name.clone())
}
/// The same, without the resource.
#[task(max_retries = 1, retry_delay = "5s")]
fn flaky_number(n: i64) -> Result<i64, String> {
    fail_first()?;
    Ok(n)
}
fn fail_first() -> Result<(), String> {
    if prefect::context().task_run_count() == 1 { Err("not yet".to_owned()) } else { Ok(()) }
}
/// Longer than any retry here.
#[task]
async fn slow() -> i64 {
    prefect::sleep(Duration::from_mins(1)).await;
    0
}

/// Runs it on each executor: all have to give the same.
fn everywhere<O: FlowOutput>(
    broken: &[&'static str],
    build: impl Fn() -> Flow<O>,
    check: impl Fn(&FlowRun<O>, &World),
) {
    for executor in [Executor::Local, Executor::threads(1), Executor::threads(8)] {
        println!("{executor:?}");
        let world = Arc::new(World { broken: broken.iter().copied().collect(), ..World::default() });
        let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
        let flow = build().share(Arc::clone(&world)).with(RunSettings::new().executor(executor).clock(clock));
        check(&flow.run(), &world);
    }
}

#[test]
fn a_retried_task_sees_it_fresh_and_what_was_done_stays() {
    let build = || {
        flow!("retry", {
            resource(open(path("a")), close, |db| {
                let retried = flaky(db);
                (query(db), retried, query(db).after(retried))
            })
        })
    };
    everywhere(&[], build, |run, world| {
        assert_eq!(run.output().unwrap(), ["a1", "a2", "a2"].map(str::to_owned).into());
        assert_eq!(world.told(), ["path", "open a1", "open a2", "close a2"]);
        let log = world.log.lock().unwrap();
        let at = |line: &str| log.iter().position(|l| l == line).unwrap();
        assert!(at("drop a1") < at("open a2"), "nobody needs the first one any more: {log:?}");
        assert!(at("close a2") < at("drop a2"));
    });
}

#[test]
fn a_task_that_only_belongs_to_the_block_waits_for_it_too() {
    let build = || {
        flow!("through", {
            resource(open("a"), close, |db| {
                let length = query(db).after(slow());
                (flaky_number(n = 1, upstream_tasks = [query(db)]), length)
            })
        })
    };
    everywhere(&[], build, |run, world| {
        // It did not ask for a fresh one: it would have run before the retry, on one thread.
        assert_eq!(run.output().unwrap(), (1, "a1".to_owned()));
        assert_eq!(world.told(), ["open a1", "open a2", "close a2"]);
    });
}

#[test]
fn other_retries_leave_it_alone() {
    let build = || {
        flow!("outside", {
            let before = flaky_number(1);
            let seen = resource(open("a"), close, |db| (query(db), query(db).after(before)));
            let beside = flaky_number(2);
            (seen, flaky_number(n = beside, upstream_tasks = [seen.0]))
        })
    };
    everywhere(&[], build, |run, world| {
        assert_eq!(run.output().unwrap(), (("a1".to_owned(), "a1".to_owned()), 2));
        assert_eq!(world.told(), ["open a1", "close a1"]);
    });
}

#[test]
fn nested_ones_are_set_up_from_the_outside_in() {
    let build = || {
        flow!("nested", {
            let late = slow();
            resource(open("a"), close, |outer| {
                resource(open_within(outer, "b"), close, |inner| {
                    (flaky(inner), query(inner).after(late), query(outer).after(late))
                })
            })
        })
    };
    everywhere(&[], build, |run, world| {
        let seen = ["a2/b1", "a1/b1", "a1"].map(str::to_owned);
        assert_eq!(run.output().unwrap(), seen.into());
        let told = ["open a1", "open a1/b1", "open a2", "open a2/b1", "close a2/b1", "close a2"];
        assert_eq!(world.told(), told);
    });
    let build = || {
        flow!("outer", {
            resource(open("a"), close, |outer| {
                let inner = resource(open_within(outer, "b"), close, |inner| query(inner));
                (flaky(outer), inner)
            })
        })
    };
    everywhere(&[], build, |run, world| {
        assert_eq!(run.output().unwrap(), ["a2", "a1/b1"].map(str::to_owned).into());
        assert_eq!(world.told().len(), 5, "the inner one once: {:?}", world.told());
    });
}

#[test]
fn it_may_fail_the_second_time() {
    let build = || {
        flow!("broken", {
            let late = slow();
            resource(open("a"), close, |db| {
                let (retried, waits) = (flaky(db), query(db).after(late));
                query(db).after(flaky_number(n = 1, upstream_tasks = [query(db)]));
                query(db).after(waits);
                query(db).after(retried);
            });
        })
    };
    everywhere(&["a2"], build, |run, world| {
        let mut seen = states(run);
        seen.sort_unstable();
        let expected = [
            "close Skipped",
            "flaky TriggerFailed",
            "flaky_number Success",
            "open Failed",
            "query Success",
            "query Success",
            "query Success",
            "query TriggerFailed",
            "query TriggerFailed",
            "slow Success",
        ];
        assert_eq!(seen, expected);
        assert_eq!(message_of(run, "close"), "Resource manager setup failed");
        assert_eq!(world.told(), ["open a1", "open a2"]);
    });
}

#[test]
fn it_may_be_retried_itself() {
    let build =
        || flow!("patient", { resource(open_patiently("a"), close, |db| (flaky(db), query(db).after(slow()))) });
    everywhere(&["a1", "a3"], build, |run, world| {
        assert_eq!(run.output().unwrap(), ("a4".to_owned(), "a2".to_owned()));
        assert_eq!(world.told(), ["open a1", "open a2", "open a3", "open a4", "close a4"]);
        assert_eq!(run.state().kind(), Success);
    });
}

/// Children of mapped tasks: each for itself.
#[test]
fn a_retried_child_and_what_is_mapped_over_it() {
    #[task(max_retries = 1, retry_delay = "5s")]
    async fn row(db: &Db, n: i64) -> Result<String, String> {
        let name = db.name.clone();
        match n {
            2 => fail_first()?,
            3 => prefect::sleep(Duration::from_mins(1)).await,
            _ => {}
        }
        Ok(name)
    }
    #[task]
    fn again(db: &Db, before: String) -> String {
        format!("{before} {}", db.name)
    }
    #[task]
    fn all(db: &Db, of: Vec<String>) -> String {
        format!("{} {}", of.join(","), db.name)
    }
    #[task]
    async fn numbers() -> Vec<i64> {
        prefect::sleep(Duration::from_mins(1)).await;
        vec![1, 2]
    }
    let build = || {
        flow!("children", {
            let late = numbers();
            resource(open("a"), close, |db| {
                let rows = again::map(db = unmapped(db), before = row::map(unmapped(db), [1, 2, 3]));
                (all(db, rows), row::map(db = unmapped(db), n = late))
            })
        })
    };
    everywhere(&[], build, |run, world| {
        let (all, late) = run.output().unwrap();
        assert_eq!(all, "a1 a1,a2 a2,a1 a1 a2");
        // Mapped after the first retry, and one of them is retried too.
        assert_eq!(late, ["a1", "a3"]);
        assert_eq!(world.told(), ["open a1", "open a2", "open a3", "close a3"]);
    });
}

#[test]
fn a_run_that_goes_on_from_another_sets_it_up_again_too() {
    for executor in [Executor::Local, Executor::threads(8)] {
        let world = Arc::<World>::default();
        let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
        let flow = flow!("later", { resource(open(path("a")), close, |db| (flaky(db), query(db))) });
        let flow = flow.share(Arc::clone(&world)).with(RunSettings::new().executor(executor).clock(clock));
        let first = flow.run_once();
        assert_eq!(first.state().kind(), Running);
        let run = flow.run_from(first.run_state());
        assert_eq!(run.output().unwrap(), ("a2".to_owned(), "a1".to_owned()));
        assert_eq!(world.told(), ["path", "open a1", "open a2", "close a2"]);
    }
}

/// What a resource is made of is kept for as long as it may be made again.
#[test]
fn what_it_was_made_of_goes_after_the_clean_up() {
    #[task(in_memory)]
    fn key(#[shared] world: &Arc<World>) -> Db {
        Db { name: "key".to_owned(), world: Arc::clone(world) }
    }
    #[task(in_memory)]
    fn unlock(key: &Db) -> Result<Db, String> {
        key.world.open("a")
    }
    #[task]
    fn note(text: String, #[shared] world: &Arc<World>) {
        world.note(text);
    }
    let build = || {
        flow!("key", {
            let seen = resource(unlock(key()), close, |db| flaky(db));
            note("late").after(slow());
            seen
        })
    };
    // One task after the other, the clean-up may come last.
    for executor in [Executor::threads(1), Executor::threads(8)] {
        let world = Arc::<World>::default();
        let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
        let flow = build().share(Arc::clone(&world)).with(RunSettings::new().executor(executor).clock(clock));
        assert_eq!(flow.run().output().unwrap(), "a2");
        let log = ["open a1", "drop a1", "open a2", "close a2", "drop a2", "drop key", "late"];
        let mut seen = world.log.lock().unwrap().clone();
        // Both go at one moment.
        seen[4..6].sort_unstable();
        assert_eq!(seen, log);
    }
}
