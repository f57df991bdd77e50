//! Limits of runs that are recorded: their places are rows of the store.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prefect::prelude::*;
use prefect::store::{self, Options, RunFilter, StateCode, Store, StoreUrl};
use prefect::{Canceller, Executor, Limits, Observer};

use crate::{Inside, Seen, executors, settings, virtual_clock};

/// A folder with a store, gone afterwards.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn store(&self) -> Store {
        open(&self.file("runs.db"))
    }
}

pub(crate) fn open(path: &Path) -> Store {
    Store::open(&StoreUrl::sqlite(path), Options::default().lease(Duration::from_secs(2))).unwrap()
}

#[task(tags = ["db"])]
async fn query(#[shared] inside: &Inside) {
    let _entered = inside.enter(&["db"]);
    prefect::sleep(Duration::from_secs(1)).await;
}

#[test]
fn what_waits_is_recorded_with_what_it_waits_for() {
    for executor in [Executor::threads(1), Executor::threads(3)] {
        let (folder, clock, inside) = (Folder::new(), virtual_clock(), Inside::default());
        let store = folder.store();
        let flow = flow!("recorded", {
            for _ in 0..6 {
                query();
            }
        });
        let settings = settings(executor, &clock, Limits::new().tag("db", 2)).store(store.clone());
        let run = flow.share(inside.clone()).with(settings).run();
        assert_eq!((run.state().kind(), inside.most("db")), (Success, 2), "{executor:?}: {}", run.state());
        assert_eq!(run.duration(), Duration::from_secs(3), "{executor:?}");
        assert_eq!(store.slots().unwrap(), []);
        let row = &store.runs(&RunFilter::default()).unwrap()[0];
        let changes = store.transitions(row.id, 0, 1_000).unwrap();
        let queued: Vec<_> = changes.iter().filter(|change| change.state == StateCode::QUEUED).collect();
        assert_eq!(queued.len(), 4, "{executor:?}");
        let message = queued[0].message.as_deref().unwrap();
        assert_eq!(message, "Waiting for tag 'db': 2 of 2 places are taken (by `query` and 1 more)");
    }
}

#[test]
fn a_mapped_task_goes_through_the_line() {
    #[task(tags = ["db"])]
    fn double(x: u64) -> u64 {
        2 * x
    }
    for executor in executors() {
        let (folder, clock) = (Folder::new(), virtual_clock());
        let store = folder.store();
        let flow = flow!("mapped", { double::map((0..40).collect::<Vec<u64>>()) });
        let run = flow.with(settings(executor, &clock, Limits::new().tag("db", 1)).store(store.clone())).run();
        assert_eq!(run.output().unwrap(), (0..40).map(|x| 2 * x).collect::<Vec<_>>(), "{executor:?}");
        assert_eq!(store.slots().unwrap(), []);
    }
}

#[test]
fn a_late_body_keeps_its_row_until_it_returns() {
    #[task(tags = ["db"], timeout = "5s")]
    fn late() {
        prefect::sleep_blocking(Duration::from_hours(1));
    }
    #[task(tags = ["db"], trigger = all_finished)]
    fn after(late: Outcome<()>) {
        drop(late);
    }
    for executor in executors() {
        let (folder, clock) = (Folder::new(), virtual_clock());
        let (store, seen) = (folder.store(), Seen::new(&clock));
        let flow = flow!("late", { after(late()) });
        let settings = settings(executor, &clock, Limits::new().tag("db", 1)).store(store.clone());
        let run = flow.with(settings.observer(Arc::new(seen.clone()))).run();
        assert_eq!(run.state().kind(), Success, "{executor:?}");
        assert_eq!([seen.millis("late", TimedOut), seen.millis("after", Running)], [5_000, 3_600_000], "{executor:?}");
        assert_eq!(store.slots().unwrap(), []);
    }
}

#[test]
fn cancelling_gives_all_places_back() {
    #[task]
    async fn cancels(#[shared] canceller: &Canceller) {
        prefect::sleep(Duration::from_millis(500)).await;
        canceller.cancel();
    }
    for executor in [Executor::threads(1), Executor::threads(2)] {
        let (folder, clock, canceller) = (Folder::new(), virtual_clock(), Canceller::new());
        let store = folder.store();
        let flow = flow!("cancelled", {
            cancels();
            for _ in 0..5 {
                query();
            }
        });
        let settings = settings(executor, &clock, Limits::new().tag("db", 2)).store(store.clone());
        let flow = flow.share(Inside::default()).share(canceller.clone()).with(settings.canceller(canceller));
        let run = flow.run();
        assert_eq!((run.state().kind(), run.duration()), (Cancelled, Duration::from_millis(500)), "{executor:?}");
        let row = &store.runs(&RunFilter::default()).unwrap()[0];
        assert_eq!(row.state, StateCode::CANCELLED);
        let queued = store.task_runs(row.id).unwrap().into_iter().filter(|row| row.state == StateCode::QUEUED);
        assert_eq!(queued.count(), 3, "{executor:?}");
        // What is to be given back is behind all that has been recorded.
        store.cancel(row.id, "nobody").unwrap_err();
        assert_eq!(store.slots().unwrap(), []);
    }
}

/// In a store starts follow the clock of the store, and not the run's.
#[test]
fn starts_are_spread_by_the_clock_of_the_store() {
    #[task(tags = ["api"])]
    fn call() {}
    let (folder, clock) = (Folder::new(), prefect::Clock::system());
    let (store, seen) = (folder.store(), Seen::new(&clock));
    let flow = flow!("calls", {
        for _ in 0..5 {
            call();
        }
    });
    let limits = Limits::new().rate("api", "4/s".parse().unwrap());
    let settings = settings(Executor::Local, &clock, limits).store(store).observer(Arc::new(seen.clone()));
    let begun = clock.timestamp();
    assert_eq!(flow.with(settings).run().state().kind(), Success);
    let running = |change: &crate::Change| change.new == Running && change.name == "call";
    let times: Vec<_> = seen.all().into_iter().filter(running).map(|change| change.at).collect();
    // However long it takes from a leave to the body: the first leave was not given before the run has begun.
    let since = times[4].duration_since(begun).as_millis();
    assert!(since >= 999, "{since} ms from the beginning to the fifth");
    // A busy machine may be slower than the rate here and there, and nobody waits for that one.
    assert!(!seen.came_to(Queued).is_empty());
}

/// The same store, as a process of another machine sees it.
fn open_elsewhere(folder: &Folder, clock: store::Clock) -> Store {
    let mut options = Options::default().clock(clock);
    options.machine = store::Machine { host: "elsewhere".into(), boot_id: "another".into() };
    Store::open(&StoreUrl::sqlite(folder.file("runs.db")), options).unwrap()
}

/// A run of that one.
fn other_run() -> store::NewRun {
    store::NewRun {
        flow: "other".into(),
        name: "brave-otter".into(),
        parameters: "{}".into(),
        graph: store::RecordedGraph { hash: vec![1], text: "{}".into(), slugs: Vec::new() },
        state: StateCode::RUNNING,
        at: store::Micros(1),
    }
}

fn one_place() -> store::SlotsWanted {
    store::SlotsWanted { places: vec![("tag:db".into(), 1)], ..Default::default() }
}

/// Cancels as soon as something waits for a place.
struct CancelsQueued(Canceller);

impl Observer for CancelsQueued {
    fn changed(&self, _: &Tracked, _: &State, new: &State) {
        if new.kind() == Queued {
            self.0.cancel();
        }
    }
}

/// A run that was cancelled while it waited holds up no other process.
#[test]
fn who_is_cancelled_in_a_line_of_the_store_leaves_it() {
    #[task(tags = ["db"])]
    fn waits_in_vain() {}
    for executor in executors() {
        let folder = Folder::new();
        // A clock that stands still: who has said that he waits waits for ever.
        let stands = || store::Clock::new(|| store::Micros(1_000_000_000));
        let here = Store::open(&StoreUrl::sqlite(folder.file("runs.db")), Options::default().clock(stands())).unwrap();
        let other = open_elsewhere(&folder, stands());
        let run = other.begin(other_run()).unwrap();
        let holder = run.slot_owner(None, None);
        let take = || match other.take_slots(&holder, &one_place()).unwrap() {
            store::Taking::Taken(slots) => Some(slots),
            _ => None,
        };
        let slots = take().expect("nobody has it");
        let (canceller, clock) = (Canceller::new(), virtual_clock());
        let settings = settings(executor, &clock, Limits::new().tag("db", 1)).store(here.clone());
        let flow = flow!("cancelled", { waits_in_vain() });
        let run = flow.with(settings.canceller(canceller.clone()).observer(Arc::new(CancelsQueued(canceller)))).run();
        assert_eq!(run.state().kind(), Cancelled, "{executor:?}");
        other.give_back(slots, ());
        // Who looks after the line may just have asked once more.
        let begun = Instant::now();
        let slots = loop {
            if let Some(slots) = take() {
                break slots;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "{executor:?}: nobody waits");
        };
        other.give_back(slots, ());
    }
}

/// A run that was taken over by another process does not wait for ever.
#[test]
fn a_run_that_was_lost_waits_for_nothing() {
    #[task(tags = ["db"])]
    fn waits_in_vain() {}
    for executor in [Executor::Local, Executor::threads(2)] {
        let folder = Folder::new();
        let here = folder.store();
        // The only place is taken by a run of another machine, on which it is an hour later.
        let hour = Duration::from_hours(1);
        let clock = store::Clock::new(move || store::Clock::system().now().after(hour));
        let other = open_elsewhere(&folder, clock);
        let run = other.begin(other_run()).unwrap();
        let holder = run.slot_owner(None, None);
        let store::Taking::Taken(slots) = other.take_slots(&holder, &one_place()).unwrap() else {
            panic!("nobody has it");
        };
        let clock = virtual_clock();
        let flow = flow!("lost", { waits_in_vain() });
        let flow = flow.with(settings(executor, &clock, Limits::new().tag("db", 1)).store(here.clone()));
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || tell.send(flow.run().state().clone()));
        let lost = loop {
            let filter = RunFilter { flow: Some("lost".into()), ..RunFilter::default() };
            if let Some(row) = here.runs(&filter).unwrap().pop()
                && here.task_runs(row.id).unwrap().iter().any(|task| task.state == StateCode::QUEUED)
            {
                break row;
            }
        };
        // That one takes this process for dead.
        assert_eq!(other.reap().unwrap()[0].id, lost.id);
        let state = told.recv_timeout(Duration::from_mins(1)).unwrap();
        assert_eq!(state.kind(), Failed, "{executor:?}: {state}");
        other.give_back(slots, ());
    }
}

/// A retry that waited for a place is recorded as the attempt that it is.
#[test]
fn attempts_are_counted_over_the_line() {
    #[task(tags = ["db"], max_retries = 1, retry_delay = "100ms")]
    fn second_time() -> Result<u32, String> {
        let count = context().task_run_count();
        if count < 2 { Err("boom".to_owned()) } else { Ok(count) }
    }
    #[task]
    async fn a_moment() {
        prefect::sleep(Duration::from_millis(50)).await;
    }
    let (folder, clock) = (Folder::new(), virtual_clock());
    let store = folder.store();
    let flow = flow!("retried", {
        query(upstream_tasks = [a_moment()]);
        second_time()
    });
    let settings = settings(Executor::threads(1), &clock, Limits::new().tag("db", 1)).store(store.clone());
    let run = flow.share(Inside::default()).with(settings).run();
    assert_eq!(run.output().unwrap(), 2);
    let row = &store.runs(&RunFilter::default()).unwrap()[0];
    let rows = store.task_runs(row.id).unwrap();
    let task = rows.iter().find(|row| row.attempt == 2).expect("the second attempt");
    assert_eq!(task.state, StateCode::SUCCESS);
    let changes = store.transitions(row.id, 0, 100).unwrap();
    let of_task: Vec<_> =
        changes.iter().filter(|c| c.of.as_ref().is_some_and(|of| of.task == task.task)).map(|c| c.state).collect();
    let expected = [
        StateCode::RUNNING,
        StateCode::FAILED,
        StateCode::RETRYING,
        StateCode::QUEUED,
        StateCode::RUNNING,
        StateCode::SUCCESS,
    ];
    assert_eq!(of_task, expected);
}
