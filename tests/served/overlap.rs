//! Ticks that come while a run has not ended.
use prefect::Trigger;
use prefect::schedule::{CatchUp, DatesClock, Overlap};
use prefect::store::{IfBusy, Micros, NewRun, OwnedRun, RecordedGraph, StateCode, Tick, TickAnswer};

use super::*;

/// An hourly schedule until 06:00, whose runs take two hours and a half.
fn hourly(overlap: Overlap) -> (Vec<String>, Vec<String>, Vec<StateCode>) {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let schedule = Schedule::new(hours(1).end_date("2026-01-01T06:00").unwrap()).overlap(overlap);
    seen.serve(&store, &[&seen.flow("long", SignedDuration::from_mins(150), schedule)], START);
    let lines = seen.take();
    let ran = lines.iter().filter_map(|line| line.strip_prefix("run of ").map(ToOwned::to_owned)).collect();
    let told = lines
        .into_iter()
        .filter(|line| line.contains("skipped") || line.contains(" waits ") || line.contains("cancels"));
    let told = told.map(|line| line.replace("`long`: ", "")).collect();
    let states = runs(&store).iter().map(|run| run.state).collect();
    (ran, told, states)
}

#[test]
fn it_is_skipped() {
    let (ran, told, _) = hourly(Overlap::Skip);
    assert_eq!(ran, ["01. 01:00", "01. 04:00"]);
    let skipped =
        [2, 3, 5, 6].map(|h| format!("1 tick skipped up to 2026-01-01T0{h}:00:00+00:00: a run had not ended"));
    assert_eq!(told, skipped);
}

#[test]
fn one_waits_and_those_that_come_meanwhile_are_skipped() {
    let (ran, told, _) = hourly(Overlap::BufferOne);
    assert_eq!(ran, ["01. 01:00", "01. 02:00 at 01. 03:30", "01. 04:00 at 01. 06:00", "01. 06:00 at 01. 08:30"]);
    assert!(told[0].starts_with("the tick 2026-01-01T02:00:00+00:00 waits for run "), "{told:?}");
    assert_eq!(told[1], "1 tick skipped up to 2026-01-01T03:00:00+00:00: a run had not ended");
}

#[test]
fn all_run_beside_each_other() {
    let (ran, told, states) = hourly(Overlap::AllowAll);
    assert_eq!(ran, [1, 2, 3, 4, 5, 6].map(|h| format!("01. 0{h}:00")));
    assert_eq!(told, Vec::<String>::new());
    assert_eq!(states, [StateCode::SUCCESS; 6]);
}

/// The store tells the process that has the run; the body hears of it, and gives up.
#[test]
fn the_other_run_is_cancelled() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let schedule = Schedule::new(hours(1).end_date("2026-01-01T02:00").unwrap()).overlap(Overlap::CancelOther);
    let body = seen.clone();
    let flow = flow_of("long", move || {
        let tick = context().scheduled_start_time().unwrap();
        body.push(format!("run of {}", hour(tick)));
        if tick == at("2026-01-01T02:00:00Z") {
            return;
        }
        // The process looks twenty times a second. Under virtual time a wait is what lets time go on.
        for _ in 0..10_000_000 {
            if context().is_cancelled() {
                raise(Signal::fail("gives up"));
            }
            sleep_blocking(Duration::from_mins(1));
            std::thread::yield_now();
        }
    })
    .schedule(schedule);
    seen.serve(&store, &[&flow], START);
    let states: Vec<_> = runs(&store).iter().map(|run| run.state).collect();
    assert_eq!(states, [StateCode::CANCELLED, StateCode::SUCCESS]);
    let lines = seen.take();
    assert!(lines.iter().any(|line| line.contains(" cancels, and waits for, run ")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("run of 01. 02:00")), "{lines:#?}");
}

#[test]
fn a_run_that_waits_for_somebody_holds_up_nothing() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let mut flow = FlowBuilder::new(FlowOptions::new("release"));
    let definition = TaskDefinition::new("deploy").trigger(Trigger::new(prefect::trigger::manual_only));
    flow.task(definition, TaskBody::new([], |_| unreachable!("nobody says so")));
    let settings = RunSettings::new().config(Config::default()).executor(Executor::Local);
    let flow = flow.build().with(settings).schedule(hours(1).end_date("2026-01-01T02:00").unwrap());
    seen.serve(&store, &[&flow], START);
    let runs = runs(&store);
    assert_eq!(runs.iter().map(|run| run.state).collect::<Vec<_>>(), [StateCode::PAUSED; 2]);
    let lines = seen.take();
    for run in runs {
        let line = format!("`release`: run {} ({}) waits for somebody", run.id.short(), run.name);
        assert!(lines.contains(&line), "{lines:#?}");
    }
}

/// A run of `watch` for this moment, as another process begins it.
fn begin(store: &Store, moment: &str) -> OwnedRun {
    let at = Micros(at(moment).as_microsecond());
    let run = NewRun {
        flow: "watch".into(),
        name: "busy-bee".into(),
        parameters: "{}".into(),
        graph: RecordedGraph { hash: vec![1], text: "{}".into(), slugs: Vec::new() },
        state: StateCode::RUNNING,
        at,
    };
    let tick = Tick { schedule: "watch".into(), at, next: None, if_busy: IfBusy::Wait };
    match store.begin_tick(run, tick).unwrap() {
        TickAnswer::Begun(run) => run,
        other => panic!("{moment}: {other:?}"),
    }
}

/// A run that another process has is looked at in the store.
#[test]
fn a_run_of_another_process_counts() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let schedule = || Schedule::new(hours(1).end_date("2026-01-01T03:00").unwrap()).catch_up(CatchUp::Skip);
    // Somebody else has begun the tick of one o'clock, and holds its run until three.
    seen.serve(&store, &[&seen.flow("other", SignedDuration::ZERO, schedule())], "2026-01-01T02:30:00Z");
    drop(seen.take());
    let elsewhere = folder.store();
    let begun = begin(&elsewhere, "2026-01-01T01:00:00Z");
    seen.serve(&store, &[&seen.flow("watch", SignedDuration::ZERO, schedule())], "2026-01-01T01:30:00Z");
    let lines = seen.take();
    let skipped = lines.iter().filter(|line| line.contains("a run had not ended")).count();
    assert_eq!(skipped, 2, "{lines:#?}");
    assert!(!lines.iter().any(|line| line.starts_with("run of ")), "{lines:#?}");
    drop(begun);
}

/// Two processes wait with the tick of 00:01, and the other one begins it. This one hears of that some time later, and in between
/// one more has come: it has not come while the first one waited, and has its own turn.
#[test]
fn what_comes_before_this_process_hears_that_another_one_has_begun_is_not_left_out() {
    for overlap in [Overlap::BufferOne, Overlap::CancelOther] {
        let (folder, seen) = (Folder::new(), Seen::default());
        let (store, elsewhere) = (folder.store(), folder.store());
        let ticks = ["2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z", "2026-01-01T00:03:00.5Z"];
        let schedule = Schedule::new(DatesClock::new(ticks).unwrap()).overlap(overlap);
        let watch = seen.flow("watch", SignedDuration::ZERO, schedule);
        let held = Mutex::new(Some(begin(&elsewhere, START)));
        // What the other process does: its run ends, it begins that of 00:01, and that ends too.
        let other = flow_of("other", move || {
            let mut held = held.lock().unwrap();
            drop(held.take());
            if context().scheduled_start_time().unwrap() == at("2026-01-01T00:03:00.25Z") {
                *held = Some(begin(&elsewhere, ticks[0]));
            }
        });
        let does = DatesClock::new(["2026-01-01T00:03:00.25Z", "2026-01-01T00:03:10Z"]).unwrap();
        seen.serve(&store, &[&watch, &other.schedule(does)], START);
        let lines = seen.take();
        let ran: Vec<_> = lines.iter().filter(|line| line.starts_with("run of ")).collect();
        assert!(matches!(&*ran, [ran] if ran.starts_with("run of 01. 00:03")), "{overlap}: {lines:#?}");
        let skipped: Vec<_> = lines.iter().filter(|line| line.contains("skipped")).collect();
        assert_eq!(
            skipped,
            ["`watch`: 1 tick skipped up to 2026-01-01T00:02:00+00:00: a run had not ended"],
            "{overlap}: {lines:#?}"
        );
    }
}
