//! Cron clocks against the plainest way to run a cron text: look at the wall every minute of ten years.
//!
//! The oracle knows of time zones only what each half hour's offset is, and of the calendar what a date's weekday is.
use std::collections::BTreeSet;
use std::fmt::Write as _;

use prefect::jiff::civil::{Date, date};
use prefect::jiff::tz::TimeZone;
use prefect::jiff::{SignedDuration, Timestamp};
use prefect::schedule::{CronClock, IntervalClock};

use crate::at;
use crate::random::{Random, seed};

const ZONES: [&str; 5] =
    ["America/New_York", "Europe/London", "Australia/Lord_Howe", "America/Santiago", "Pacific/Apia"];
const TEXTS: [&str; 9] = [
    "0 */2 * * *",
    "15,40 2 * * *",
    "0 7,9 * * *",
    "20 */4 * * *",
    "15 7,8,13,19 * * *",
    "0 0 29 2 *",
    "*/20 0-3 * 3,4,9-12 0",
    "45 23 31 12 5",
    "30 2 1,15 */3 mon-wed",
];
/// In minutes since 1970.
type Minute = i64;

/// The offset of the local time at each half hour, in minutes. Clocks are changed at no other minutes in these years.
struct Zone {
    name: &'static str,
    first: Minute,
    offsets: Vec<Minute>,
}

impl Zone {
    fn new(name: &'static str, from: Date, to: Date) -> Self {
        let zone = TimeZone::get(name).unwrap();
        let [first, last] = [from, to].map(minute_of);
        let offset =
            |minute: Minute| Minute::from(zone.to_offset(Timestamp::from_second(minute * 60).unwrap()).seconds()) / 60;
        Self { name, first, offsets: (first..last).step_by(30).map(offset).collect() }
    }

    /// The minutes at which a cron text runs.
    fn moments(&self, times: &Times) -> Vec<Minute> {
        let mut found = BTreeSet::new();
        let mut minute = self.first;
        let mut highest = self.first + self.offsets[0] - 1;
        for offset in &self.offsets {
            // Plain loops: five million turns without optimisation.
            let end = minute + 30;
            while minute < end {
                let wall = minute + offset;
                // Times that the wall does not show come as late as they are left out.
                let mut left_out = highest + 1;
                while left_out < wall {
                    if times.fit(left_out) {
                        found.insert(minute + (left_out - highest - 1));
                    }
                    left_out += 1;
                }
                if wall > highest {
                    if times.fit(wall) {
                        found.insert(minute);
                    }
                    highest = wall;
                }
                minute += 1;
            }
        }
        found.into_iter().collect()
    }
}

fn minute_of(date: Date) -> Minute {
    date.to_zoned_datetime(TimeZone::UTC).unwrap().timestamp().as_second() / 60
}

/// What a cron text means, written down the slow way.
struct Times {
    first_day: usize,
    /// For each day since then.
    days: Vec<bool>,
    /// For each minute of a day.
    minutes: Vec<bool>,
}

impl Times {
    fn new(text: &str, from: Date, to: Date) -> Self {
        let [minute, hour, day, month, weekday] = text.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let [minutes, hours] = [values(minute, 0, 59), values(hour, 0, 23)];
        let [days, months, weekdays] = [values(day, 1, 31), values(month, 1, 12), values(weekday, 0, 7)];
        let either = !day.starts_with('*') && !weekday.starts_with('*');
        // A day more on either side, for the offsets.
        let all = std::iter::successors(Some(from.yesterday().unwrap()), |date| date.tomorrow().ok());
        let fits = |date: Date| {
            let by_day = days.contains(&date.day());
            let sunday_0 = date.weekday().to_sunday_zero_offset();
            let by_weekday = weekdays.contains(&sunday_0) || (sunday_0 == 0 && weekdays.contains(&7));
            months.contains(&date.month()) && if either { by_day || by_weekday } else { by_day && by_weekday }
        };
        Self {
            first_day: usize::try_from(minute_of(from) / 1440 - 1).unwrap(),
            days: all.take_while(|date| *date <= to.tomorrow().unwrap()).map(fits).collect(),
            minutes: (0..24)
                .flat_map(|h| (0..60).map(move |m| (h, m)))
                .map(|(h, m)| hours.contains(&h) && minutes.contains(&m))
                .collect(),
        }
    }

    fn fit(&self, wall: Minute) -> bool {
        let since = usize::try_from(wall).expect("after 1970");
        self.minutes[since % 1440] && self.days[since / 1440 - self.first_day]
    }
}

fn values(field: &str, min: i8, max: i8) -> BTreeSet<i8> {
    let name = |text: &str| {
        const NAMES: &str = "sun0mon1tue2wed3thu4fri5sat6";
        let named = || NAMES.as_bytes()[NAMES.find(text).unwrap() + 3] - b'0';
        text.parse().unwrap_or_else(|_| i8::try_from(named()).unwrap())
    };
    let item = |item: &str| {
        let (range, step) = item.split_once('/').map_or((item, 1), |(range, step)| (range, step.parse().unwrap()));
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (min, max),
            Some((from, to)) => (name(from), name(to)),
            None => (name(range), if step > 1 { max } else { name(range) }),
        };
        (from..=to).step_by(step).collect::<Vec<_>>()
    };
    field.split(',').flat_map(item).collect()
}

/// Compares a clock with the oracle from its first moment in these years to its last.
fn compare(text: &str, zone: &Zone, from: Date, to: Date) {
    let expected = zone.moments(&Times::new(text, from, to));
    let clock = CronClock::new(text).unwrap().time_zone(zone.name).unwrap();
    let last = at("1970-01-01T00:00:00Z") + SignedDuration::from_mins(minute_of(to));
    let clock = clock.end_date(last - SignedDuration::from_secs(1)).unwrap();
    let before = from.to_zoned_datetime(TimeZone::UTC).unwrap().timestamp() - SignedDuration::from_nanos(1);
    let found = clock.next(usize::MAX, before);
    let found: Vec<Minute> = found
        .iter()
        .map(|moment| {
            assert_eq!(moment.timestamp().as_nanosecond() % 60_000_000_000, 0);
            moment.timestamp().as_second() / 60
        })
        .collect();
    if let Some(i) = (0..found.len().max(expected.len())).find(|i| found.get(*i) != expected.get(*i)) {
        let shown = |minute: Option<&Minute>| {
            minute.map(|minute| Timestamp::from_second(minute * 60).unwrap().in_tz(zone.name).unwrap().to_string())
        };
        panic!("{text} in {}: {:?}, and the oracle {:?}", zone.name, shown(found.get(i)), shown(expected.get(i)));
    }
}

#[test]
fn ten_years_in_five_zones() {
    let (from, to) = (date(2008, 1, 1), date(2018, 1, 1));
    for zone in ZONES.map(|name| Zone::new(name, from, to)) {
        for text in TEXTS {
            compare(text, &zone, from, to);
        }
    }
}

/// Texts that run often, around changes of the clocks: a day left out in Apia in December 2011.
#[test]
fn every_few_minutes() {
    let (from, to) = (date(2011, 9, 1), date(2012, 5, 1));
    for zone in ZONES.map(|name| Zone::new(name, from, to)) {
        for text in ["*/5 * * * *", "* 1-3 * * *"] {
            compare(text, &zone, from, to);
        }
    }
}

/// An interval of days at a time is a cron text of that time, and the oracle judges the text.
#[test]
fn intervals_of_days() {
    let (from, to) = (date(2008, 1, 1), date(2018, 1, 1));
    for name in ZONES {
        for (hour, minute) in [(0, 0), (1, 30), (2, 15), (2, 45), (9, 0), (23, 30)] {
            let cron = CronClock::new(&format!("{minute} {hour} * * *")).unwrap().time_zone(name).unwrap();
            let start = from.at(hour, minute, 0, 0).in_tz(name).unwrap();
            let before = start.timestamp() - SignedDuration::from_nanos(1);
            let end = to.in_tz(name).unwrap();
            let days = IntervalClock::new("1d").unwrap().start_date(start).unwrap().end_date(&end).unwrap();
            let (found, expected) = (days.next(9999, before), cron.end_date(&end).unwrap().next(9999, before));
            let differs = found.iter().zip(&expected).find(|(found, expected)| found != expected);
            assert!(differs.is_none() && found.len() == expected.len(), "{hour}:{minute} in {name}: {differs:?}");
            assert!(expected.len() > 3640);
        }
    }
}

#[test]
fn random_texts() {
    let seed = seed();
    println!("seed {seed}");
    let mut random = Random(seed);
    let (from, to) = (date(2008, 1, 1), date(2018, 1, 1));
    let zones = ZONES.map(|name| Zone::new(name, from, to));
    for _ in 0..6 {
        let text = random.text();
        compare(&text, random.of(&zones), from, to);
    }
}

impl Random {
    fn text(&mut self) -> String {
        // The hours around changes of the clocks.
        let minute = self.field(0, 59);
        let hour = if self.below(2) == 0 { self.field(0, 3) } else { self.field(0, 23) };
        format!("{minute} {hour} {} {} {}", self.day(1, 31), self.day(1, 12), self.day(0, 6))
    }

    fn day(&mut self, min: u64, max: u64) -> String {
        if self.below(2) == 0 { "*".to_owned() } else { self.field(min, max) }
    }

    fn field(&mut self, min: u64, max: u64) -> String {
        let mut text = String::new();
        for i in 0..=self.below(2) {
            let from = min + self.below(max - min + 1);
            let to = from + self.below(max - from + 1);
            let comma = if i > 0 { "," } else { "" };
            match self.below(4) {
                0 => write!(text, "{comma}{from}-{to}").unwrap(),
                1 => write!(text, "{comma}{from}-{to}/{}", 2 + self.below(9)).unwrap(),
                _ => write!(text, "{comma}{from}").unwrap(),
            }
        }
        text
    }
}
