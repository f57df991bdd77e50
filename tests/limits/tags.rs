//! Limits by tag within one process.
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use prefect::prelude::*;
use prefect::{Canceller, Clock, Config, Executor, Flow, Limits, PauseAnswer, RunSettings, StateKind};

use crate::{Inside, Seen, executors, settings, virtual_clock};

/// On threads: on one thread nothing of a run is ever two at once.
fn threads() -> [Executor; 2] {
    [Executor::threads(1), Executor::threads(3)]
}

#[task(tags = ["db"])]
async fn query(#[shared] inside: &Inside, seconds: u64) -> u64 {
    let _entered = inside.enter(&["db"]);
    prefect::sleep(Duration::from_secs(seconds)).await;
    seconds
}

fn many(n: u64) -> Flow<Vec<Node<u64>>> {
    flow!("many", { (0..n).map(|_| query(1)).collect::<Vec<_>>() })
}

#[test]
fn so_many_run_at_once_and_no_more() {
    for executor in threads() {
        let (clock, inside) = (virtual_clock(), Inside::default());
        let flow = many(10).share(inside.clone()).with(settings(executor, &clock, Limits::new().tag("db", 3)));
        let run = flow.run();
        assert_eq!(run.output().unwrap(), [1; 10]);
        assert_eq!((inside.most("db"), run.duration()), (3, Duration::from_secs(4)), "{executor:?}");
    }
}

#[test]
fn the_configuration_says_how_many() {
    let config = Config::builder().user_config("[concurrency]\ndb = 2\n").build().unwrap();
    let (clock, inside) = (virtual_clock(), Inside::default());
    let settings = RunSettings::new().executor(Executor::threads(1)).clock(clock).config(config);
    let run = many(10).share(inside.clone()).with(settings).run();
    assert_eq!((inside.most("db"), run.duration()), (2, Duration::from_secs(5)));
}

#[test]
fn a_tag_that_is_not_limited_limits_nothing() {
    let (clock, inside) = (virtual_clock(), Inside::default());
    let flow = many(10).share(inside.clone());
    let run = flow.with(settings(Executor::threads(1), &clock, Limits::new().tag("other", 1))).run();
    assert_eq!((inside.most("db"), run.duration()), (10, Duration::from_secs(1)));
}

#[task]
fn plain(x: u64) -> u64 {
    x
}

#[test]
fn who_came_first_goes_first_and_the_change_goes_through_the_door() {
    let (clock, inside) = (virtual_clock(), Inside::default());
    let seen = Seen::new(&clock);
    let flow = flow!("in order", {
        for i in 0..8 {
            query(1, task_args = options().name(format!("q{i}")));
        }
    });
    let settings = settings(Executor::threads(1), &clock, Limits::new().tag("db", 1)).observer(Arc::new(seen.clone()));
    let run = flow.share(inside).with(settings).run();
    assert_eq!(run.state().kind(), Success);
    let queued = seen.came_to(Queued);
    assert_eq!(queued.len(), 7, "{queued:?}");
    let running: Vec<_> = seen.came_to(Running).into_iter().filter(|name| name.starts_with('q')).collect();
    assert_eq!(running[1..], queued);
    assert_eq!(seen.kinds_of(&queued[0]), [Queued, Running, Success]);
    let message = |name: &str| seen.all().into_iter().find(|c| c.name == name && c.new == Queued).unwrap().message;
    assert_eq!(message(&queued[0]), format!("Waiting for tag 'db': 1 of 1 place is taken (by `{}`)", running[0]));
    let from: Vec<_> = seen.all().into_iter().filter(|change| change.new == Queued).map(|change| change.old).collect();
    assert!(from.iter().all(|old| *old == Pending), "{from:?}");
}

#[test]
fn a_queued_task_holds_no_thread() {
    let (clock, inside) = (virtual_clock(), Inside::default());
    let seen = Seen::new(&clock);
    let flow = flow!("threads", {
        for _ in 0..5 {
            query(3600);
        }
        plain(7, task_args = options().name("plain"));
    });
    let settings = settings(Executor::threads(1), &clock, Limits::new().tag("db", 1)).observer(Arc::new(seen.clone()));
    let run = flow.share(inside).with(settings).run();
    assert_eq!(run.duration(), Duration::from_hours(5));
    assert_eq!(seen.millis("plain", Success), 0);
}

#[task(tags = ["a"])]
async fn only_a(#[shared] inside: &Inside) {
    let _entered = inside.enter(&["a"]);
    prefect::sleep(Duration::from_secs(1)).await;
}

#[task(tags = ["b"])]
async fn only_b(#[shared] inside: &Inside) {
    let _entered = inside.enter(&["b"]);
    prefect::sleep(Duration::from_secs(1)).await;
}

#[task(tags = ["a", "b"])]
async fn both(#[shared] inside: &Inside) {
    let _entered = inside.enter(&["a", "b"]);
    prefect::sleep(Duration::from_secs(1)).await;
}

/// All of them at once or none: nobody holds one and waits for the other. And whoever needs both is not passed by for ever
/// by those that need one.
#[test]
fn two_tags_are_taken_together() {
    for executor in threads() {
        let (clock, inside) = (virtual_clock(), Inside::default());
        let seen = Seen::new(&clock);
        let flow = flow!("both", {
            // The last one made is the first one that is ready.
            for _ in 0..10 {
                only_a();
                only_b();
            }
            both(task_args = options().name("late"));
            only_b(task_args = options().name("first b"));
            only_a(task_args = options().name("first a"));
        });
        let limits = Limits::new().tag("a", 1).tag("b", 1);
        let settings = settings(executor, &clock, limits).observer(Arc::new(seen.clone()));
        let run = flow.share(inside.clone()).with(settings).run();
        assert_eq!(run.state().kind(), Success, "{executor:?}");
        assert_eq!([inside.most("a"), inside.most("b")], [1, 1]);
        let late = seen.millis("late", Running);
        if executor == Executor::threads(1) {
            assert_eq!(late, 1_000, "the one after the first");
        }
        // Of several workers the one with `late` may be slow to ask, and what has asked before goes before. As long as both tags
        // are wanted nothing stands still, but for the last of the longer line before `late`.
        let before = |names: [&str; 2]| {
            let begins = |change: &&crate::Change| change.new == Running && names.contains(&change.name.as_str());
            let moments: Vec<_> = seen.all().iter().filter(begins).map(|change| change.at).collect();
            moments.iter().filter(|at| at.duration_since(crate::start()).as_millis() < late).count() as u64
        };
        let idle = before(["only_a", "first a"]).abs_diff(before(["only_b", "first b"]));
        assert_eq!(run.duration(), Duration::from_secs(12 + idle), "{executor:?}");
    }
}

/// What one waits for that came before is kept for it, though it lacks something else.
#[test]
fn nobody_is_passed_by() {
    #[task(tags = ["c"])]
    async fn only_c() {
        prefect::sleep(Duration::from_millis(500)).await;
    }
    let (clock, inside) = (virtual_clock(), Inside::default());
    let seen = Seen::new(&clock);
    let flow = flow!("in order", {
        // The last one made is the first one that is ready.
        only_b(task_args = options().name("b"));
        both(task_args = options().name("both"));
        only_a(task_args = options().name("second a"));
        only_a(task_args = options().name("first a"));
        // When it ends, it is looked who may come in.
        only_c();
    });
    let limits = Limits::new().tag("a", 1).tag("b", 1).tag("c", 1);
    let settings = settings(Executor::threads(1), &clock, limits).observer(Arc::new(seen.clone()));
    flow.share(inside).with(settings).run();
    let begins = ["first a", "second a", "both", "b"].map(|name| seen.millis(name, Running));
    assert_eq!(begins, [0, 1_000, 2_000, 3_000]);
}

#[task(tags = ["db"], max_retries = 1, retry_delay = "1h")]
fn fails_at_first() -> Result<u32, String> {
    if context().task_run_count() == 1 { Err("boom".to_owned()) } else { Ok(context().task_run_count()) }
}

#[test]
fn a_retry_gives_its_place_back_while_it_waits() {
    for executor in executors() {
        let (clock, inside) = (virtual_clock(), Inside::default());
        let seen = Seen::new(&clock);
        let flow = flow!("retries", {
            let failed = fails_at_first();
            query(10, task_args = options().name("query"));
            failed
        });
        let settings = settings(executor, &clock, Limits::new().tag("db", 1)).observer(Arc::new(seen.clone()));
        let run = flow.share(inside).with(settings).run();
        assert_eq!((run.output().unwrap(), seen.millis("query", Success)), (2, 10_000), "{executor:?}");
    }
}

#[task]
async fn half_a_second() {
    prefect::sleep(Duration::from_millis(500)).await;
}

/// A retry that has to wait for a place is still the second attempt.
#[test]
fn attempts_are_counted_over_the_line() {
    #[task(tags = ["db"], max_retries = 2, retry_delay = "1s")]
    fn third_time() -> Result<u32, String> {
        let count = context().task_run_count();
        if count < 3 { Err("boom".to_owned()) } else { Ok(count) }
    }
    for executor in threads() {
        let (clock, inside) = (virtual_clock(), Inside::default());
        let seen = Seen::new(&clock);
        let flow = flow!("counted", {
            let third = third_time();
            // It takes the place while the other one waits for its retry.
            query(10, upstream_tasks = [half_a_second()]);
            third
        });
        let settings = settings(executor, &clock, Limits::new().tag("db", 1)).observer(Arc::new(seen.clone()));
        let run = flow.share(inside).with(settings).run();
        assert_eq!(run.output().unwrap(), 3, "{executor:?}");
        assert_eq!(run.task_runs().find(|task| task.name == "third_time").unwrap().attempts, 3);
        let kinds = seen.kinds_of("third_time");
        assert!(kinds.windows(2).any(|kinds| kinds == [Retrying, Queued]), "{kinds:?}");
    }
}

#[task(tags = ["db"], timeout = "5s")]
async fn in_five_seconds() {
    prefect::sleep(Duration::from_secs(1)).await;
}

#[test]
fn time_in_the_line_is_no_time_of_the_body() {
    for executor in threads() {
        let (clock, inside) = (virtual_clock(), Inside::default());
        let flow = flow!("timeouts", { (query(60), in_five_seconds(), in_five_seconds()) });
        let run = flow.share(inside).with(settings(executor, &clock, Limits::new().tag("db", 1))).run();
        assert_eq!(run.state().kind(), Success, "{executor:?}");
        assert_eq!(run.duration(), Duration::from_secs(62), "{executor:?}");
    }
}

#[task(tags = ["db"], timeout = "5s")]
fn blocks_for_an_hour(#[shared] inside: &Inside) {
    let _entered = inside.enter(&["db"]);
    prefect::sleep_blocking(Duration::from_hours(1));
}

#[test]
fn a_blocking_body_keeps_its_place_until_it_returns() {
    for executor in executors() {
        let (clock, inside) = (virtual_clock(), Inside::default());
        let seen = Seen::new(&clock);
        let flow = flow!("blocking", {
            let late = blocks_for_an_hour();
            query(1, task_args = options().name("after"), upstream_tasks = [plain(1, upstream_tasks = [])]);
            late
        });
        let settings = settings(executor, &clock, Limits::new().tag("db", 1)).observer(Arc::new(seen.clone()));
        let run = flow.share(inside.clone()).with(settings).run();
        let states: Vec<_> = run.task_runs().map(|task| task.state.kind()).collect();
        assert_eq!(states.iter().filter(|kind| **kind == TimedOut).count(), 1, "{executor:?}: {states:?}");
        assert_eq!(inside.most("db"), 1, "{executor:?}");
        if seen.kinds_of("after").first() == Some(&Queued) {
            assert_eq!(seen.millis("blocks_for_an_hour", TimedOut), 5_000, "{executor:?}");
            assert_eq!(seen.millis("after", Running), 3_600_000, "{executor:?}");
        } else {
            assert_eq!(seen.millis("after", Running), 0, "{executor:?}");
        }
    }
}

/// The same where nothing is left to chance: the late body comes first.
#[test]
fn a_late_body_holds_up_what_comes_after_it() {
    for executor in executors() {
        let (clock, inside) = (virtual_clock(), Inside::default());
        let seen = Seen::new(&clock);
        #[task(tags = ["db"], trigger = all_finished)]
        fn after(late: Outcome<()>) {
            drop(late);
        }
        let flow = flow!("blocking", { after(blocks_for_an_hour(task_args = options().name("late"))) });
        let settings = settings(executor, &clock, Limits::new().tag("db", 1)).observer(Arc::new(seen.clone()));
        let run = flow.share(inside).with(settings).run();
        assert_eq!(run.state().kind(), Success, "{executor:?}");
        assert_eq!(seen.kinds_of("late"), [Running, TimedOut]);
        assert_eq!(seen.kinds_of("after"), [Queued, Running, Success], "{executor:?}");
        assert_eq!(seen.millis("after", Queued), 5_000);
        assert_eq!(seen.millis("after", Running), 3_600_000, "{executor:?}");
    }
}

#[task]
async fn cancels_later(#[shared] canceller: &Canceller) {
    prefect::sleep(Duration::from_mins(1)).await;
    canceller.cancel();
}

#[test]
fn cancelling_takes_the_run_out_of_the_line() {
    for executor in threads() {
        let (clock, inside, canceller) = (virtual_clock(), Inside::default(), Canceller::new());
        let flow = flow!("cancelled", {
            cancels_later();
            for _ in 0..5 {
                query(3_600);
            }
        });
        let limits = Limits::new().tag("db", 2);
        let flow = flow.share(inside.clone()).share(canceller.clone());
        let run = flow.with(settings(executor, &clock, limits.clone()).canceller(canceller)).run();
        assert_eq!((run.state().kind(), run.duration()), (Cancelled, Duration::from_mins(1)), "{executor:?}");
        let count = |kind: StateKind| run.task_runs().filter(|task| task.state.kind() == kind).count();
        assert_eq!([count(Cancelled), count(Queued), count(Success)], [2, 3, 1], "{executor:?}");
        // All places are free again.
        let run = many(2).share(inside.clone()).with(settings(executor, &clock, limits)).run();
        assert_eq!((run.state().kind(), run.duration()), (Success, Duration::from_secs(1)));
        assert_eq!(inside.most("db"), 2);
    }
}

/// A body that nobody can stop keeps its place, but what the cancelled run had in the line holds up nobody.
#[test]
fn others_do_not_wait_for_a_cancelled_run() {
    let (clock, canceller) = (virtual_clock(), Canceller::new());
    let (begun, has_begun) = mpsc::channel::<()>();
    let (go_on, goes_on) = mpsc::channel::<()>();
    #[task(tags = ["a"])]
    fn stubborn(#[shared] talk: &Arc<Mutex<(mpsc::Sender<()>, mpsc::Receiver<()>)>>) {
        let talk = talk.lock().unwrap();
        talk.0.send(()).unwrap();
        talk.1.recv_timeout(Duration::from_mins(5)).unwrap();
    }
    #[task]
    fn once_it_has_begun(#[shared] has_begun: &Mutex<mpsc::Receiver<()>>) {
        has_begun.lock().unwrap().recv_timeout(Duration::from_mins(1)).unwrap();
    }
    #[task(tags = ["a", "b"])]
    fn needs_both() {}
    let flow = flow!("cancelled", {
        let begun = once_it_has_begun();
        needs_both(upstream_tasks = [begun]);
        stubborn();
    });
    let limits = Limits::new().tag("a", 1).tag("b", 1);
    let flow = flow.share(Arc::new(Mutex::new((begun, goes_on)))).share(Mutex::new(has_begun));
    let seen = Seen::new(&clock);
    let (told, tells) = mpsc::channel();
    let tells_queued = Tells(told);
    let one = settings(Executor::threads(2), &clock, limits.clone()).canceller(canceller.clone());
    let flow = flow.with(one.observer(Arc::new(seen)).observer(Arc::new(tells_queued)));
    let cancelled = std::thread::spawn(move || flow.run().state().kind());
    tells.recv_timeout(Duration::from_mins(1)).unwrap();
    canceller.cancel();
    // It needs `b`, which the one in the line had a claim to.
    #[task(tags = ["b"])]
    fn needs_b() {}
    let other = flow!("other", { needs_b() }).with(settings(Executor::threads(1), &clock, limits));
    let (end, ends) = mpsc::channel();
    std::thread::spawn(move || end.send(other.run().state().kind()));
    let ended = ends.recv_timeout(Duration::from_mins(2));
    go_on.send(()).unwrap();
    assert_eq!(cancelled.join().unwrap(), Cancelled);
    assert_eq!(ended, Ok(Success));
}

struct Tells(mpsc::Sender<()>);
impl prefect::Observer for Tells {
    fn changed(&self, _: &Tracked, _: &State, new: &State) {
        if new.kind() == Queued {
            let _ = self.0.send(());
        }
    }
}

#[test]
fn a_mapped_task_of_many_children_goes_through() {
    for executor in threads() {
        let (clock, inside) = (virtual_clock(), Inside::default());
        let flow = flow!("mapped", { query::map((0..10_000).map(|_| 1).collect::<Vec<u64>>()) });
        let run = flow.share(inside.clone()).with(settings(executor, &clock, Limits::new().tag("db", 4))).run();
        assert_eq!(run.output().unwrap().len(), 10_000);
        assert_eq!((inside.most("db"), run.duration()), (4, Duration::from_secs(2_500)), "{executor:?}");
    }
}

/// Runs of one process that have the same clock share what is limited.
#[test]
fn runs_of_a_process_share_places() {
    let (clock, inside) = (virtual_clock(), Inside::default());
    let runs: Vec<_> = (0..4)
        .map(|i| {
            let (clock, inside) = (clock.clone(), inside.clone());
            std::thread::spawn(move || {
                let executor = if i == 0 { Executor::Local } else { Executor::threads(2) };
                many(5).share(inside).with(settings(executor, &clock, Limits::new().tag("db", 2))).run().state().kind()
            })
        })
        .collect();
    for run in runs {
        assert_eq!(run.join().unwrap(), Success);
    }
    assert!(inside.most("db") <= 2, "{}", inside.most("db"));
}

/// Without virtual time too.
#[test]
fn it_works_by_the_machines_clock() {
    #[task(tags = ["by the machine's clock"])]
    async fn short(#[shared] inside: &Inside) {
        let _entered = inside.enter(&["x"]);
        prefect::sleep(Duration::from_millis(1)).await;
    }
    let inside = Inside::default();
    let flow = flow!("real", {
        for _ in 0..50 {
            short();
        }
    });
    let limits = Limits::new().tag("by the machine's clock", 2);
    let run = flow.share(inside.clone()).with(settings(Executor::threads(4), &Clock::system(), limits)).run();
    assert_eq!((run.state().kind(), inside.most("x")), (Success, 2));
}

#[task(tags = ["db"], trigger = manual_only)]
async fn approved() -> u32 {
    prefect::sleep(Duration::from_secs(1)).await;
    u32::from(context().resume())
}

#[test]
fn who_was_let_go_on_is_not_paused_again() {
    for executor in threads() {
        let clock = virtual_clock();
        let flow = flow!("approved", { (approved(), approved(), approved()) });
        let settings = settings(executor, &clock, Limits::new().tag("db", 1)).on_pause(|_| PauseAnswer::Resume);
        let run = flow.with(settings).run();
        assert_eq!(run.output().unwrap(), (1, 1, 1), "{executor:?}");
        assert_eq!(run.duration(), Duration::from_secs(3));
    }
}

#[task(tags = ["db"])]
async fn counts_to(limit: u32) -> u32 {
    prefect::sleep(Duration::from_secs(1)).await;
    let so_far = context().task_loop_result::<u32>().unwrap_or(0) + 1;
    if so_far < limit {
        prefect::raise(Signal::looping(so_far));
    }
    so_far
}

#[test]
fn loops_go_on_where_they_were() {
    for executor in threads() {
        let clock = virtual_clock();
        let flow = flow!("loops", { (counts_to(4), counts_to(3)) });
        let run = flow.with(settings(executor, &clock, Limits::new().tag("db", 1))).run();
        assert_eq!(run.output().unwrap(), (4, 3), "{executor:?}");
        assert_eq!(run.duration(), Duration::from_secs(7));
    }
}

#[test]
fn resources_are_cleaned_up_in_their_turn() {
    #[task]
    fn open() -> u32 {
        7
    }
    #[task(tags = ["db"])]
    async fn close(#[shared] inside: &Inside, opened: u32) {
        assert_eq!(opened, 7);
        let _entered = inside.enter(&["db"]);
        prefect::sleep(Duration::from_secs(1)).await;
    }
    for executor in threads() {
        let (clock, inside, canceller) = (virtual_clock(), Inside::default(), Canceller::new());
        let flow = flow!("resources", {
            for _ in 0..3 {
                resource(open(), close, |_| cancels_later());
            }
        });
        let flow = flow.share(inside.clone()).share(canceller.clone());
        let run = flow.with(settings(executor, &clock, Limits::new().tag("db", 1)).canceller(canceller)).run();
        assert_eq!((run.state().kind(), inside.most("db")), (Cancelled, 1));
        let closed = run.task_runs().filter(|task| task.name == "close" && task.state.kind() == Success).count();
        assert_eq!((closed, run.duration()), (3, Duration::from_secs(63)), "{executor:?}");
    }
}
