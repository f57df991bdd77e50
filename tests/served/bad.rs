//! Schedules that cannot be followed, and flows that cannot be served.
use prefect::scheduler::SchedulerError;
use prefect::store::{Fault, Faults, StateCode};
use prefect::{Canceller, built_in};

use super::*;

fn good(seen: &Seen) -> Flow {
    seen.flow("good", SignedDuration::ZERO, hours(1).end_date("2026-01-01T05:00").unwrap())
}

#[test]
fn a_bad_schedule_holds_up_no_other() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let now = Schedule::new(hours(1)).filter(|_| panic!("no filter today"));
    let later = Schedule::new(hours(1)).filter(|moment| moment.hour() < 5 || panic!("not after five"));
    let (now, later) = (seen.flow("now", SignedDuration::ZERO, now), seen.flow("later", SignedDuration::ZERO, later));
    let mut wrong = FlowBuilder::new(FlowOptions::new("wrong"));
    let (definition, body) = built_in::parameter::<i64>("n");
    wrong.task(definition, body);
    let wrong = wrong.build().schedule(hours(1).parameter_default("n", "many"));
    let served = seen.serve(&store, &[&now, &good(&seen), &wrong, &later], START);
    let mut broken = served.broken;
    broken.sort();
    assert_eq!(broken, ["later", "now", "wrong"]);
    let lines = seen.take();
    let told = |flow: &str| {
        let start = format!("`{flow}`: not served any more: ");
        let told: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix(start.as_str())).collect();
        assert_eq!(told.len(), 1, "{flow}: {lines:#?}");
        told[0].to_owned()
    };
    assert!(told("now").ends_with("no filter today"));
    assert!(told("later").ends_with("not after five"));
    assert!(told("wrong").contains("`n`"), "{}", told("wrong"));
    let by_flow = counts(runs(&store).into_iter().map(|run| run.flow));
    assert_eq!(by_flow, [("good".to_owned(), 5), ("later".to_owned(), 4)].into());
}

/// More moments in a row that no filter lets pass than are looked at at once: a night of five-second ticks.
#[test]
fn a_schedule_that_sleeps_for_long_goes_on() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let often = || IntervalClock::new("5s").unwrap().end_date("2026-01-02T09:00:06").unwrap();
    let by_day = Schedule::new(often()).filter(|moment| moment.hour() >= 9 && moment.hour() < 17);
    // Adjusted ones are looked for from eight days before.
    let moved =
        Schedule::new(often()).filter(|moment| moment.hour() == 9 && moment.minute() == 0 && moment.second() < 6);
    let moved = moved.adjustment(|moment| moment.checked_add(SignedDuration::from_secs(1)).unwrap());
    let flows = [seen.flow("by day", SignedDuration::ZERO, by_day), seen.flow("moved", SignedDuration::ZERO, moved)];
    let served = seen.serve(&store, &flows.each_ref(), "2026-01-01T16:59:48Z");
    assert_eq!(served.broken, [""; 0]);
    let by_flow = counts(runs(&store).into_iter().map(|run| run.flow));
    // Two in the evening, and two in the morning after.
    assert_eq!(by_flow, [("by day".to_owned(), 4), ("moved".to_owned(), 2)].into());
}

#[test]
fn what_cannot_be_served_is_refused() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let serve = |flows: &[&Flow]| seen.scheduler(&store, flows, &Clock::virtual_from(at(START))).serve().unwrap_err();
    assert_eq!(serve(&[]), SchedulerError::NoFlow);
    let plain = flow_of("pl\u{1b}ain", || {});
    let error = serve(&[&good(&seen), &plain]);
    assert_eq!(error.to_string(), "the flow `pl\\u{1b}ain` has no schedule: give it one by `flow.schedule(..)`");
    let error = serve(&[&good(&seen), &good(&seen)]);
    assert_eq!(error.to_string(), "two flows are named `good`: give each a name of its own");
    assert!(runs(&store).is_empty() && store.schedules().unwrap().is_empty());
}

#[test]
fn a_listener_that_panics_holds_up_nothing() {
    let (folder, seen) = (Folder::new(), Seen::default());
    let store = folder.store();
    let clock = Clock::virtual_from(at(START));
    let scheduler = Scheduler::new(store.clone()).clock(clock).flow(&good(&seen)).canceller(Canceller::new());
    scheduler.on_event(|_| panic!("I do not listen")).serve().unwrap();
    assert_eq!(runs(&store).len(), 5);
}

/// The store fails once, wherever: it is told, tried again, and no tick is lost or run twice.
#[test]
fn a_store_that_fails_once_costs_no_tick() {
    let (mut refused, mut troubled) = (0, 0);
    for nth in (1..).step_by(3) {
        let (folder, seen) = (Folder::new(), Seen::default());
        let faults = Faults::default();
        let mut options = Options::default();
        options.faults = faults.clone();
        let store = Store::open(&StoreUrl::sqlite(folder.path()), options).unwrap();
        faults.fail(nth, 1, Fault::Io);
        let clock = Clock::virtual_from(at(START));
        let flow = seen.flow("watch", SignedDuration::ZERO, hours(1).end_date("2026-01-01T03:00").unwrap());
        if seen.scheduler(&store, &[&flow], &clock).serve().is_err() {
            refused += 1;
            seen.serve(&store, &[&flow], START);
        }
        let lines = seen.take();
        troubled += lines.iter().filter(|line| line.contains("held up, and tried again: ")).count();
        let ran: Vec<_> = lines.iter().filter(|line| line.starts_with("run of ")).collect();
        assert_eq!(ran, ["run of 01. 01:00", "run of 01. 02:00", "run of 01. 03:00"], "call {nth}: {lines:#?}");
        let states: Vec<_> = runs(&store).iter().map(|run| run.state).collect();
        assert_eq!(states, [StateCode::SUCCESS; 3], "call {nth}");
        if faults.calls() < nth {
            assert!(nth > 30, "{nth} calls");
            break;
        }
    }
    assert!(refused > 0 && troubled > 5, "{refused} refused, {troubled} troubled");
}
