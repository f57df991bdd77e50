//! Flows that run on their schedules, under virtual time.
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prefect::jiff::{SignedDuration, Timestamp};
use prefect::prelude::*;
use prefect::schedule::{CronClock, DatesClock, IntervalClock, Schedule, adjustments, filters};
use prefect::{
    Clock, Config, Executor, Flow, FlowBuilder, FlowOptions, RunSettings, TaskBody, TaskDefinition, Value,
    sleep_blocking,
};
use prefect_tests::logs::Logs;

use crate::at;

const START: &str = "2026-01-01T00:00:00Z";

/// What was seen of the runs, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn push(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// A flow of one task that tells for which moment it runs, and when, and takes so long.
    fn flow(&self, takes: Duration) -> Flow {
        let (seen, changes) = (self.clone(), self.clone());
        let options = FlowOptions::new("watch").state_handler(move |_: &Tracked, old: &State, new: State| {
            let start = old.start_time().map_or_else(String::new, |start| format!(" at {}", hour(start)));
            changes.push(format!("{}{start} -> {}", old.kind(), new.kind()));
            new
        });
        let mut flow = FlowBuilder::new(options);
        flow.task(
            TaskDefinition::new("look"),
            TaskBody::new([], move |_| {
                seen.push(format!("run of {}", hour(context().scheduled_start_time().unwrap())));
                sleep_blocking(takes);
                Ok(Value::new(()))
            }),
        );
        flow.build()
    }

    /// The moments of the runs.
    fn runs(&self) -> Vec<String> {
        self.take().iter().filter_map(|line| line.strip_prefix("run of ").map(ToOwned::to_owned)).collect()
    }
}

fn hour(moment: Timestamp) -> String {
    moment.strftime("%d. %H:%M").to_string()
}

fn settings() -> RunSettings {
    RunSettings::new().clock(Clock::virtual_from(at(START))).config(Config::default())
}

fn hours(n: u64) -> IntervalClock {
    IntervalClock::new(Duration::from_hours(n)).unwrap()
}

#[test]
fn a_run_for_each_moment_until_there_are_no_more() {
    for executor in [Executor::Local, Executor::threads(2)] {
        let seen = Seen::default();
        let schedule = DatesClock::new(["2026-01-01T06:00Z", "2026-01-03T00:00[Europe/Paris]"]).unwrap();
        let flow = seen.flow(Duration::ZERO).schedule(schedule).with(settings().executor(executor));
        let (run, logs) = Logs::of(|| flow.run());
        assert_eq!(run.state().message(), Some("All reference tasks succeeded."));
        assert_eq!(run.started(), at("2026-01-02T23:00:00Z"));
        let expected = [
            "Scheduled at 01. 06:00 -> Running",
            "run of 01. 06:00",
            "Running -> Success",
            "Scheduled at 02. 23:00 -> Running",
            "run of 02. 23:00",
            "Running -> Success",
        ];
        assert_eq!(seen.take(), expected);
        let lines = logs.lines();
        let waiting: Vec<_> = lines.iter().filter(|line| line.fields["message"].starts_with("Waiting")).collect();
        let texts: Vec<_> = waiting.iter().map(|line| &*line.fields["message"]).collect();
        let at = ["2026-01-01T06:00:00+00:00", "2026-01-03T00:00:00+01:00"];
        assert_eq!(texts, at.map(|at| format!("Waiting for next scheduled run at {at}")));
        let [first, _] = &*waiting else { unreachable!("two lines") };
        assert_eq!((first.level.as_str(), &*first.target, &*first.fields["flow"]), ("INFO", "prefect", "watch"));
    }
}

#[test]
fn a_daily_schedule_takes_no_time() {
    let seen = Seen::default();
    let mornings = CronClock::new("0 9 * * *").unwrap().time_zone("Europe/London").unwrap();
    let mornings = mornings.end_date("2026-12-31").unwrap();
    seen.flow(Duration::from_mins(1))
        .schedule(Schedule::new(mornings).filter(filters::is_weekday))
        .with(settings())
        .run();
    let runs = seen.runs();
    assert_eq!(runs.len(), 260);
    assert_eq!((&*runs[0], &*runs[259]), ("01. 09:00", "30. 09:00"));
}

#[test]
fn what_turns_a_schedule_off_and_on() {
    let off = || Config::builder().user_config("[flows]\nrun_on_schedule = false\n").build().unwrap();
    let seen = Seen::default();
    let schedule = hours(6).end_date("2026-01-01T12:00").unwrap();
    let flow = |settings| seen.flow(Duration::ZERO).schedule(schedule.clone()).with(settings);
    flow(settings()).run();
    assert_eq!(seen.runs(), ["01. 06:00", "01. 12:00"]);
    for settings in
        [settings().run_now(), settings().config(off()), settings().config(off()).run_on_schedule().run_now()]
    {
        let (run, logs) = Logs::of(|| flow(settings).run());
        assert!(run.state().kind().is_successful());
        assert_eq!(seen.runs(), ["01. 00:00"]);
        assert!(!logs.all().contains("Waiting for next scheduled run"));
    }
    flow(settings()).run_once();
    assert_eq!(seen.runs(), ["01. 00:00"]);
    flow(settings().config(off()).run_on_schedule()).run();
    assert_eq!(seen.runs(), ["01. 06:00", "01. 12:00"]);
}

#[test]
fn a_schedule_without_a_moment_to_come_is_a_failed_run() {
    let seen = Seen::default();
    for schedule in [Schedule::from(DatesClock::new([START]).unwrap()), Schedule::new(hours(1)).filter(|_| false)] {
        let (run, logs) = Logs::of(|| seen.flow(Duration::ZERO).schedule(schedule).with(settings()).run());
        assert_eq!(run.state().kind(), Failed);
        assert_eq!(run.state().message(), Some("Unexpected error: Flow has no more scheduled runs."));
        assert!(logs.all().contains("Flow has no more scheduled runs."));
        assert_eq!(seen.take(), Vec::<String>::new());
    }
}

#[test]
fn a_filter_that_panics_ends_the_series_with_a_failed_run() {
    let seen = Seen::default();
    for (filter, runs) in [
        (Schedule::new(hours(1)).filter(|_| panic!("no filter today")), 0),
        (
            Schedule::new(hours(1))
                .adjustment(|moment| if moment.hour() == 3 { panic!("no filter today") } else { moment }),
            2,
        ),
    ] {
        let run = seen.flow(Duration::ZERO).schedule(filter).with(settings()).run();
        assert_eq!(run.state().kind(), Failed);
        let message = run.state().message().unwrap();
        assert!(
            message.starts_with("Unexpected error: panicked at ") && message.ends_with("no filter today"),
            "{message}"
        );
        assert_eq!(seen.runs().len(), runs);
    }
}

#[test]
fn moments_that_pass_during_a_run_are_left_out() {
    let seen = Seen::default();
    let schedule = hours(1).end_date("2026-01-01T07:00").unwrap();
    let flow = seen.flow(Duration::from_mins(150)).schedule(schedule).with(settings());
    let (_, logs) = Logs::of(|| flow.run());
    assert_eq!(seen.runs(), ["01. 01:00", "01. 04:00", "01. 07:00"]);
    let skipped = "Skipping scheduled runs whose time has passed: 2";
    let warned = logs.lines().iter().filter(|line| line.fields["message"] == skipped).count();
    assert_eq!(warned, 2, "{}", logs.all());
    // A run that ends at the next moment is in time for it.
    seen.flow(Duration::from_hours(2)).schedule(hours(2).end_date("2026-01-01T06:00").unwrap()).with(settings()).run();
    assert_eq!(seen.runs(), ["01. 02:00", "01. 04:00", "01. 06:00"]);
    // Far more than can be looked at one by one.
    let tick = IntervalClock::new(Duration::from_nanos(1)).unwrap().start_date("2026-01-01T01:00Z").unwrap();
    let tick = tick.end_date("2026-01-01T02:00:00.000000001Z").unwrap();
    let flow = seen.flow(Duration::from_hours(1)).schedule(tick).with(settings());
    let (_, logs) = Logs::of(|| flow.run());
    assert_eq!(seen.runs(), ["01. 01:00", "01. 02:00"]);
    assert!(logs.all().contains("Skipping scheduled runs whose time has passed: 1000 and more"), "{}", logs.all());
}

/// The first moments to come are moved into the past: they are not run, and the schedule goes on.
#[test]
fn what_is_moved_into_the_past_is_left_out() {
    let seen = Seen::default();
    let minutes = IntervalClock::new("1m").unwrap().end_date("2026-01-03T00:01").unwrap();
    let schedule = Schedule::new(minutes).adjustment(adjustments::add(SignedDuration::from_hours(-48)));
    seen.flow(Duration::ZERO).schedule(schedule).with(settings()).run();
    assert_eq!(seen.runs(), ["01. 00:00", "01. 00:01"]);
}

#[test]
fn one_moment_with_different_defaults_has_a_run_for_each() {
    let seen = Seen::default();
    let clock = |clock: IntervalClock| clock.end_date("2026-01-01T06:00").unwrap();
    let schedule = Schedule::new(clock(hours(6)).parameter_default("p", 1))
        .clock(clock(hours(3)).label("three"))
        .clock(clock(hours(6)).parameter_default("p", 1));
    // An hour each: the second run of a moment is late, and made all the same.
    seen.flow(Duration::from_hours(1)).schedule(schedule).with(settings()).run();
    assert_eq!(seen.runs(), ["01. 03:00", "01. 06:00", "01. 06:00"]);
    // Moments that were moved to the same one.
    let noon = |moment: prefect::jiff::ZonedDateTime| moment.with().hour(12).build().unwrap();
    let schedule = Schedule::new(clock(hours(2))).adjustment(noon);
    seen.flow(Duration::ZERO).schedule(schedule).with(settings()).run();
    assert_eq!(seen.runs(), ["01. 12:00"]);
}

#[tokio::test]
async fn the_async_form_follows_the_schedule_too() {
    let seen = Seen::default();
    let flow =
        seen.flow(Duration::ZERO).schedule(DatesClock::new(["2026-01-02", "2026-01-03"]).unwrap()).with(settings());
    let run = flow.run_async().await;
    assert_eq!(run.started(), at("2026-01-03T00:00:00Z"));
    assert_eq!(seen.runs(), ["02. 00:00", "03. 00:00"]);
}

/// A flow whose task tells that it began, and waits until it may end.
fn held_up() -> (Flow, Receiver<Timestamp>, std::sync::mpsc::Sender<()>) {
    let (tell, began) = channel();
    let (let_end, may_end) = channel();
    let may_end = Mutex::new(may_end);
    let mut flow = FlowBuilder::new(FlowOptions::new("held up"));
    flow.task(
        TaskDefinition::new("wait"),
        TaskBody::new([], move |_| {
            tell.send(context().scheduled_start_time().unwrap()).unwrap();
            may_end.lock().unwrap().recv().unwrap();
            Ok(Value::new(()))
        }),
    );
    (flow.build().schedule(hours(1)).with(settings()), began, let_end)
}

#[tokio::test]
async fn nobody_waits_any_more_and_no_further_run_begins() {
    let (flow, began, let_end) = held_up();
    let_end.send(()).unwrap();
    let running = tokio::spawn(async move { drop(flow.run_async().await) });
    let second = tokio::task::spawn_blocking(move || {
        assert_eq!(began.recv(), Ok(at("2026-01-01T01:00:00Z")));
        (began.recv(), began)
    });
    let (second, began) = second.await.unwrap();
    assert_eq!(second, Ok(at("2026-01-01T02:00:00Z")));
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    // The run that has begun goes on to its end; with the flow the sender goes.
    let_end.send(()).unwrap();
    assert!(tokio::task::spawn_blocking(move || began.recv()).await.unwrap().is_err());
}

/// On the machine's clock no run begins before its moment.
#[tokio::test]
async fn a_moment_of_the_machine_is_waited_for() {
    let (flow, began, let_end) = held_up();
    let flow = flow.schedule(IntervalClock::new("20ms").unwrap()).with(RunSettings::new().config(Config::default()));
    let running = tokio::spawn(async move { drop(flow.run_async().await) });
    let begun = tokio::task::spawn_blocking(move || (began.recv().unwrap(), Timestamp::now()));
    let (moment, seen) = begun.await.unwrap();
    assert!(moment <= seen, "{moment} was not waited for: {seen}");
    assert_eq!(moment.as_nanosecond() % 20_000_000, 0);
    running.abort();
    let_end.send(()).unwrap();
}
