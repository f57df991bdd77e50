//! Schedules that are paused, and go on.
use std::sync::atomic::{AtomicUsize, Ordering};

use prefect::schedule::CatchUp;
use prefect::store::{Micros, PauseChange};

use super::*;

/// An hourly schedule that its own run of 02:00 pauses; that of another flow at 04:30 resumes it.
fn paused_from_two_to_half_past_four(catch_up: CatchUp) -> (Vec<String>, Vec<String>) {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let clock = seen.clone();
    let micros = move || Micros(clock.now().as_microsecond());
    let schedule = Schedule::new(hours(1).end_date("2026-01-01T06:00").unwrap()).catch_up(catch_up);
    let (body, pauses, now) = (seen.clone(), store.clone(), micros.clone());
    let watch = flow_of("watch", move || {
        let (tick, shown) = (hour(context().scheduled_start_time().unwrap()), hour(body.now()));
        body.push(format!("run of {tick} at {shown}"));
        if tick == "01. 02:00" {
            assert_eq!(pauses.pause_schedule("watch", now(), "a test").unwrap(), PauseChange::Done);
            let again = pauses.pause_schedule("watch", now(), "nobody").unwrap();
            assert_eq!(again, PauseChange::Already(Some((now(), "a test".to_owned()))));
        }
    });
    let resumes = store.clone();
    let other = flow_of("other", move || {
        assert_eq!(resumes.resume_schedule("watch", micros()).unwrap(), PauseChange::Done);
        assert_eq!(resumes.resume_schedule("watch", micros()).unwrap(), PauseChange::Already(None));
    });
    let once = prefect::schedule::DatesClock::new(["2026-01-01T04:30Z"]).unwrap();
    seen.serve(&store, &[&watch.schedule(schedule), &other.schedule(once)], START);
    let lines = seen.take();
    let ran = lines.iter().filter_map(|line| line.strip_prefix("run of ").map(ToOwned::to_owned)).collect();
    let told = lines
        .iter()
        .filter_map(|line| line.strip_prefix("`watch`: "))
        .filter(|line| line.contains("paused") || *line == "resumed");
    (ran, told.map(ToOwned::to_owned).collect())
}

#[test]
fn what_passes_meanwhile_has_no_run() {
    for policy in [CatchUp::Skip, CatchUp::Latest] {
        let (ran, told) = paused_from_two_to_half_past_four(policy);
        let expected = [1, 2, 5, 6].map(|h| format!("01. 0{h}:00 at 01. 0{h}:00"));
        assert_eq!(ran, expected, "{policy}");
        assert_eq!(told, ["paused by a test", "resumed"]);
    }
}

#[test]
fn all_of_it_is_made_up_for_if_that_is_the_policy() {
    let (ran, _) = paused_from_two_to_half_past_four(CatchUp::All);
    let mut expected = [1, 2].map(|h| format!("01. 0{h}:00 at 01. 0{h}:00")).to_vec();
    // It is looked again at the next tick; on the machine's clock, each second.
    expected.extend([3, 4, 5].map(|h| format!("01. 0{h}:00 at 01. 05:00")));
    expected.push("01. 06:00 at 01. 06:00".to_owned());
    assert_eq!(ran, expected);
}

/// Each minute for an hour and a half somebody looks whether the pause is over, and what has become too old meanwhile.
#[test]
fn what_grows_too_old_during_a_pause_is_told_as_one_sum_and_no_moment_is_asked_for_twice() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let asked = Arc::new(AtomicUsize::new(0));
    let asks = Arc::clone(&asked);
    let minutes = IntervalClock::new("1m").unwrap().end_date("2026-01-01T01:32").unwrap();
    let schedule = Schedule::new(minutes).catch_up(CatchUp::All).catch_up_window("10m").adjustment(move |moment| {
        asks.fetch_add(1, Ordering::Relaxed);
        moment
    });
    let micros = |seen: &Seen| Micros(seen.now().as_microsecond());
    let (body, pauses) = (seen.clone(), store.clone());
    let watch = flow_of("watch", move || {
        let tick = hour(context().scheduled_start_time().unwrap());
        if tick == "01. 00:02" {
            assert_eq!(pauses.pause_schedule("watch", micros(&body), "a test").unwrap(), PauseChange::Done);
        }
        body.push(format!("run of {tick}"));
    });
    let (clock, resumes) = (seen.clone(), store.clone());
    let other = flow_of("other", move || {
        assert_eq!(resumes.resume_schedule("watch", micros(&clock)).unwrap(), PauseChange::Done);
    });
    let once = prefect::schedule::DatesClock::new(["2026-01-01T01:30:30Z"]).unwrap();
    seen.serve(&store, &[&watch.schedule(schedule), &other.schedule(once)], START);
    let lines = seen.take();
    let told: Vec<_> = lines.iter().filter(|line| line.contains("skipped")).collect();
    assert_eq!(told, ["`watch`: 78 ticks skipped up to 2026-01-01T01:20:00+00:00: the time had passed"]);
    let ran: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("run of ")).collect();
    let expected: Vec<_> = [1, 2].into_iter().map(|m| format!("01. 00:{m:02}")).collect();
    let expected: Vec<_> = expected.into_iter().chain((21..=32).map(|m| format!("01. 01:{m}"))).collect();
    assert_eq!(ran, expected);
    // Moments of eight days, in case some of them are moved that far.
    let days = 8 * 24 * 60;
    assert!(asked.load(Ordering::Relaxed) < 3 * days, "{asked:?} moments were asked for");
}

/// Paused and resumed while nobody served.
#[test]
fn a_pause_is_no_time_that_was_missed() {
    for (policy, runs) in [(CatchUp::Latest, vec!["01. 06:00"]), (CatchUp::All, vec!["01. 01:00", "01. 02:00"])] {
        let (folder, seen) = (Folder::new(), Seen::default());
        let store = folder.store();
        let schedule = || Schedule::new(hours(1).end_date("2026-01-01T06:00").unwrap()).catch_up(policy);
        let stop = prefect::Canceller::new();
        stop.cancel();
        let flow = seen.flow("watch", SignedDuration::ZERO, schedule());
        let clock = Clock::virtual_from(at(START));
        Scheduler::new(store.clone()).clock(clock).flow(&flow).canceller(stop).serve().unwrap();
        let micros = |moment: &str| Micros(at(moment).as_microsecond());
        store.pause_schedule("watch", micros("2026-01-01T00:30:00Z"), "a test").unwrap();
        store.resume_schedule("watch", micros("2026-01-01T05:10:00Z")).unwrap();
        seen.serve(&store, &[&flow], "2026-01-01T05:30:00Z");
        let ran = seen.take_of("run of ");
        assert!(ran.iter().zip(&runs).all(|(ran, run)| ran.starts_with(run)), "{policy}: {ran:?}");
        assert_eq!(ran.len(), if policy == CatchUp::All { 6 } else { 1 });
    }
}

#[test]
fn a_schedule_that_nobody_knows_cannot_be_paused() {
    let folder = Folder::new();
    let store = folder.store();
    assert_eq!(store.pause_schedule("nothing", Micros(1), "a test").unwrap(), PauseChange::Unknown);
    assert_eq!(store.resume_schedule("nothing", Micros(1)).unwrap(), PauseChange::Unknown);
    assert_eq!(store.schedules().unwrap(), []);
}
