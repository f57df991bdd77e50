//! Ticks that passed while nobody served.
use prefect::schedule::{CatchUp, DatesClock, adjustments};

use super::*;

const NO_TIME: SignedDuration = SignedDuration::ZERO;

/// Served on the first day until 06:00, then again from the next day at 03:30 on; the lines of the second time.
fn after_a_night(schedule: impl Fn(&str) -> Schedule) -> Vec<String> {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let flow = |end: &str| seen.flow("watch", NO_TIME, schedule(end));
    // The end is told by whoever serves: a schedule with another end would be another one.
    let stop = prefect::Canceller::new();
    let stops = stop.clone();
    let first = seen.flow("watch", NO_TIME, schedule("2026-01-02T06:00"));
    let events = seen.clone();
    let clock = Clock::virtual_from(at(START));
    seen.scheduler(&store, &[&first], &clock)
        .canceller(stop)
        .on_event(move |event| {
            let text = event.to_string();
            if text.contains("has begun, for 2026-01-01T06:00") {
                stops.cancel();
            }
            events.push(text);
        })
        .serve()
        .unwrap();
    let before = seen.take();
    assert!(before.iter().any(|line| line.contains("for 2026-01-01T06:00")), "{before:#?}");
    seen.serve(&store, &[&flow("2026-01-02T06:00")], "2026-01-02T03:30:00Z");
    let mut lines = seen.take();
    lines.retain(|line| line.starts_with("run of ") || line.contains("skipped"));
    lines
}

fn every_hour(end: &str) -> Schedule {
    hours(1).end_date(end).unwrap().into()
}

#[test]
fn the_latest_one_is_made_up_for() {
    let skipped = "`watch`: 20 ticks skipped up to 2026-01-02T02:00:00+00:00: the time had passed";
    let lines = after_a_night(every_hour);
    assert_eq!(
        lines,
        [skipped, "run of 02. 03:00 at 02. 03:30", "run of 02. 04:00", "run of 02. 05:00", "run of 02. 06:00"]
    );
}

#[test]
fn none_is_made_up_for() {
    let lines = after_a_night(|end| every_hour(end).catch_up(CatchUp::Skip));
    let skipped = "`watch`: 21 ticks skipped up to 2026-01-02T03:00:00+00:00: the time had passed";
    assert_eq!(lines, [skipped, "run of 02. 04:00", "run of 02. 05:00", "run of 02. 06:00"]);
}

#[test]
fn all_are_made_up_for_within_the_window() {
    let lines = after_a_night(|end| every_hour(end).catch_up(CatchUp::All));
    let late: Vec<_> = (7..24).map(|h| format!("run of 01. {h:02}:00 at 02. 03:30")).collect();
    let night = (0..4).map(|h| format!("run of 02. {h:02}:00 at 02. 03:30"));
    let in_time = (4..7).map(|h| format!("run of 02. {h:02}:00"));
    assert_eq!(lines, late.into_iter().chain(night).chain(in_time).collect::<Vec<_>>());
    let lines = after_a_night(|end| every_hour(end).catch_up(CatchUp::All).catch_up_window("2h"));
    let skipped = "`watch`: 19 ticks skipped up to 2026-01-02T01:00:00+00:00: the time had passed";
    let expected = ["02. 02:00 at 02. 03:30", "02. 03:00 at 02. 03:30", "02. 04:00", "02. 05:00", "02. 06:00"];
    assert_eq!(lines[0], skipped);
    assert_eq!(lines[1..], expected.map(|run| format!("run of {run}")));
    // The latest one is too old.
    let lines = after_a_night(|end| every_hour(end).catch_up_window("10m"));
    assert_eq!(lines[0], "`watch`: 21 ticks skipped up to 2026-01-02T03:00:00+00:00: the time had passed");
    assert_eq!(lines.len(), 4, "{lines:?}");
}

#[test]
fn what_is_made_up_for_runs_one_after_the_other() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let schedule = || Schedule::new(hours(1).end_date("2026-01-01T05:00").unwrap()).catch_up(CatchUp::All);
    let takes = SignedDuration::from_mins(20);
    // Seen at midnight, and not served until four.
    see(&store, "watch", &schedule(), START);
    seen.serve(&store, &[&seen.flow("watch", takes, schedule())], "2026-01-01T03:30:00Z");
    let expected = [
        "01. 01:00 at 01. 03:30",
        "01. 02:00 at 01. 03:50",
        "01. 03:00 at 01. 04:10",
        "01. 04:00 at 01. 04:30",
        "01. 05:00",
    ];
    assert_eq!(seen.take_of("run of "), expected);
}

/// Makes a schedule known at this moment, and serves none of it.
fn see(store: &Store, name: &str, schedule: &Schedule, from: &str) {
    let stop = prefect::Canceller::new();
    stop.cancel();
    let flow = flow_of(name, || unreachable!()).schedule(schedule.clone());
    Scheduler::new(store.clone()).clock(Clock::virtual_from(at(from))).flow(&flow).canceller(stop).serve().unwrap();
}

#[test]
fn nothing_is_made_up_for_from_before_it_was_served_first() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let schedule = |end: &str| Schedule::new(hours(1).end_date(end).unwrap()).catch_up(CatchUp::All);
    seen.serve(&store, &[&seen.flow("watch", NO_TIME, schedule("2026-01-01T05:00"))], "2026-01-01T03:30:00Z");
    assert_eq!(seen.take_of("run of "), ["01. 04:00", "01. 05:00"]);
    // A schedule that has changed is a new one.
    let changed = schedule("2026-01-01T10:00").filter(|_| true);
    seen.serve(&store, &[&seen.flow("watch", NO_TIME, changed)], "2026-01-01T08:30:00Z");
    assert_eq!(seen.take_of("run of "), ["01. 09:00", "01. 10:00"]);
}

/// A short pause: who starts within a minute of a moment is in time for it.
#[test]
fn a_tick_of_less_than_a_minute_ago_is_in_time() {
    for (from, runs) in [("2026-01-01T04:00:59Z", 2), ("2026-01-01T04:01:00Z", 1)] {
        let (folder, seen) = (Folder::new(), Seen::default());
        let schedule = Schedule::new(hours(4).end_date("2026-01-01T08:00").unwrap()).catch_up(CatchUp::Skip);
        see(&folder.store(), "watch", &schedule, START);
        seen.serve(&folder.store(), &[&seen.flow("watch", NO_TIME, schedule)], from);
        assert_eq!(seen.take_of("run of ").len(), runs, "{from}");
    }
}

/// Time that is set back: what was decided is decided, and the rest of the schedule goes on.
#[test]
fn a_wall_that_was_set_back_runs_no_tick_twice() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let flow = || seen.flow("watch", NO_TIME, hours(1).end_date("2026-01-01T08:00").unwrap());
    see(&store, "watch", &hours(1).end_date("2026-01-01T08:00").unwrap().into(), START);
    // The wall was a few hours ahead: the latest tick is made up for, and served on from there.
    seen.serve(&store, &[&flow()], "2026-01-01T06:30:00Z");
    assert_eq!(seen.take_of("run of "), ["01. 06:00 at 01. 06:30", "01. 07:00", "01. 08:00"]);
    seen.serve(&store, &[&flow()], "2026-01-01T03:30:00Z");
    assert_eq!(seen.take_of("run of "), ["01. 03:00 at 01. 03:30", "01. 04:00", "01. 05:00"]);
    assert_eq!(runs(&store).len(), 6);
}

#[test]
fn moments_that_are_moved_are_found_again() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    // Saturday and Sunday are the 3rd and 4th.
    let dates = DatesClock::new(["2026-01-02T09:00Z", "2026-01-03T09:00Z", "2026-01-06T09:00Z"]).unwrap();
    let schedule = || Schedule::new(dates.clone()).adjustment(adjustments::next_weekday);
    see(&store, "watch", &schedule(), START);
    // On Sunday, the clock has told the moment of Monday already.
    seen.serve(&store, &[&seen.flow("watch", NO_TIME, schedule())], "2026-01-04T12:00:00Z");
    assert_eq!(seen.take_of("run of "), ["05. 09:00", "06. 09:00"]);
}

/// Far more has passed than can be looked at one by one.
#[test]
fn a_clock_that_ticks_without_end_is_stepped_over() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let tick = IntervalClock::new(Duration::from_micros(10)).unwrap().end_date("2026-01-01T04:00").unwrap();
    let schedule = Schedule::from(tick);
    see(&store, "watch", &schedule, START);
    seen.serve(&store, &[&seen.flow("watch", NO_TIME, schedule)], "2026-01-01T04:30:00Z");
    let lines = seen.take();
    let skipped = lines.iter().find(|line| line.contains("skipped")).unwrap();
    assert!(skipped.starts_with("`watch`: 99999 ticks and more skipped"), "{skipped}");
}

/// What was decided stays decided where its row is gone, also for a wall that was set back.
#[test]
fn old_ticks_that_were_removed_are_not_missed() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let flow = seen.flow("watch", NO_TIME, every_hour("2026-01-01T10:00"));
    seen.serve(&store, &[&flow], START);
    assert_eq!(runs(&store).len(), 10);
    let ended_before = prefect::store::Micros(at("2026-01-01T09:30:00Z").as_microsecond());
    let pruned = store.prune(&prefect::store::Prune { ended_before, keep: 0 }, |_| {}).unwrap();
    assert_eq!((pruned.runs, pruned.ticks), (9, 9));
    seen.take();
    seen.serve(&store, &[&flow], "2026-01-01T05:30:00Z");
    let lines = seen.take();
    assert!(!lines.iter().any(|line| line.starts_with("run of ") || line.contains("skipped")), "{lines:#?}");
    assert_eq!(runs(&store).len(), 1);
}
