//! Several schedules, and several who serve them.
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use prefect::schedule::{CronClock, Overlap};
use prefect::scheduler::Happened;
use prefect::store::StateCode;

use super::*;

const NO_TIME: SignedDuration = SignedDuration::ZERO;

#[test]
fn each_tick_has_a_run_and_all_is_told() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let flow = seen.flow("watch", NO_TIME, hours(6).end_date("2026-01-01T12:00").unwrap());
    let served = seen.serve(&store, &[&flow], START);
    assert!(served.broken.is_empty());
    let runs = runs(&store);
    let names: Vec<_> = runs.iter().map(|run| format!("run {} ({})", run.id.short(), run.name)).collect();
    let expected = [
        "`watch`: served on every 6h until 2026-01-01T12:00:00Z; catch up: latest within 24h 00m, overlap: skip; next \
         2026-01-01T06:00:00+00:00, 2026-01-01T12:00:00+00:00"
            .to_owned(),
        format!("`watch`: {} has begun, for 2026-01-01T06:00:00+00:00", names[0]),
        "run of 01. 06:00".to_owned(),
        format!("`watch`: {} has ended: Success", names[0]),
        format!("`watch`: {} has begun, for 2026-01-01T12:00:00+00:00", names[1]),
        "run of 01. 12:00".to_owned(),
        "`watch`: no more ticks".to_owned(),
        format!("`watch`: {} has ended: Success", names[1]),
    ];
    let mut told = seen.take();
    // The last two may come either way round, and so may what the body and the schedule say.
    let position = |told: &[String], text: &str| told.iter().position(|line| line == text);
    for line in &expected {
        assert!(position(&told, line).is_some(), "{line}: {told:#?}");
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    told.retain(|line| line.contains("has "));
    let order: Vec<_> = expected.iter().filter(|line| line.contains("has ")).cloned().collect();
    assert_eq!(told, order);
    assert!(runs.iter().all(|run| run.state == StateCode::SUCCESS && run.owner.is_none()));
    let row = store.schedule("watch", prefect::store::Micros(i64::MAX)).unwrap().unwrap();
    assert_eq!(row.last.unwrap().run.unwrap().0, runs[1].id);
    assert_eq!((row.description.as_str(), row.next_at), ("every 6h until 2026-01-01T12:00:00Z", None));
}

#[test]
fn flows_run_beside_each_other() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let long = seen.flow("long", SignedDuration::from_hours(5), hours(6).end_date("2026-01-01T06:00").unwrap());
    let short = seen.flow("short", NO_TIME, hours(2).end_date("2026-01-01T10:00").unwrap());
    seen.serve(&folder.store(), &[&long, &short], START);
    let mut runs = seen.take_of("run of ");
    runs.sort();
    assert_eq!(runs, ["01. 02:00", "01. 04:00", "01. 06:00", "01. 06:00", "01. 08:00", "01. 10:00"]);
}

#[test]
fn a_run_that_fails_holds_up_nothing() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let flow = flow_of("bad luck", || panic!("no luck")).schedule(hours(1).end_date("2026-01-01T03:00").unwrap());
    let served = seen.serve(&folder.store(), &[&flow], START);
    assert!(served.broken.is_empty());
    let states: Vec<_> = runs(&folder.store()).iter().map(|run| run.state).collect();
    assert_eq!(states, [StateCode::FAILED; 3]);
    assert_eq!(seen.take().iter().filter(|line| line.ends_with("has ended: Failed")).count(), 3);
}

#[test]
fn events_of_one_moment_have_a_run_each() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let clock = |label: &str| hours(6).end_date("2026-01-01T12:00").unwrap().label(label);
    let schedule = Schedule::new(clock("a")).clock(clock("b")).clock(clock("a"));
    // An hour each: the second of a moment waits for the first, and is no overlap.
    let flow = seen.flow("both", SignedDuration::from_hours(1), schedule);
    seen.serve(&store, &[&flow], START);
    assert_eq!(seen.take_of("run of "), ["01. 06:00", "01. 06:00 at 01. 07:00", "01. 12:00", "01. 12:00 at 01. 13:00"]);
    // Served once more, nothing is left to do.
    seen.serve(&store, &[&flow], "2026-01-01T13:00:00Z");
    assert_eq!(seen.take_of("run of "), Vec::<String>::new());
    assert_eq!(runs(&store).len(), 4);
}

#[test]
fn what_a_clock_gives_is_given_to_its_runs() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let mut flow = FlowBuilder::new(FlowOptions::new("etl"));
    let (definition, body) = prefect::built_in::parameter::<i64>("n");
    flow.task(definition, body);
    let settings = RunSettings::new().config(Config::default()).executor(Executor::Local);
    let clock = |n: i64, end: &str| hours(6).end_date(end).unwrap().parameter_default("n", n);
    let schedule = Schedule::new(clock(1, "2026-01-01T12:00")).clock(clock(2, "2026-01-01T06:00"));
    seen.serve(&store, &[&flow.build().with(settings).schedule(schedule)], START);
    let given: Vec<_> = runs(&store).iter().map(|run| store.input(run.id).unwrap().parameters).collect();
    assert_eq!(given, [r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":1}"#]);
}

/// Its tick is decided before it can be refused: it is there, and has failed.
#[test]
fn a_run_that_cannot_begin_has_failed() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let config = "[context.secrets]\nSLACK_WEBHOOK_URL = \"no URL\"\n";
    let config = Config::builder().user_config(config).build().unwrap();
    let flow = flow_of("watch", || unreachable!()).with(RunSettings::new().config(config));
    seen.serve(&store, &[&flow.schedule(hours(1).end_date("2026-01-01T02:00").unwrap())], START);
    let runs = runs(&store);
    assert_eq!(runs.iter().map(|run| run.state).collect::<Vec<_>>(), [StateCode::FAILED; 2]);
    let message = runs[0].message.clone().unwrap();
    assert!(message.contains("SLACK_WEBHOOK_URL"), "{message}");
    assert_eq!(seen.take().iter().filter(|line| line.ends_with("has ended: Failed")).count(), 2);
}

/// Two serve one store under one clock: each tick has one run, and both have their part.
#[test]
fn a_thousand_ticks_have_a_run_each_whoever_serves() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let clock = Clock::virtual_from(at(START));
    let minutes = CronClock::new("*/10 * * * *").unwrap().end_date("2026-01-07T22:40").unwrap();
    let schedule = Schedule::new(minutes).overlap(Overlap::AllowAll);
    let began = Arc::new(Barrier::new(2));
    let first = Arc::new(AtomicBool::new(true));
    let flow = {
        let (seen, began) = (seen.clone(), Arc::clone(&began));
        flow_of("busy", move || {
            // Time stands still until the other one serves too.
            if first.swap(false, Ordering::SeqCst) {
                began.wait();
            }
            seen.push(format!("run of {}", context().scheduled_start_time().unwrap()));
        })
        .schedule(schedule)
    };
    let one = seen.scheduler(&store, &[&flow], &clock);
    let other_store = folder.store();
    let (tell, ended) = channel();
    let by = [Seen::default(), Seen::default()];
    let of_one = by[0].clone();
    let one = one.on_event(move |event| of_one.push(event.to_string()));
    let other = Scheduler::new(other_store).clock(clock).flow(&flow);
    let of_other = by[1].clone();
    let serves = Arc::new(AtomicBool::new(false));
    let other = other.on_event(move |event| {
        if matches!(event.what(), Happened::Served { .. }) && !serves.swap(true, Ordering::SeqCst) {
            began.wait();
        }
        of_other.push(event.to_string());
    });
    let threads = [one, other].map(|scheduler| {
        let tell = tell.clone();
        std::thread::spawn(move || {
            tell.send(scheduler.serve().unwrap()).unwrap();
        })
    });
    for _ in 0..2 {
        ended.recv_timeout(Duration::from_mins(5)).unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    let ran = counts(seen.take_of("run of "));
    assert_eq!(ran.len(), 1_000);
    assert!(ran.values().all(|count| *count == 1), "{ran:?}");
    let recorded = runs(&store);
    assert_eq!(recorded.len(), 1_000);
    assert!(recorded.iter().all(|run| run.state == StateCode::SUCCESS));
    let begun = by.map(|by| by.take().iter().filter(|line| line.contains(" has begun, ")).count());
    println!("{begun:?} runs");
    assert_eq!(begun.iter().sum::<usize>(), 1_000);
}
