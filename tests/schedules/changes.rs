//! Changes of the clocks, case by case.
use prefect::schedule::{CronClock, IntervalClock};

use crate::{at, shown};

#[track_caller]
fn cron(text: &str, zone: &str, after: &str, expected: &[&str]) {
    let clock = CronClock::new(text).unwrap().time_zone(zone).unwrap();
    assert_eq!(shown(&clock.next(expected.len(), at(after))), expected, "{text}");
}

#[track_caller]
fn interval(every: &str, start: &str, after: &str, expected: &[&str]) {
    let clock = IntervalClock::new(every).unwrap().start_date(start).unwrap();
    assert_eq!(shown(&clock.next(expected.len(), at(after))), expected, "{every}");
}

#[test]
fn a_cron_time_that_is_left_out_runs_once_at_the_shifted_time() {
    let new_york = "America/New_York";
    let expected = ["2021-03-13T02:30:00-05:00", "2021-03-14T03:30:00-04:00", "2021-03-15T02:30:00-04:00"];
    cron("30 2 * * *", new_york, "2021-03-13T00:00:00Z", &expected);
    // The moment of the change, the nanosecond before it, and the moment itself.
    for after in ["2021-03-14T06:59:59.999999999Z", "2021-03-14T07:00:00Z", "2021-03-14T07:29:59.999999999Z"] {
        cron("30 2 * * *", new_york, after, &expected[1..]);
    }
    cron("30 2 * * *", new_york, "2021-03-14T07:30:00Z", &expected[2..]);
    cron("0 2 * * *", new_york, "2021-03-14T06:59:59.999999999Z", &["2021-03-14T03:00:00-04:00"]);
    // The shifted time is one of its own too: once.
    let merged = ["2021-03-14T03:00:00-04:00", "2021-03-14T03:30:00-04:00", "2021-03-15T02:00:00-04:00"];
    cron("0,30 2,3 * * *", new_york, "2021-03-14T06:00:00Z", &merged);
    // What is left out comes between what is there, in order.
    let between = ["2021-03-14T03:00:00-04:00", "2021-03-14T03:45:00-04:00", "2021-03-14T04:00:00-04:00"];
    cron("0,45 2,4 14 * *", new_york, "2021-03-14T06:00:00Z", &between);
    // Half an hour.
    let lord_howe = ["2021-10-03T02:45:00+11:00", "2021-10-04T02:15:00+11:00"];
    cron("15 2 * * *", "Australia/Lord_Howe", "2021-10-02T12:00:00Z", &lord_howe);
    // A time that is there comes before one that is left out and late.
    let lord_howe = ["2021-10-03T02:40:00+11:00", "2021-10-03T02:45:00+11:00", "2021-10-04T02:15:00+11:00"];
    cron("15,40 2 * * *", "Australia/Lord_Howe", "2021-10-02T20:00:00+11:00", &lord_howe);
    // Midnight.
    let santiago = ["2021-09-05T01:00:00-03:00", "2021-09-06T00:00:00-03:00"];
    cron("0 0 * * *", "America/Santiago", "2021-09-04T12:00:00Z", &santiago);
}

#[test]
fn a_cron_time_that_is_there_twice_runs_once() {
    let new_york = ["2021-11-07T01:30:00-04:00", "2021-11-08T01:30:00-05:00"];
    cron("30 1 * * *", "America/New_York", "2021-11-07T00:00:00Z", &new_york);
    // Between the two, and after the second.
    for after in ["2021-11-07T05:30:00Z", "2021-11-07T05:59:00Z", "2021-11-07T06:00:00Z", "2021-11-07T06:45:00Z"] {
        cron("30 1 * * *", "America/New_York", after, &new_york[1..]);
    }
    let hourly = ["2021-11-07T00:00:00-04:00", "2021-11-07T01:00:00-04:00", "2021-11-07T02:00:00-05:00"];
    cron("0 * * * *", "America/New_York", "2021-11-07T03:30:00Z", &hourly);
    let lord_howe = ["2021-04-04T01:45:00+11:00", "2021-04-05T01:45:00+10:30"];
    cron("45 1 * * *", "Australia/Lord_Howe", "2021-04-03T12:00:00Z", &lord_howe);
    let santiago = ["2021-04-03T23:30:00-03:00", "2021-04-04T23:30:00-04:00"];
    cron("30 23 * * *", "America/Santiago", "2021-04-03T12:00:00Z", &santiago);
}

#[test]
fn a_day_that_is_left_out() {
    let apia = ["2011-12-29T09:00:00-10:00", "2011-12-31T09:00:00+14:00", "2012-01-01T09:00:00+14:00"];
    cron("0 9 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", &apia);
    interval("1d", "2011-12-01T09:00[Pacific/Apia]", "2011-12-29T12:00:00Z", &apia);
    cron(
        "0 9 30 12 *",
        "Pacific/Apia",
        "2011-01-01T00:00:00Z",
        &["2011-12-31T09:00:00+14:00", "2012-12-30T09:00:00+14:00"],
    );
}

#[test]
fn intervals_of_days_keep_the_local_time() {
    let start = "2021-03-01T02:30[America/New_York]";
    let days = ["2021-03-13T02:30:00-05:00", "2021-03-14T03:30:00-04:00", "2021-03-15T02:30:00-04:00"];
    interval("1d", start, "2021-03-12T12:00:00Z", &days);
    interval("7d", start, "2021-03-09T00:00:00Z", &["2021-03-15T02:30:00-04:00", "2021-03-22T02:30:00-04:00"]);
    // Time that passes.
    interval("36h", start, "2021-03-12T12:00:00Z", &["2021-03-13T02:30:00-05:00", "2021-03-14T15:30:00-04:00"]);
    let hours = ["2021-11-07T01:00:00-04:00", "2021-11-07T01:00:00-05:00", "2021-11-07T02:00:00-05:00"];
    interval("1h", "2021-01-01T00:00[America/New_York]", "2021-11-07T04:30:00Z", &hours);
    interval("90s", "2021-01-01", "2021-01-01T00:01:00Z", &["2021-01-01T00:01:30+00:00", "2021-01-01T00:03:00+00:00"]);
    // The default start date, moved to a time zone: midnight there.
    let clock = IntervalClock::new("1d").unwrap().time_zone("Asia/Tokyo").unwrap();
    assert_eq!(shown(&clock.next(1, at("2021-01-01T00:00:00Z"))), ["2021-01-02T00:00:00+09:00"]);
}

#[test]
fn texts_of_all_kinds() {
    let after = "2021-01-01T12:00:00Z";
    for (text, expected) in [
        ("@yearly", "2022-01-01T00:00:00+00:00"),
        ("@annually", "2022-01-01T00:00:00+00:00"),
        ("@Monthly", "2021-02-01T00:00:00+00:00"),
        ("@weekly", "2021-01-03T00:00:00+00:00"),
        ("@daily", "2021-01-02T00:00:00+00:00"),
        ("@midnight", "2021-01-02T00:00:00+00:00"),
        (" @hourly ", "2021-01-01T13:00:00+00:00"),
        ("0 0 * * 0", "2021-01-03T00:00:00+00:00"),
        ("0 0 * * 7", "2021-01-03T00:00:00+00:00"),
        ("0 0 * * SUN", "2021-01-03T00:00:00+00:00"),
        ("0 0 * * 7-7", "2021-01-03T00:00:00+00:00"),
        ("0 0 * * sat-sun", "2021-01-02T00:00:00+00:00"),
        ("0 0 ? Feb ?", "2021-02-01T00:00:00+00:00"),
        ("\t0\t0  29   2 *\n", "2024-02-29T00:00:00+00:00"),
        ("5/20 * * * *", "2021-01-01T12:05:00+00:00"),
        ("7-59/20 13 * * *", "2021-01-01T13:07:00+00:00"),
        ("*/45 * * * *", "2021-01-01T12:45:00+00:00"),
        ("3 3 3 3 *", "2021-03-03T03:03:00+00:00"),
        // Days that both say something: either; but a `*` says nothing, whatever its step.
        ("0 0 13 * 1", "2021-01-04T00:00:00+00:00"),
        ("0 0 */2 * 6", "2021-01-09T00:00:00+00:00"),
        ("0 0 30 2 1", "2021-02-01T00:00:00+00:00"),
    ] {
        cron(text, "UTC", after, &[expected]);
    }
    let weekend = ["2021-01-02T00:00:00+00:00", "2021-01-03T00:00:00+00:00", "2021-01-09T00:00:00+00:00"];
    cron("0 0 * * sat-sun", "UTC", after, &weekend);
    // A leap year of the century is none.
    cron("0 0 29 2 *", "UTC", "2097-01-01T00:00:00Z", &["2104-02-29T00:00:00+00:00"]);
    let never = CronClock::new("0 0 30 2 1").unwrap().day_and();
    assert_eq!(never.next(1, at(after)), []);
}

#[test]
fn start_and_end() {
    let clock = CronClock::new("0 9 * * *").unwrap();
    let clock = clock.start_date("2021-01-03T09:00[Europe/Paris]").unwrap().end_date("2021-01-04T08:00Z").unwrap();
    let both = ["2021-01-03T09:00:00+01:00", "2021-01-04T09:00:00+01:00"];
    assert_eq!(shown(&clock.next(5, at("2020-01-01T00:00:00Z"))), both);
    assert_eq!(shown(&clock.next(5, at("2021-01-03T08:00:00Z"))), both[1..]);
    let clock =
        IntervalClock::new("1h").unwrap().start_date("2021-01-01").unwrap().end_date("2021-01-01T01:00").unwrap();
    assert_eq!(clock.next(5, at("2020-01-01T00:00:00Z")).len(), 2);
}
