//! Clocks of recurrence rules, against what python-dateutil 2.9.0 gives, the library that Prefect 1 uses: 400 random
//! rules in `tests/reference/rrules.json`.
use std::fmt::Write as _;

use prefect::jiff::civil::DateTime;
use prefect::jiff::tz::TimeZone;
use prefect::schedule::{RRuleClock, ScheduleErrorKind};
use serde::Deserialize;

use crate::random::{Random, seed};
use crate::{at, shown};

#[derive(Deserialize)]
struct Recorded {
    rule: String,
    start: DateTimeText,
    after: DateTimeText,
    next: Vec<DateTimeText>,
}

/// A time without a zone.
#[derive(Deserialize, PartialEq, Debug)]
struct DateTimeText(String);

impl DateTimeText {
    fn read(&self) -> DateTime {
        self.0.parse().unwrap()
    }
}

#[test]
fn random_rules_give_what_is_recorded() {
    let recorded: Vec<Recorded> = serde_json::from_str(include_str!("../reference/rrules.json")).unwrap();
    assert_eq!(recorded.len(), 400);
    for Recorded { rule, start, after, next } in recorded {
        let clock = RRuleClock::new(&rule).unwrap().start_date(start.0.as_str()).unwrap();
        let found = clock.next(5, after.read().to_zoned_datetime(TimeZone::UTC).unwrap());
        let found: Vec<_> = found.iter().map(|moment| DateTimeText(moment.strftime("%FT%T").to_string())).collect();
        assert_eq!(found, next, "{rule} from {} after {}", start.0, after.0);
    }
}

#[track_caller]
fn rule(text: &str, start: &str, after: &str, expected: &[&str]) {
    let clock = RRuleClock::new(text).unwrap().start_date(start).unwrap();
    assert_eq!(shown(&clock.next(expected.len() + 1, at(after))[..expected.len()]), expected, "{text}");
}

#[test]
fn changes_of_the_clocks() {
    let days = ["2021-03-13T02:30:00-05:00", "2021-03-14T03:30:00-04:00", "2021-03-15T02:30:00-04:00"];
    rule("FREQ=DAILY", "2021-03-01T02:30[America/New_York]", "2021-03-12T12:00:00Z", &days);
    let twice = ["2021-11-07T01:30:00-04:00", "2021-11-08T01:30:00-05:00"];
    rule("FREQ=DAILY", "2021-03-01T01:30[America/New_York]", "2021-11-06T12:00:00Z", &twice);
    let apia = ["2011-12-29T09:00:00-10:00", "2011-12-31T09:00:00+14:00", "2012-01-01T09:00:00+14:00"];
    rule("FREQ=DAILY", "2011-12-01T09:00[Pacific/Apia]", "2011-12-29T12:00:00Z", &apia);
}

#[test]
fn ends() {
    let until = |text| RRuleClock::new(text).unwrap().time_zone("America/New_York").unwrap();
    let after = at("2019-01-01T00:00:00Z");
    assert_eq!(until("FREQ=DAILY;UNTIL=20190103T000000").next(9, after).len(), 3);
    assert_eq!(until("FREQ=DAILY;UNTIL=20190103T050000Z").next(9, after).len(), 3);
    assert_eq!(until("FREQ=DAILY;UNTIL=20190103T045959Z").next(9, after).len(), 2);
    assert_eq!(until("RRULE:FREQ=DAILY;UNTIL=20190103").next(9, after).len(), 3);
    assert_eq!(until("FREQ=DAILY;COUNT=4").next(9, after).len(), 4);
    assert_eq!(until("FREQ=DAILY;COUNT=4").end_date("2019-01-02T05:00Z").unwrap().next(9, after).len(), 2);
    // Two times of the same round at one place count once.
    assert_eq!(until("FREQ=DAILY;BYHOUR=9;BYSETPOS=1,-1;COUNT=2").next(9, after).len(), 2);
    for never in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=9",
    ] {
        assert_eq!(until(never).next(1, after), [], "{never}");
    }
}

#[test]
fn errors_name_the_part() {
    for (text, what) in [
        ("", "`` is no part of a rule such as `FREQ=DAILY;BYHOUR=9`"),
        ("DAILY", "`DAILY` is no part of a rule such as `FREQ=DAILY;BYHOUR=9`"),
        ("BYHOUR=9", "FREQ is missing"),
        ("FREQ=daily", "FREQ: `daily` is none of SECONDLY, MINUTELY, HOURLY, DAILY, WEEKLY, MONTHLY and YEARLY"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ is there twice"),
        ("FREQ=DAILY;BYEASTER=1", "there is no part `BYEASTER` in a rule"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL: `0` is not from 1 to 2147483647"),
        ("FREQ=DAILY;COUNT=x", "COUNT: `x` is no number"),
        ("FREQ=DAILY;COUNT=2000000", "COUNT: `2000000` is more than 1000000: leave COUNT out"),
        ("FREQ=DAILY;COUNT=1;UNTIL=20260101", "UNTIL: a rule has COUNT or UNTIL, not both"),
        ("FREQ=DAILY;UNTIL=20260230", "UNTIL: `20260230` is no time such as `20261231T090000` or `20261231T080000Z`"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR: `24` is not from 0 to 23"),
        ("FREQ=DAILY;BYMONTHDAY=0", "BYMONTHDAY: `0` is not from 1 to 31 or from -31 to -1"),
        ("FREQ=DAILY;BYMONTH=-1", "BYMONTH: `-1` is not from 1 to 12"),
        ("FREQ=MONTHLY;BYDAY=1XX", "BYDAY: `XX` is none of MO, TU, WE, TH, FR, SA and SU"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY: `0` is not from 1 to 53 or from -53 to -1"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY: numbers go with FREQ=MONTHLY and FREQ=YEARLY alone"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO: it goes with FREQ=YEARLY alone"),
        ("FREQ=HOURLY;BYSETPOS=1", "BYSETPOS: it goes with FREQ=DAILY and what is longer"),
    ] {
        let error = RRuleClock::new(text).unwrap_err();
        assert_eq!(error.to_string(), format!("invalid recurrence rule: {text}: {what}"));
        assert_eq!(error.kind(), ScheduleErrorKind::RRule);
    }
}

/// None panics or goes on for ever, and moments come later and later.
#[test]
fn hostile_texts() {
    const NAMES: [&str; 14] = [
        "FREQ",
        "INTERVAL",
        "COUNT",
        "UNTIL",
        "WKST",
        "BYSETPOS",
        "BYMONTH",
        "BYWEEKNO",
        "BYYEARDAY",
        "BYMONTHDAY",
        "BYDAY",
        "BYHOUR",
        "BYMINUTE",
        "BYSECOND",
    ];
    const VALUES: [&str; 16] = [
        "1",
        "2",
        "-1",
        "59",
        "7,5",
        "MO",
        "-1FR",
        "2147483647",
        "20260101",
        "99991231T235959Z",
        "",
        ",",
        "=",
        "\0",
        "٣",
        "-",
    ];
    const FREQUENCIES: [&str; 7] = ["SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"];
    let seed = seed();
    println!("seed {seed}");
    let mut random = Random(seed);
    let mut read = 0;
    let mut text = "FREQ=SECONDLY;INTERVAL=2;BYSECOND=1".to_owned();
    for _ in 0..3_000 {
        if let Ok(clock) = RRuleClock::new(&text) {
            read += 1;
            let start = *random.of(&["2011-12-01[Pacific/Apia]", "2024-02-29T23:59:59.5[UTC]", "9999-12-01[UTC]"]);
            let mut after = at("2011-12-29T00:00:00Z");
            for moment in clock.start_date(start).unwrap().next(3, after) {
                assert!(moment.timestamp() > after, "{text:?} from {start}");
                after = moment.timestamp();
            }
        }
        text = format!("FREQ={}", random.of(&FREQUENCIES));
        for _ in 0..random.below(4) {
            write!(text, ";{}={}", random.of(&NAMES), random.of(&VALUES)).unwrap();
        }
    }
    assert!(read > 100, "{read} texts were read");
}
