//! Mistakes: each says what is wrong and where, and nothing panics.
use prefect::jiff::Timestamp;
use prefect::schedule::{CronClock, DatesClock, IntervalClock, IntoMoment, ScheduleErrorKind};

use crate::at;
use crate::random::{Random, seed};

#[track_caller]
fn cron(text: &str, what: &str) {
    let error = CronClock::new(text).unwrap_err();
    assert_eq!(error.to_string(), format!("Invalid cron string: {text}: {what}"));
    assert_eq!(error.kind(), ScheduleErrorKind::Cron);
}

#[test]
fn cron_errors_name_the_field() {
    let five = "not the five minute, hour, day of month, month, day of week";
    cron("", &format!("it has 0 fields, {five}"));
    cron("nope", &format!("it has 1 field, {five}"));
    cron("* * * *", &format!("it has 4 fields, {five}"));
    cron("0 0 0 * * *", &format!("it has 6 fields, {five}; there are no seconds and no years"));
    cron("* * * * * * *", &format!("it has 7 fields, {five}"));
    cron("60 * * * *", "minute: `60` is not from 0 to 59");
    cron("-1 * * * *", "minute: a value is missing");
    cron("* 24 * * *", "hour: `24` is not from 0 to 23");
    cron("* * 0 * *", "day of month: `0` is not from 1 to 31");
    cron("* * 32 * *", "day of month: `32` is not from 1 to 31");
    cron("* * * 13 *", "month: `13` is not from 1 to 12");
    cron("* * * juno *", "month: `juno` is no number and no name from `jan` to `dec`");
    cron("* * * * 8", "day of week: `8` is not from 0 to 7");
    cron("* * * * jan", "day of week: `jan` is no number and no name from `sun` to `sat`");
    cron("* * L * *", "day of month: `L` is no number");
    cron("? * * * *", "minute: `?` is no number");
    cron("1,,2 * * * *", "minute: a value is missing");
    cron("* */0 * * *", "hour: `*/0` has a step of 0");
    cron("* */x * * *", "hour: the step of `*/x` is no number");
    cron("* */2/2 * * *", "hour: the step of `*/2/2` is no number");
    cron("* */+2 * * *", "hour: the step of `*/+2` is no number");
    cron("* 22-3 * * *", "hour: the range `22-3` goes down: write `22-23,0-3`");
    cron("* * * * 5-1", "day of week: the range `5-1` goes down: write `5-6,0-1`");
    cron("99999999999999999999 * * * *", "minute: `99999999999999999999` is not from 0 to 59");
    cron("* * 31 2,4 *", "day of month: no month of `2,4` has a day of `31`");
    cron("* * ٣ * *", "day of month: `٣` is no number");
    cron("@reboot", "there are @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly");
}

#[test]
fn zones_moments_and_intervals() {
    let error = CronClock::new("@daily").unwrap().time_zone("Europe/Lodnon").unwrap_err();
    assert_eq!(error.kind(), ScheduleErrorKind::TimeZone);
    assert_eq!(error.to_string(), "there is no time zone `Europe/Lodnon`: did you mean `Europe/London`?");
    for name in ["Mars/Olympus", "", "../../etc/passwd", "\0", "Europe"] {
        let error = IntervalClock::new("1h").unwrap().time_zone(name).unwrap_err();
        assert!(error.to_string().starts_with(&format!("there is no time zone `{name}`")), "{error}");
    }
    let error = "2021-01-01T00:00[Mars/Olympus]".into_moment().unwrap_err();
    assert_eq!(error.kind(), ScheduleErrorKind::TimeZone);
    for text in
        ["", "tomorrow", "2021-13-01", "2021-02-30", "2021-01-01T25:00", "2021-07-01T00:00+09:00[Europe/London]"]
    {
        let error = DatesClock::new([text]).unwrap_err();
        assert_eq!(error.kind(), ScheduleErrorKind::Moment);
        assert!(error.to_string().starts_with(&format!("`{text}` is no moment: ")), "{error}");
    }
    let error = DatesClock::new::<&str>([]).unwrap_err();
    assert_eq!(error.to_string(), "a clock of dates needs one at least");
    let error = IntervalClock::new("0s").unwrap_err();
    assert_eq!((error.kind(), &*error.to_string()), (ScheduleErrorKind::Interval, "Interval must be greater than 0."));
}

#[test]
fn the_ends_of_time() {
    let ends = [Timestamp::MIN, Timestamp::MAX, at("-009999-01-03T00:00:00Z"), at("9999-12-30T00:00:00Z")];
    for after in ends {
        for zone in ["UTC", "America/New_York", "Pacific/Apia"] {
            let cron = CronClock::new("30 2 * * *").unwrap().time_zone(zone).unwrap();
            assert!(cron.next(3, after).iter().all(|moment| moment.timestamp() > after));
            for every in
                [std::time::Duration::MAX, std::time::Duration::from_nanos(1), std::time::Duration::from_hours(24)]
            {
                let start = IntervalClock::new(every).unwrap().start_date(Timestamp::MIN).unwrap();
                assert!(start.next(3, after).iter().all(|moment| moment.timestamp() > after));
                let zoned = IntervalClock::new(every).unwrap().time_zone(zone).unwrap();
                assert!(zoned.next(3, after).iter().all(|moment| moment.timestamp() > after));
            }
        }
    }
}

/// Texts of the characters and words that mean something, and of some that mean nothing: none panics, and what is read
/// gives moments that come later and later.
#[test]
fn hostile_texts() {
    const PARTS: [&str; 34] = [
        "*",
        "/",
        "-",
        ",",
        "?",
        "0",
        "1",
        "5",
        "7",
        "23",
        "31",
        "59",
        "60",
        "255",
        "256",
        "99999999999999999999999",
        "sun",
        "SAT",
        "jan",
        "dec",
        "mon-",
        "@",
        "@daily",
        "L",
        "#",
        "W",
        " ",
        "  ",
        "\t",
        "\n",
        "\0",
        "é",
        "٣",
        "\u{202e}",
    ];
    let seed = seed();
    println!("seed {seed}");
    let mut random = Random(seed);
    let mut read = 0;
    for i in 0..4_000 {
        let fields = i % 2 == 0;
        let mut text = String::new();
        for field in 0..if fields { 5 } else { random.below(12) } {
            if fields && field > 0 {
                text.push(' ');
            }
            if fields && random.below(5) > 0 {
                text.push_str(random.of::<&str>(&["*", "1", "5", "7", "1-5", "*/3", "3,1", "?"]));
                continue;
            }
            for _ in 0..=random.below(3) {
                text.push_str(random.of::<&str>(&PARTS));
            }
        }
        let zone = *random.of(&["UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]);
        match CronClock::new(&text) {
            Ok(clock) => {
                read += 1;
                let mut after = at("2011-12-29T00:00:00Z");
                for moment in clock.time_zone(zone).unwrap().next(5, after) {
                    assert!(moment.timestamp() > after, "{text:?} in {zone}");
                    after = moment.timestamp();
                }
            }
            Err(error) => assert!(error.to_string().starts_with("Invalid cron string: "), "{error}"),
        }
        let _ = text.as_str().into_moment();
        // Slow: a zone that does not exist is looked for among all that do.
        if i % 40 < 2 {
            let _ = format!("2011-12-30T00:00[{text}]").as_str().into_moment();
            let _ = CronClock::new("@daily").unwrap().time_zone(&text);
        }
    }
    assert!(read > 100, "{read} texts were read");
}
